"""What other platforms have otherwise: flags that lack, drive letters, separators, case."""

from __future__ import annotations

import json
import ntpath
import os
import subprocess
import sys
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import pytest

from raycontext.batch import entries
from raycontext.daemon_client import lifecycle
from raycontext.discover import opening, private_places
from raycontext.errors import InvalidInput
from raycontext.index import request
from raycontext.store import catalog
from raycontext.store.storage.memory import MemoryStorage

from ..conftest import CART, PAYMENT, write_tree

pytestmark = pytest.mark.process

WITHOUT = """
import os, sys
for name in ("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "getuid"):
    delattr(os, name)
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None  # cannot be imported
"""
"""Before anything of raycontext is imported: what only POSIX has is not there."""

PROGRAM = """
import json
import raycontext

with raycontext.connect(root="root", runtime="inline", workers=1) as context:
    first = context.index("shop")
    again = context.index("shop")
    hits = context.search("charge a credit card", path="shop")
    print(json.dumps([first.files, again.changed, hits[0].path, context.verify(deep=True)[0].damage]))
    context.clear(first.collection)
"""


class WindowsOs(SimpleNamespace):
    """`os` as Windows has it, as far as names of paths go."""

    path, sep, pardir, fspath = ntpath, "\\", "..", staticmethod(os.fspath)


def failing(path: str) -> None:
    """Stand in for `os.stat` where no file exists."""
    raise FileNotFoundError(path)


def test_index_and_search_without_what_only_posix_has(tmp_path: Path) -> None:
    write_tree(tmp_path / "shop", {"cart.py": CART, "pay/card.py": PAYMENT, ".gitignore": "*.log\n", "a.log": "x\n"})
    # The libraries come first: they know by themselves which platform this is.
    libraries = "import asyncio, cffi, platformdirs, psutil, pyarrow, pydantic_settings, subprocess, tree_sitter\n"
    done = subprocess.run(
        [sys.executable, "-c", libraries + WITHOUT + PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [3, False, "pay/card.py", []]


def test_flags_that_a_platform_lacks_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "os", SimpleNamespace(O_RDONLY=0, O_BINARY=0x8000))
    assert opening.open_flags("O_NOFOLLOW", "O_NONBLOCK") == 0x8000


@pytest.mark.parametrize(
    ("folder", "home"),
    [
        ("C:\\", True),
        ("C:\\Users", True),
        ("c:\\users\\ME", True),
        ("C:\\Users\\me\\src", False),
        ("D:\\", False),
        ("c:\\users\\me\\.SSH\\a", True),
    ],
)
def test_home_folder_is_known_with_drive_and_case(monkeypatch: pytest.MonkeyPatch, folder: str, home: bool) -> None:
    monkeypatch.setattr(private_places, "os", WindowsOs(stat=failing))
    monkeypatch.setattr(private_places, "real_path", lambda _: "C:\\Users\\Me")
    assert bool(private_places.why_private(folder)) == home


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("C:\\Users\\Me\\src", "src"),
        ("c:\\users\\me\\SRC\\web\\a.js", "src"),
        ("C:\\Users\\Me\\src\\core\\deep\\a.go", "core"),
        ("C:\\Users\\Me\\source", None),
        ("D:\\Users\\Me\\src", None),
    ],
)
def test_collection_of_a_place_is_found_with_drive_and_case(
    monkeypatch: pytest.MonkeyPatch, path: str, name: str | None
) -> None:
    monkeypatch.setattr(catalog, "PurePath", PureWindowsPath)
    known = catalog.Catalog(MemoryStorage("memory://windows"))
    for source in ("C:\\Users\\Me\\src", "C:\\Users\\Me\\src\\core"):
        known.prepare(source, None)
    found = known.containing(path)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("path", "place"),
    [("web\\a.js", "web/a.js"), ("C:\\src\\web\\a.js", "web/a.js"), ("web/../b.py", "b.py"), (".", ".")],
)
def test_places_within_a_source_have_slashes(monkeypatch: pytest.MonkeyPatch, path: str, place: str) -> None:
    monkeypatch.setattr(request, "os", WindowsOs())
    assert request.places_within("C:\\src", [path]) == (place,)


@pytest.mark.parametrize("path", ["..\\other", "C:\\other\\a.py", "C:\\"])
def test_places_outside_of_a_source_are_refused(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(request, "os", WindowsOs())
    with pytest.raises(InvalidInput):
        request.places_within("C:\\src", [path])


def test_source_of_a_batch_is_named_after_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = entries.BatchEntry(folder="C:\\Users\\Me\\web shop\\")
    monkeypatch.setattr(entries, "os", WindowsOs())
    assert entry.name == "web-shop"


def test_there_is_no_daemon_where_unix_sockets_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAYCONTEXT_DAEMON")
    assert lifecycle.is_possible()
    monkeypatch.setattr(lifecycle, "HAS_UNIX_SOCKETS", False)
    assert not lifecycle.is_possible()
