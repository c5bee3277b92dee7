"""Parsing of a file within a limit of CPU time."""

from __future__ import annotations

import re
from time import thread_time

from tree_sitter import Node, Parser, Point

from raycontext.chunk.syntax.bodies import without_bodies
from raycontext.chunk.syntax.macros import C_LANGUAGES, without_macros

__all__ = ["MAX_LINE_BYTES", "PARSE_ATTEMPTS", "parse"]

PARSE_CPU_SECONDS = 10.0
"""CPU time of its thread that parsing a file may take, twenty times what the largest ordinary file takes.

A few texts make a parser work for minutes: its scanner reads the same bytes again and again. CPU time hardly depends on
what else the machine does, as time on the clock would."""

PARSE_ATTEMPTS = 2
"""Number of index runs that try to parse a file before it stays cut by lines until it changes, or the parser does."""

MAX_LINE_BYTES = 1 << 20
"""Longest line of a file that is parsed, in bytes. A file with a longer line was written by a machine."""


def parse(parser: Parser, data: bytes, language: str, *, closed_bytes: int = 0) -> Node | None:
    """Parse source code and return the root of its syntax tree; None when that takes more than `PARSE_CPU_SECONDS`.

    The tree may lack the inside of definitions of at most `closed_bytes` bytes. All offsets in the tree are offsets in
    `data`, even when macros and bodies of C were blanked out or characters were replaced before parsing.
    """
    source = without_macros(data, language) if language in C_LANGUAGES else data
    if language == "c":
        source = without_bodies(source, closed_bytes)
    return _parse(parser, _in_first_plane(source), PARSE_CPU_SECONDS)


STEPS_PER_LOOK = 64
"""Number of the parser's steps, of at most 5 ms, between two looks at the time. A look costs more than most steps."""

# Scanners of several grammars (Bash, D, Odin, V) call C's `isalpha` with any character. For an emoji it reads beyond
# its table, and the process crashes. Letters in place of such characters keep all offsets. Names are read from the
# file itself.
_BEYOND_FIRST_PLANE = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")


def _in_first_plane(data: bytes) -> bytes:
    """Return UTF-8 in which each character of four bytes is replaced by four letters."""
    return data if data.isascii() else _BEYOND_FIRST_PLANE.sub(b"xxxx", data)


def _parse(parser: Parser, data: bytes, cpu_seconds: float) -> Node | None:
    """Parse for at most `cpu_seconds` of CPU time of this thread. Return None when they are over."""
    # Parsing can be cancelled only when the source is read by a function.
    view = memoryview(data)
    deadline = thread_time() + cpu_seconds
    steps = 0

    def read(offset: int, _point: Point | tuple[int, int]) -> memoryview:
        return view[offset:]

    def is_too_much(_offset: int, _has_error: bool) -> bool:
        nonlocal steps
        steps += 1
        return not steps % STEPS_PER_LOOK and thread_time() > deadline

    try:
        return parser.parse(read, progress_callback=is_too_much).root_node
    except ValueError:
        parser.reset()
        return None
