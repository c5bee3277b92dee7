"""Entry point of chunking: one file in, its chunks and its definitions out."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from raycontext.chunk.labels import Definition, label
from raycontext.chunk.languages.grammars import parser_for
from raycontext.chunk.lines import Lines
from raycontext.chunk.packing import Packer
from raycontext.chunk.readers.config import config_outline
from raycontext.chunk.readers.embedded import embedded_script
from raycontext.chunk.readers.markdown import markdown_outline
from raycontext.chunk.readers.notebook import notebook_outline
from raycontext.chunk.readers.patterns import pattern_reader
from raycontext.chunk.readers.plain import text_chunks
from raycontext.chunk.readers.rst import rst_outline
from raycontext.chunk.readers.tables import PATTERNS
from raycontext.chunk.syntax.outline import Outliner
from raycontext.chunk.syntax.parsing import MAX_LINE_BYTES, parse
from raycontext.chunk.syntax.tables import rules_for
from raycontext.chunk.units import Draft, Level, Unit
from raycontext.models import Chunk, ChunkKind

__all__ = ["ChunkedFile", "Definition", "chunk_file"]

PROSE = frozenset({"asciidoc", "latex", "markdown", "notebook", "org", "rst", "text"})
"""Languages whose chunks without a definition are sections. In other languages, such chunks are blocks."""

REASSIGNED = frozenset({"bash", "cmake", "cython", "fish", "make", "perl", "powershell", "tcl"})
"""Languages in which an assignment is the only declaration of a variable, and sets it again later on."""

Outline = Callable[[Lines], tuple[list[Unit], list[Draft]]]
"""Reader of a language: a function of the rows of a file that returns its units and its definitions."""

# Readers of the languages that are read line by line and not by a grammar.
_READERS: dict[str, Outline] = {
    "markdown": markdown_outline,
    "notebook": notebook_outline,
    "rst": rst_outline,
    **{name: config_outline(name) for name in ("ini", "json", "properties", "toml", "yaml")},
    **{name: pattern_reader(patterns) for name, patterns in PATTERNS.items()},
}


class ChunkedFile(NamedTuple):
    """Chunks and definitions of one file."""

    chunks: list[Chunk]
    """Chunks in order. They do not overlap, and they cover every line that is not blank."""
    definitions: list[Definition]
    """Names that the file defines or declares, in the order of their lines."""
    gave_up: bool = False
    """Whether the file was cut by lines although there is a grammar: a line is too long, or parsing takes too long."""
    too_long_line: bool = False
    """Whether a line is longer than `MAX_LINE_BYTES`."""


def chunk_file(data: bytes, language: str, target_bytes: int) -> ChunkedFile:
    """Cut a file into chunks of about `target_bytes` bytes each.

    `data` is the content of the file as valid UTF-8. `language` is a name of `LANGUAGES`. Chunks begin and end at line
    boundaries. A chunk is larger than three times the target only when it is a single line. Valid UTF-8 raises no
    error.
    """
    lines = Lines(data)
    plain = ChunkKind.SECTION if language in PROSE else ChunkKind.BLOCK
    reader = _READERS.get(language)
    if reader is not None:
        units, drafts = reader(lines)
        spans = Packer(lines, target_bytes, _closed).pack_file(units)
        chunks, definitions = label(lines, spans, _declared(drafts, language), plain)
        return ChunkedFile(chunks, definitions)
    too_long_line = len(data) > MAX_LINE_BYTES and lines.longest() > MAX_LINE_BYTES
    outlined = None if too_long_line else _outline_by_grammar(lines, language, target_bytes)
    if outlined is None:
        gave_up = parser_for(language) is not None
        return ChunkedFile(text_chunks(lines, target_bytes, plain), [], gave_up, too_long_line)
    units, outliner = outlined
    spans = Packer(lines, target_bytes, outliner.expand).pack_file(units)
    chunks, definitions = label(lines, spans, _declared(outliner.drafts, language), plain)
    outliner.release()
    return ChunkedFile(chunks, definitions)


def _outline_by_grammar(lines: Lines, language: str, target_bytes: int) -> tuple[list[Unit], Outliner] | None:
    """Parse a file and return its top-level units, with the outliner that can open them further.

    Return None when the file has too long a line, has no grammar, or takes too long to parse.
    """
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


def _declared(drafts: list[Draft], language: str) -> list[Draft]:
    """Return the drafts without later assignments to a variable that the file has defined before."""
    if language not in REASSIGNED:
        return drafts
    kept = []
    seen: set[tuple[str, str]] = set()
    for draft in sorted(drafts, key=lambda draft: draft.row):
        if draft.kind is ChunkKind.CONSTANT:
            if (draft.scope, draft.name) in seen:
                continue
            seen.add((draft.scope, draft.name))
        kept.append(draft)
    return kept


def _closed(_unit: Unit) -> list[Unit]:
    """Return no units, since a line reader leaves no unit closed."""
    return []
