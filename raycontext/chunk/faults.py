"""Faults on purpose, so that tests can see what a broken grammar does to a run.

`RAYCONTEXT_CHUNKER_FAULTS` holds `FAULT=TEXT` pairs, separated by commas: a file that contains TEXT makes its process
crash (`segfault`), never end (`loop`), allocate 8 GB (`memory`) or raise (`error`). Read once, when a process starts.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable

__all__ = ["FAULTS", "VARIABLE", "fail"]

VARIABLE = "RAYCONTEXT_CHUNKER_FAULTS"


def _segfault() -> None:
    ctypes.string_at(0)


def _loop() -> None:
    while True:
        pass


def _memory() -> None:
    bytearray(8 << 30)


def _error() -> None:
    raise RuntimeError("a fault on purpose")


_KINDS: dict[str, Callable[[], None]] = {"segfault": _segfault, "loop": _loop, "memory": _memory, "error": _error}

FAULTS: tuple[tuple[bytes, Callable[[], None]], ...] = tuple(
    (text.encode(), _KINDS[kind])
    for kind, _, text in (pair.partition("=") for pair in os.environ.get(VARIABLE, "").split(",") if pair)
)
"""Empty outside of tests."""


def fail(data: bytes) -> None:
    """Fail as the content asks for."""
    for text, fault in FAULTS:
        if text in data:
            fault()
