"""Names and kinds of chunks, taken from the definitions in them."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import NamedTuple

from raycontext.chunk.lines import Lines
from raycontext.chunk.packing import Span
from raycontext.chunk.units import Draft
from raycontext.models import Chunk, ChunkKind

__all__ = ["Definition", "label"]

MAX_SYMBOL_NAMES = 8
"""Largest number of definitions that the symbol of one chunk names."""
TOP_LEVELS = 2
"""Number of levels whose definitions do not count as nested."""
LARGE_CONSTANT_ROWS = 5
"""Height in rows from which on a constant ranks higher."""

_row = attrgetter("row")


class Definition(NamedTuple):
    """Definition in a file: a name that the file defines or declares."""

    name: str
    kind: ChunkKind
    """Kind of the definition, such as function or class."""
    line: int
    """Line of the name, from 1."""
    end_line: int
    """Last line of the definition, inclusive."""
    chunk: int
    """Index of the chunk that holds the name, in the list of the file's chunks."""
    nested: bool
    """Whether it stands below the top two levels, where namespaces do not count, or is a namespace without a body."""
    has_body: bool
    """Whether it has a body. A declaration has none."""
    scope: str = ""
    """Names of the definitions around it, outermost first, joined by " > "."""


def label(
    lines: Lines, spans: list[Span], drafts: list[Draft], plain: ChunkKind
) -> tuple[list[Chunk], list[Definition]]:
    """Make chunks from spans, and definitions from drafts. Return both lists in order.

    Blank rows at the ends of spans, and spans of blank rows alone, are dropped. `plain` is the kind of a chunk that
    holds neither a definition nor imports.
    """
    trimmed = []
    for span in spans:
        rows = lines.trimmed(span.first, span.last)
        if rows is not None:
            trimmed.append(Span(rows[0], rows[1], span.scope, span.imports, span.owner))
    firsts = [span.first for span in trimmed]
    members: list[list[Draft]] = [[] for _ in trimmed]
    definitions: list[Definition] = []
    seen: set[tuple[str, int]] = set()
    for draft in sorted(drafts, key=_row):  # the sort is stable: outer definitions stay before inner ones
        row = draft.row
        key = (draft.name, row)
        index = bisect_right(firsts, row) - 1
        if index < 0 or key in seen:
            continue
        seen.add(key)
        members[index].append(draft)
        definitions.append(
            Definition(
                draft.name,
                draft.kind,
                lines.number(row),
                lines.number(max(draft.unit.last, row)),
                index,
                draft.depth >= TOP_LEVELS or _is_namespace(draft),
                draft.has_body,
                draft.scope,
            )
        )
    chunks = [_chunk(lines, span, found, plain) for span, found in zip(trimmed, members, strict=True)]
    return chunks, definitions


def _chunk(lines: Lines, span: Span, drafts: list[Draft], plain: ChunkKind) -> Chunk:
    """Make the chunk of one span. `drafts` are the definitions whose names stand in it."""
    owner = span.owner
    if not drafts and owner is not None and span.last < owner.row:
        # A chunk with only the long comment before a definition gets the name of that definition.
        kind, symbol, scope = owner.kind, owner.name, owner.scope
    elif not drafts or (span.imports and all(_is_namespace(draft) for draft in drafts)):
        kind = ChunkKind.IMPORT if span.imports else plain
        symbol, scope = "", span.scope
    elif len(drafts) == 1:
        only = drafts[0]
        kind, symbol, scope = only.kind, only.name, only.scope
    else:
        ranks = [_rank(draft) for draft in drafts]
        best = min(ranks)
        main = min((draft for draft, rank in zip(drafts, ranks, strict=True) if rank == best), key=_prominence)
        order = sorted(range(len(drafts)), key=ranks.__getitem__)
        names = dict.fromkeys([main.name, *(drafts[index].name for index in order)])
        kind, symbol, scope = main.kind, " ".join(list(names)[:MAX_SYMBOL_NAMES]), main.scope
    end = lines.starts[span.last + 1]
    if lines.data[end - 1 : end] == b"\n":
        end -= 1
    return Chunk(lines.number(span.first), lines.number(span.last), lines.starts[span.first], end, kind, symbol, scope)


def _is_namespace(draft: Draft) -> bool:
    """Return whether a draft is that of a namespace that holds the rest of the file, such as `namespace a.b;`."""
    return draft.kind is _MODULE and not draft.has_body


_CLASS = ChunkKind.CLASS
_INTERFACE = ChunkKind.INTERFACE
_ENUM = ChunkKind.ENUM
_FUNCTION = ChunkKind.FUNCTION
_METHOD = ChunkKind.METHOD
_TYPE = ChunkKind.TYPE
_MACRO = ChunkKind.MACRO
_CONSTANT = ChunkKind.CONSTANT
_MODULE = ChunkKind.MODULE


def _rank(draft: Draft) -> int:
    """Return the rank of a definition as the name of a chunk. 0 is the best; a higher rank matters less."""
    kind = draft.kind
    if kind is _CONSTANT:
        rank = 3 if draft.rows >= LARGE_CONSTANT_ROWS else 4
    elif kind is _METHOD or kind is _FUNCTION:
        rank = 1
    elif kind is _CLASS or kind is _INTERFACE or kind is _ENUM:
        rank = 0
    elif kind is _MODULE:
        rank = 0 if draft.type_like else 5
    elif kind is _MACRO:
        rank = 2 if draft.rows > 1 else 3
    elif kind is _TYPE:
        rank = 2
    else:  # a test or a section
        rank = 1
    return rank if draft.has_body else rank + 2


def _prominence(draft: Draft) -> tuple[bool, int, int, int, int]:
    """Return a key that sorts definitions of one rank, the most prominent first.

    Other definitions come before namespaces. Then the outermost comes first, then the tallest, then the first one.
    Among nested namespaces of one depth, the innermost comes first, since it says best what the chunk is about.
    """
    is_module = draft.kind is _MODULE
    inwardness = len(draft.scope.split(" > ")) if is_module and draft.scope else 0
    return is_module, draft.depth, -inwardness, -draft.rows, draft.row
