"""Parse a file within a time limit."""

from __future__ import annotations

import re
from time import perf_counter

from tree_sitter import Node, Parser, Point

from raycontext.chunk.syntax.bodies import without_bodies
from raycontext.chunk.syntax.macros import C_LANGUAGES, without_macros

__all__ = ["MAX_LINE_BYTES", "PARSE_SECONDS", "parse"]

PARSE_SECONDS = 5.0
MAX_LINE_BYTES = 1 << 20  # a file with a line this long is made by a machine: it is not parsed


def parse(
    parser: Parser, data: bytes, language: str, *, closed_bytes: int = 0, seconds: float = PARSE_SECONDS
) -> Node | None:
    """Root of the syntax tree; None where parsing ran over `seconds`.

    Nothing need be told of the inside of definitions of at most `closed_bytes`. Offsets are those of `data`, also
    where macros and bodies of C were blanked out or characters replaced before parsing.
    """
    deadline = perf_counter() + seconds
    source = without_macros(data, language) if language in C_LANGUAGES else data
    if language == "c":
        source = without_bodies(source, closed_bytes)
    return _parse(parser, _in_first_plane(source), deadline)


# Scanners of several grammars (Bash, D, Odin, V) ask C's `isalpha` about any character: its table ends long before
# an emoji, and the process with it. Letters in their place keep all offsets; names are read from the file itself.
_BEYOND_FIRST_PLANE = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")


def _in_first_plane(data: bytes) -> bytes:
    return data if data.isascii() else _BEYOND_FIRST_PLANE.sub(b"xxxx", data)


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
