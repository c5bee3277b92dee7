from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from raycontext.discover.opening import open_real
from raycontext.discover.walk import walk, walk_places
from raycontext.errors import RootNotFound
from raycontext.models import FileStat, SkippedFile, SkipReason

from ...conftest import write_tree

LIMIT_BYTES = 1000


def paths(root: Path) -> list[str]:
    return [file.path for file in walk(root, LIMIT_BYTES).files]


def test_files_come_sorted_with_their_status(tmp_path: Path) -> None:
    for name in ("b.py", "a/z.py", "a.py", "a/a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    listing = walk(tmp_path, LIMIT_BYTES)
    assert [file.path for file in listing.files] == ["a.py", "a/a.py", "a/z.py", "b.py"]
    status = (tmp_path / "a/a.py").stat()
    assert listing.files[1] == FileStat("a/a.py", 6, status.st_mtime_ns, status.st_ino)
    assert listing.skipped == []
    assert listing.unreadable_folders == []


def test_empty_folder_has_no_files(tmp_path: Path) -> None:
    assert paths(tmp_path) == []


def test_links_are_listed_as_skipped_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.py").touch()
    (tmp_path / "folder_link").symlink_to("real")
    (tmp_path / "file_link").symlink_to("real/a.py")
    (tmp_path / "real/loop").symlink_to("..")
    (tmp_path / "dangling").symlink_to("nowhere")
    listing = walk(tmp_path, LIMIT_BYTES)
    assert [file.path for file in listing.files] == ["real/a.py"]
    assert listing.skipped == [
        SkippedFile(path, SkipReason.SYMLINK) for path in ("dangling", "file_link", "folder_link", "real/loop")
    ]


def test_fifo_and_socket_are_skipped_as_special(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        listing = walk(tmp_path, LIMIT_BYTES)
    assert listing.files == []
    assert listing.skipped == [SkippedFile("fifo", SkipReason.SPECIAL), SkippedFile("socket", SkipReason.SPECIAL)]


def test_file_above_the_limit_is_skipped_without_being_read(tmp_path: Path) -> None:
    (tmp_path / "at_limit").write_bytes(b"x" * LIMIT_BYTES)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    listing = walk(tmp_path, LIMIT_BYTES)
    assert [file.path for file in listing.files] == ["at_limit"]
    assert listing.skipped == [SkippedFile("sparse", SkipReason.TOO_LARGE)]


def test_names_with_newlines_and_invalid_utf8_round_trip(tmp_path: Path) -> None:
    names = [b"new\nline.py", b"\xff\xfe.py", "é.py".encode(), b" leading", b"back\\slash"]
    for name in names:
        (tmp_path / os.fsdecode(name)).touch()
    assert sorted(os.fsencode(path) for path in paths(tmp_path)) == sorted(names)


def test_tree_of_200_levels_is_walked(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 200)
    (tmp_path / deep).mkdir(parents=True)
    (tmp_path / deep / "a.py").touch()
    assert paths(tmp_path) == [f"{deep}/a.py"]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, type[OSError]]]:
    """Folders (full paths) that cannot be opened; file modes do not bind a superuser."""
    errors: dict[str, type[OSError]] = {}

    def refusing(path: str) -> int:
        error = errors.get(path.rstrip("/"))
        if error is not None:
            raise error(path)
        return open_real(path)

    with monkeypatch.context() as patch:
        patch.setattr("raycontext.discover.walk.open_real", refusing)
        yield errors


def test_folders_that_cannot_be_listed_are_reported(tmp_path: Path, refused: dict[str, type[OSError]]) -> None:
    for name in ("a", "z/y", "open"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "open/a.py").touch()
    refused[str(tmp_path / "z/y")] = PermissionError
    refused[str(tmp_path / "a")] = OSError
    listing = walk(tmp_path, LIMIT_BYTES)
    assert listing.unreadable_folders == ["a", "z/y"]
    assert [file.path for file in listing.files] == ["open/a.py"]


def test_root_that_cannot_be_listed_is_reported_as_empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_scandir = os.scandir

    def refusing(folder: int) -> object:
        if os.path.samestat(os.fstat(folder), tmp_path.stat()):
            raise PermissionError
        return real_scandir(folder)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refusing)
        assert walk(tmp_path, LIMIT_BYTES).unreadable_folders == [""]


def test_folder_that_vanishes_during_the_walk_counts_as_gone(tmp_path: Path, refused: dict[str, type[OSError]]) -> None:
    (tmp_path / "gone").mkdir()
    (tmp_path / "replaced").mkdir()
    refused[str(tmp_path / "gone")] = FileNotFoundError
    refused[str(tmp_path / "replaced")] = NotADirectoryError
    listing = walk(tmp_path, LIMIT_BYTES)
    assert listing.unreadable_folders == []
    refused[str(tmp_path)] = FileNotFoundError
    with pytest.raises(RootNotFound):
        walk(tmp_path, LIMIT_BYTES)


def test_missing_root_file_root_and_link_loop_raise(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    for name in ("missing", "file", "file/below", "loop", "nul\0"):
        with pytest.raises(RootNotFound) as caught:
            walk(tmp_path / name, LIMIT_BYTES)
        assert caught.value.path == str(tmp_path / name)


def test_root_that_is_a_link_to_a_folder_is_not_walked(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.py").touch()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/link").symlink_to("../real")
    for name in ("link", "folder/link"):
        with pytest.raises(RootNotFound):
            walk(tmp_path / name, LIMIT_BYTES)


def test_relative_root_is_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").touch()
    monkeypatch.chdir(tmp_path)
    assert paths(Path()) == ["a.py"]


def test_places_are_walked_as_the_whole_tree_is(tmp_path: Path) -> None:
    for name in ("a/one.py", "a/b/two.py", "a/b/skip.log", "c/three.py", "node_modules/x.js", "top.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a/.gitignore").write_text("*.log\n")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "alias.py").symlink_to("top.py")

    def found(*places: str) -> list[str]:
        return [file.path for file in walk_places(tmp_path, LIMIT_BYTES, places).files]

    assert found("a/b") == ["a/b/two.py"]
    assert found("a/b/two.py", "a/b", "top.py", "a/b/gone.py") == ["a/b/two.py", "top.py"]
    assert found("a", "c", "top.py") == [path for path in paths(tmp_path) if path != ".gitignore"]
    for left_out in ("a/b/skip.log", "node_modules", "node_modules/x.js", "link/one.py", "link", "gone/x", "top.py/x"):
        assert found(left_out) == []
    listing = walk_places(tmp_path, LIMIT_BYTES, ["alias.py", "link"])
    assert [path for path, _ in listing.skipped] == ["alias.py", "link"]
    with pytest.raises(RootNotFound):
        walk_places(tmp_path / "missing", LIMIT_BYTES, ["a"])


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not list open files in /proc")
def test_walk_of_a_repository_leaves_nothing_open(tmp_path: Path) -> None:
    """A `.git` that is a folder is opened as a file first, and refused."""
    write_tree(
        tmp_path, {".git/HEAD": "ref: refs/heads/main\n", "a/.git/HEAD": "", "a/.gitignore/x": "", "b.py": "1\n"}
    )
    opened = Path("/proc/self/fd")
    before = set(opened.iterdir())
    for _ in range(3):
        walk(tmp_path, 1 << 20)
    assert set(opened.iterdir()) == before
