"""Cut a file into definition-level chunks and list the names that it defines."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from raycontext.chunk.faults import FAULTS, fail
from raycontext.chunk.labels import Definition, label
from raycontext.chunk.languages.grammars import parser_for
from raycontext.chunk.lines import Lines
from raycontext.chunk.packing import Packer
from raycontext.chunk.readers.config import config_outline
from raycontext.chunk.readers.embedded import embedded_script
from raycontext.chunk.readers.markdown import markdown_outline
from raycontext.chunk.readers.notebook import notebook_outline
from raycontext.chunk.readers.patterns import PATTERN_LANGUAGES, pattern_outline
from raycontext.chunk.readers.plain import text_chunks
from raycontext.chunk.readers.rst import rst_outline
from raycontext.chunk.syntax.outline import Outliner
from raycontext.chunk.syntax.parsing import MAX_LINE_BYTES, parse
from raycontext.chunk.syntax.tables import rules_for
from raycontext.chunk.units import Draft, Level, Unit
from raycontext.models import Chunk, ChunkKind

__all__ = ["ChunkedFile", "Definition", "chunk_file"]

PROSE = frozenset({"asciidoc", "latex", "markdown", "notebook", "org", "rst", "text"})

Outline = Callable[[Lines], tuple[list[Unit], list[Draft]]]

# Languages that are read line by line rather than through a grammar.
_READERS: dict[str, Outline] = {
    "markdown": markdown_outline,
    "notebook": notebook_outline,
    "rst": rst_outline,
    **{name: config_outline(name) for name in ("ini", "json", "properties", "toml", "yaml")},
    **{name: pattern_outline(name) for name in PATTERN_LANGUAGES},
}


class ChunkedFile(NamedTuple):
    """A file cut up. Chunks are in order, do not overlap and hold every line that is not blank."""

    chunks: list[Chunk]
    parsed: bool  # False: cut by lines, for want of a grammar or as it could not be parsed in time
    definitions: list[Definition]
    gave_up: bool = False  # there is a grammar, but a line is too long, or parsing took too long


def chunk_file(data: bytes, language: str, target_bytes: int) -> ChunkedFile:
    """Cut `data`, valid UTF-8 in `language` (a name of `LANGUAGES`), into chunks of about `target_bytes`.

    Boundaries are line boundaries. A chunk is larger than three times the target only where it is a
    single line. Never raises on valid UTF-8.
    """
    if FAULTS:
        fail(data)
    lines = Lines(data)
    plain = ChunkKind.SECTION if language in PROSE else ChunkKind.BLOCK
    reader = _READERS.get(language)
    if reader is not None:
        units, drafts = reader(lines)
        spans = Packer(lines, target_bytes, _closed).pack_file(units)
        chunks, definitions = label(lines, spans, drafts, plain)
        return ChunkedFile(chunks, True, definitions)
    outlined = _outline_by_grammar(lines, language, target_bytes)
    if outlined is None:
        return ChunkedFile(text_chunks(lines, target_bytes, plain), False, [], parser_for(language) is not None)
    units, outliner = outlined
    spans = Packer(lines, target_bytes, outliner.expand).pack_file(units)
    chunks, definitions = label(lines, spans, outliner.drafts, plain)
    outliner.release()
    return ChunkedFile(chunks, True, definitions)


def _outline_by_grammar(lines: Lines, language: str, target_bytes: int) -> tuple[list[Unit], Outliner] | None:
    data = lines.data
    if len(data) > MAX_LINE_BYTES and lines.longest() > MAX_LINE_BYTES:
        return None
    script = embedded_script(data, language)
    if script is not None:
        data, language = script.source, script.language
    parser = parser_for(language)
    if parser is None:
        return None
    root = parse(parser, data, language, closed_bytes=target_bytes)
    if root is None:
        return None
    outliner = Outliner(lines.data, rules_for(language))
    units = outliner.top(root)
    if script is not None:
        units = script.around(units, lines, Level())
    return units, outliner


def _closed(_unit: Unit) -> list[Unit]:
    """Units of a line reader have nothing inside."""
    return []
