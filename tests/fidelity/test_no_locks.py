"""No lock anywhere: neither between threads, nor between coroutines, nor between processes by files.

What stands in the place of locks: docs/decisions/actors-instead-of-locks.md.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import raycontext

from ..parsed import parsed

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
    "chunk/languages/names.py": "likewise",
    "sources/git.py": "git has locks of its own, and a run waits until they are gone",
}
"""Modules that speak of lock files, which are not ours."""

CREATED_ONCE = {
    "serve/daemon/claim.py": "a temporary file of a random name, on its way to a name that is put if absent",
    "cli/install/change.py": "a temporary file of a random name, which nobody else can have opened",
    "sources/archive.py": "what is extracted overwrites nothing",
    "store/storage/open_folder.py": "a file of a segment, in a folder of its own, or on its way to a manifest",
    "files/user_records.py": "a record on its way to a name that is put if absent",
}
"""Modules that create files only where there are none. None of them waits for such a file to go away, or removes one
that another process has made, which is what a lock file is."""


def locks_in(tree: ast.AST) -> list[str]:
    """What a module has of locks: names of its code, never of its comments."""
    found: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) if name in LOCKS:
                found.append(name)
            case ast.Import(names=aliases):
                found += [alias.name for alias in aliases if alias.name.split(".")[0] in LIBRARIES]
            case ast.ImportFrom(module=module, names=aliases):
                found += [alias.name for alias in aliases if alias.name in LOCKS]
                found += [str(module)] if str(module).split(".")[0] in LIBRARIES else []
    return found


def lock_names_in(tree: ast.AST) -> list[str]:
    """Texts that may name a lock file."""
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return [value for value in constants if isinstance(value, str) and ".lock" in value]


def creates_exclusively(tree: ast.AST) -> bool:
    """Whether a module opens files that must not exist."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "O_EXCL":
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            if called == "open" and any(isinstance(mode, ast.Constant) and "x" in str(mode.value) for mode in given):
                return True
    return False


@pytest.fixture(scope="module")
def modules() -> dict[str, ast.Module]:
    """What each module says, by its path in the package."""
    found = {path.relative_to(PACKAGE).as_posix(): parsed(path) for path in PACKAGE.rglob("*.py")}
    assert len(found) > 100
    return found


def test_no_module_has_a_lock(modules: dict[str, ast.Module]) -> None:
    found = {name: locks_in(tree) for name, tree in modules.items()}
    assert {name: locks for name, locks in found.items() if locks} == {}


def test_no_module_has_a_lock_file(modules: dict[str, ast.Module]) -> None:
    assert {name for name, tree in modules.items() if lock_names_in(tree)} == set(NAMES_OF_OTHERS)
    assert {name for name, tree in modules.items() if creates_exclusively(tree)} == set(CREATED_ONCE)


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
    assert locks_in(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    ["os.open(path, os.O_CREAT | os.O_EXCL)", "open(path, 'x')", "path.open('xb')", "path.open(mode='x')"],
)
def test_exclusive_creation_would_be_found(source: str) -> None:
    assert creates_exclusively(ast.parse(source))


def test_name_of_a_lock_file_would_be_found() -> None:
    assert lock_names_in(ast.parse("path = root / '.lock'"))
