"""Each way to open a path without following links, as the platform has it, gives the same answers."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from raycontext.discover import opening
from raycontext.discover.opening import open_below, open_flags, open_real, status_below

Open = Callable[[str, int], int]
WAYS: list[Open] = [open_real]
if sys.platform == "linux":
    WAYS += [opening._open_by_components, opening._open_after_a_look]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_bytes(b"inside")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "a/up").symlink_to("..")
    (tmp_path / "a/b/alias").symlink_to("file")
    (tmp_path / "a/dangling").symlink_to("nowhere")
    return tmp_path


@pytest.mark.parametrize("way", WAYS)
def test_real_paths_are_opened_and_links_refused(tree: Path, way: Open) -> None:
    descriptor = way(f"{tree}/a/b/file", open_flags())
    assert os.read(descriptor, 10) == b"inside"
    os.close(descriptor)
    os.close(way(f"{tree}/a/b", open_flags("O_DIRECTORY")))
    os.close(way("/", open_flags("O_DIRECTORY")))
    for path, code in (
        ("link/b/file", errno.ELOOP),
        ("a/up/a/b/file", errno.ELOOP),
        ("a/b/alias", errno.ELOOP),
        ("a/b/nothing", errno.ENOENT),
        ("a/nothing/file", errno.ENOENT),
    ):
        with pytest.raises(OSError, match=os.strerror(code)) as caught:
            way(f"{tree}/{path}", open_flags())
        assert caught.value.errno == code, path
    with pytest.raises(ValueError, match="null"):
        way(f"{tree}/a\0b", open_flags())


@pytest.mark.parametrize("path", ["", "..", "../x", "a/../link", "/etc/passwd", "a//b", "a/./b", "."])
def test_paths_that_lead_out_of_the_folder_do_not_exist(tree: Path, path: str) -> None:
    with pytest.raises(FileNotFoundError):
        open_below(str(tree), path, open_flags())


def test_status_is_that_of_the_entry_itself(tree: Path) -> None:
    assert status_below(str(tree), "a/b/file").st_size == 6
    assert status_below(str(tree), "link").st_ino == (tree / "link").lstat().st_ino
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        status_below(str(tree), "link/b")
