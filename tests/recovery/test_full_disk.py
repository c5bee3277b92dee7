"""A disk that is full: a run that fails gives back what it took, so that the next one has the room that there was."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

import pytest

import raycontext
from raycontext.errors import StorageError
from raycontext.store.collection import Location
from raycontext.store.loose_segments import remove_loose_segments
from raycontext.store.manifest import manifest_name
from raycontext.store.storage.open_folder import OpenFolder

from ..conftest import write_tree

FUNCTION = "def handler_{0}(request):\n    return request.answer({0})\n\n\n"


def bytes_of(root: Path) -> int:
    total = 0
    for path in root.rglob("*"):
        with suppress(FileNotFoundError):  # upkeep may remove a file meanwhile
            total += path.stat().st_size if path.is_file() else 0
    return total


class Disk:
    """Gives a root at most so much room, as a disk of that size would."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.most = 1 << 40
        write = OpenFolder.write_new

        def limited(folder: OpenFolder, name: str, data: memoryview, mode: int) -> None:
            if bytes_of(root) + len(memoryview(data)) > self.most:
                write(folder, name, b"", mode)  # what a write leaves that finds no room
                raise OSError(errno.ENOSPC, "No space left on device")
            write(folder, name, data, mode)

        monkeypatch.setattr(OpenFolder, "write_new", limited)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_tree(tmp_path / "tree", {"first.py": FUNCTION.format("first")})
    return tmp_path / "tree"


def many(count: int) -> dict[str, str]:
    return {
        f"part_{number}/module.py": "".join(FUNCTION.format(f"{number}_{line}") for line in range(100))
        for number in range(count)
    }


def segments(root: Path) -> set[str]:
    return {path.name for path in root.glob("*/segments/*")}


def test_runs_that_find_the_disk_full_leave_nothing(
    tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    disk = Disk(root, monkeypatch)
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        context.index(tree, num_shards=4)
        committed, used = segments(root), bytes_of(root)
        write_tree(tree, many(40))
        for room in (20_000, 60_000, 100_000):
            disk.most = used + room
            with pytest.raises(StorageError, match="No space left"):
                context.index(tree)
            assert segments(root) == committed
            assert bytes_of(root) - used < 20_000
            assert context.search("handler_first", path=tree)
        disk.most = 1 << 40
        assert context.index(tree).added == 40
        assert context.verify(deep=True)[0].damage == ()
        disk.most = bytes_of(root)
        context.clear(context.collections()[0].name)  # needs no room


def test_segments_of_a_commit_whose_reply_was_lost_stay(tmp_path: Path, tree: Path) -> None:
    root = tmp_path / "root"
    with raycontext.connect(root=root, runtime="inline") as context:
        report = context.index(tree)
    opened = Location(str(root), report.collection).open()
    latest = opened.latest()
    assert latest is not None
    assert remove_loose_segments(opened, [], latest.segments, base=0) == 0
    assert remove_loose_segments(opened, [], latest.segments, base=latest.version) == len(latest.segments)


def test_nothing_is_removed_where_versions_cannot_be_read(tmp_path: Path, tree: Path) -> None:
    root = tmp_path / "root"
    with raycontext.connect(root=root, runtime="inline") as context:
        report = context.index(tree)
    opened = Location(str(root), report.collection).open()
    latest = opened.latest()
    assert latest is not None
    (root / report.collection / "manifests" / manifest_name(latest.version)).write_text("{")
    assert remove_loose_segments(opened, [], latest.segments, base=0) == 0
    assert segments(root) == {segment.name for segment in latest.segments}
