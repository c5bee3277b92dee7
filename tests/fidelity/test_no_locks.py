"""No lock anywhere: neither between threads, nor between coroutines, nor between processes by files.

What stands in the place of locks: docs/decisions/actors-instead-of-locks.md.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import raycontext

PACKAGE = Path(raycontext.__file__).parent
LOCKS = {
    # threading, asyncio, multiprocessing
    *("Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Barrier", "SemLock", "allocate_lock"),
    # of files
    *("flock", "lockf", "locking", "LOCK_EX", "LOCK_SH", "F_SETLK", "F_SETLKW", "F_OFD_SETLK", "O_EXLOCK", "O_SHLOCK"),
    *("FileLock", "SoftFileLock", "UnixFileLock", "InterProcessLock", "LockFile"),
    # what is done with any of them
    *("acquire", "acquire_lock"),
}
LIBRARIES = {"fcntl", "msvcrt", "_thread", "filelock", "portalocker", "fasteners", "lockfile", "oslo_concurrency"}
NAMES_OF_OTHERS = {
    "analyse/path_kinds.py": "kinds of files: what package managers write",
    "chunk/language_names.py": "likewise",
    "sources/git.py": "git has locks of its own, and a run waits until they are gone",
}
"""Modules that speak of lock files, which are not ours."""

CREATED_ONCE = {
    "serve/daemon_files.py": "a temporary file of a random name, which nobody else can have opened",
    "serve/install/change.py": "likewise",
    "sources/archive.py": "what is extracted overwrites nothing",
    "store/object_cache.py": "a temporary file of a random name",
    "store/storage.py": "a file of a segment, whose folder has a name of its own, or on its way to a manifest",
}
"""Modules that create files only where there are none. None of them waits for such a file to go away, or removes one
that another process has made, which is what a lock file is."""


def locks_in(source: str) -> list[str]:
    """What a module has of locks: names of its code, never of its comments."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) if name in LOCKS:
                found.append(name)
            case ast.Import(names=aliases):
                found += [alias.name for alias in aliases if alias.name.split(".")[0] in LIBRARIES]
            case ast.ImportFrom(module=module, names=aliases):
                found += [alias.name for alias in aliases if alias.name in LOCKS]
                found += [str(module)] if str(module).split(".")[0] in LIBRARIES else []
    return found


def lock_names_in(source: str) -> list[str]:
    """Texts that may name a lock file."""
    constants = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return [value for value in constants if isinstance(value, str) and ".lock" in value]


def creates_exclusively(source: str) -> bool:
    """Whether a module opens files that must not exist."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "O_EXCL":
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            if called == "open" and any(isinstance(mode, ast.Constant) and "x" in str(mode.value) for mode in given):
                return True
    return False


def modules() -> dict[str, str]:
    found = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in PACKAGE.rglob("*.py")}
    assert len(found) > 100
    return found


def test_no_module_has_a_lock() -> None:
    found = {name: locks_in(source) for name, source in modules().items()}
    assert {name: locks for name, locks in found.items() if locks} == {}


def test_no_module_has_a_lock_file() -> None:
    found = modules()
    assert {name for name, source in found.items() if lock_names_in(source)} == set(NAMES_OF_OTHERS)
    assert {name for name, source in found.items() if creates_exclusively(source)} == set(CREATED_ONCE)


@pytest.mark.parametrize(
    "source",
    [
        "import threading\nguard = threading.Lock()",
        "from asyncio import Semaphore as Gate",
        "from multiprocessing.synchronize import RLock",
        "import fcntl",
        "from filelock import FileLock",
        "async def f(self):\n    await self.guard.acquire()",
        "import _thread\nguard = _thread.allocate_lock()",
    ],
)
def test_lock_would_be_found(source: str) -> None:
    assert locks_in(source)


@pytest.mark.parametrize(
    "source",
    ["os.open(path, os.O_CREAT | os.O_EXCL)", "open(path, 'x')", "path.open('xb')", "path.open(mode='x')"],
)
def test_exclusive_creation_would_be_found(source: str) -> None:
    assert creates_exclusively(source)
    assert lock_names_in("path = root / '.lock'")
