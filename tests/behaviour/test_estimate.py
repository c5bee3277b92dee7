"""An estimate says what the index run then does, and does nothing itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from raycontext.errors import RootNotFound, UnknownCollection
from raycontext.sdk.connection import Connection

from ..conftest import CART, write_tree


def test_counts_are_those_of_the_run(connection: Connection, source: Path, root: Path) -> None:
    write_tree(source, {"logo.png": b"\x89PNG\x00", "large.txt": b"x" * 5_000_000, "lib/a/b.py": CART * 40})
    with connection as context:
        estimate = context.estimate(source)
        assert context.collections() == []
        report = context.index(source)
        assert (estimate.files, estimate.bytes, estimate.removed) == (report.files, report.indexed_bytes, 0)
        assert estimate.skipped == report.skipped == {"binary": 1, "too_large": 1}
        assert estimate.chunks == report.chunks  # so small a tree is the sample
        assert estimate.sampled_bytes == estimate.bytes
        assert estimate.seconds > 0
        assert [folder.path for folder in estimate.folders][:2] == ["lib", "lib/a"]
        assert estimate.folders[0].bytes == len(CART) * 40


def test_only_what_has_changed_counts(connection: Connection, source: Path) -> None:
    with connection as context:
        context.index(source, collection="shop")
        write_tree(source, {"new.py": CART})
        (source / "README.md").unlink()
        estimate = context.estimate(source)
        assert (estimate.files, estimate.bytes, estimate.removed) == (1, len(CART), 1)
        whole = context.estimate(source, num_shards=3)
        assert whole.files == 5
        assert context.status("shop").version == 1


def test_what_a_fork_takes_over_is_no_work(connection: Connection, source: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    with connection as context:
        context.index(source, collection="shop")
        shutil.copytree(source, twin)
        write_tree(twin, {"new.py": CART, "README.md": "# Another shop\n"})
        whole = context.estimate(twin, fork=False)
        assert (whole.files, whole.reused_files, whole.reused_bytes, whole.reused_from) == (6, 0, 0, ())
        named = context.estimate(twin, fork_from="shop")
        estimate = context.estimate(twin)
        assert (named.files, named.reused_files) == (estimate.files, estimate.reused_files) == (2, 4)
        with pytest.raises(UnknownCollection):
            context.estimate(twin, fork_from="market")
        report = context.index(twin)
        assert report.added == estimate.files + estimate.reused_files == whole.files
        assert (estimate.bytes, estimate.reused_files, estimate.reused_from) == (
            report.indexed_bytes,
            report.reused_files,
            report.reused_from,
        )
        assert estimate.reused_bytes == whole.bytes - estimate.bytes
        again = context.estimate(twin, secrets=True)
        assert (again.files, again.reused_files) == (6, 0), "a rebuild takes nothing over"


def test_what_comes_back_is_taken_from_the_own_index(connection: Connection, source: Path) -> None:
    former = (source / "README.md").read_text()
    with connection as context:
        context.index(source, collection="shop")
        write_tree(source, {"README.md": "# Another shop\n"})
        context.index(source)
        write_tree(source, {"README.md": former})
        estimate, report = context.estimate(source), context.index(source)
        assert (estimate.files, estimate.reused_files, estimate.reused_from) == (0, 1, ("shop",))
        assert (report.modified, report.reused_files, report.reused_from) == (1, 1, ("shop",))


def test_folder_that_is_not_there_is_told(connection: Connection, tmp_path: Path) -> None:
    with connection as context, pytest.raises(RootNotFound):
        context.estimate(tmp_path / "gone")
