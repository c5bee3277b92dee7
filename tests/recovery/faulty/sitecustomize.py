"""Makes chunking fail on purpose in every process whose `PYTHONPATH` begins with this folder, workers of Ray included.

`TEST_CHUNKER_FAULTS` holds `FAULT=TEXT` pairs, separated by commas: a file that contains TEXT makes its process crash
(`segfault`), never end (`loop`), allocate 8 GB (`memory`) or raise (`error`). Python imports this module by its name
when a process starts; it wraps `chunk_file` when that is imported.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

TARGET = "raycontext.chunk.chunker"


def _segfault() -> None:
    ctypes.string_at(0)


def _loop() -> None:
    while True:
        pass


def _memory() -> None:
    bytearray(8 << 30)


def _error() -> None:
    raise RuntimeError("a fault on purpose")


KINDS: dict[str, Callable[[], None]] = {"segfault": _segfault, "loop": _loop, "memory": _memory, "error": _error}
FAULTS = [
    (text.encode(), KINDS[kind])
    for kind, _, text in (pair.partition("=") for pair in os.environ["TEST_CHUNKER_FAULTS"].split(","))
]


class FaultyLoader(Loader):
    """Loads the module, then wraps its `chunk_file`."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        chunk_file = module.chunk_file

        def faulty(data: bytes, *arguments: Any) -> Any:
            for text, fault in FAULTS:
                if text in data:
                    fault()
            return chunk_file(data, *arguments)

        module.chunk_file = faulty  # type: ignore[attr-defined]


class FaultyFinder(MetaPathFinder):
    """Finds the one module that is to fail."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found = PathFinder.find_spec(fullname, path) if fullname == TARGET else None
        if found is not None and found.loader is not None:
            found.loader = FaultyLoader(found.loader)
        return found


sys.meta_path.insert(0, FaultyFinder())
