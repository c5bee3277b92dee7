"""Parse a file within a time limit."""

from __future__ import annotations

from time import perf_counter

from tree_sitter import Node, Parser, Point

from raycontext.chunk.macros import C_LANGUAGES, without_macros

__all__ = ["MAX_LINE_BYTES", "PARSE_SECONDS", "parse"]

PARSE_SECONDS = 5.0
MAX_LINE_BYTES = 1 << 20  # a file with a line this long is made by a machine: it is not parsed


def parse(parser: Parser, data: bytes, language: str, seconds: float = PARSE_SECONDS) -> Node | None:
    """Root of the syntax tree; None where parsing ran over `seconds`.

    Offsets are those of `data`, also where macros of C were blanked out before parsing.
    """
    deadline = perf_counter() + seconds
    return _parse(parser, without_macros(data, language) if language in C_LANGUAGES else data, deadline)


def _parse(parser: Parser, data: bytes, deadline: float) -> Node | None:
    # Parsing can only be cancelled when the source is read through a function.
    view = memoryview(data)

    def read(offset: int, _point: Point | tuple[int, int]) -> memoryview:
        return view[offset:]

    def is_late(_offset: int, _has_error: bool) -> bool:
        return perf_counter() > deadline

    try:
        return parser.parse(read, progress_callback=is_late).root_node
    except ValueError:
        parser.reset()
        return None
