"""Files and folders that cannot be indexed: counted by reason, never an error, never a hang."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from raycontext.discover import trees
from raycontext.discover.opening import open_real
from raycontext.discover.read import Content
from raycontext.discover.rules.attributes import Attributes
from raycontext.errors import CorruptManifest, JobFailed, RootNotFound, StorageError, UnsupportedFormat
from raycontext.models import SkipReason
from raycontext.sdk.connection import Connection
from raycontext.store.collection import Location
from raycontext.store.manifest import FORMAT

from ..conftest import settle, write_tree


async def test_files_that_cannot_be_indexed_are_counted_by_reason(connection: Connection, source: Path) -> None:
    write_tree(
        source,
        {
            "image.png": b"\x89PNG\r\n\x1a\n\x00\x00",
            "noise.dat": bytes(range(1, 256)) * 4,
            "latin.c": b"/* caf\xe9 */ int main(void) { return 0; }\n",
            "late_nul.txt": b"a line\n" * 5000 + b"\x00",
            "utf16.txt": "wide words\n".encode("utf-16"),
            "empty.py": b"",
            "crlf.py": b"def windows():\r\n    return 1\r\n",
        },
    )
    with (source / "huge.log").open("wb") as file:
        file.truncate(1 << 30)
    os.mkfifo(source / "pipe")
    (source / "loop").symlink_to(source)
    (source / "dangling.py").symlink_to(source / "nowhere.py")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(source)  # the path of a socket is short
        try:
            server.bind("s")
        finally:
            os.chdir(here)
        async with connection as context:
            report = await context.index(source)
            expected = {"binary": 2, "special": 2, "symlink": 2, "too_large": 1, "undecodable": 1}
            assert report.skipped == expected
            assert report.files == 5 + 4
            status = await context.status(report.collection)
            assert status.skipped == expected
            assert dict(status.skipped_files)["noise.dat"] == "undecodable"
            assert (status.encodings, status.guessed_encodings) == ({"latin-1": 1, "utf-16": 1}, ("latin.c",))
            assert "café" in (await context.search("café", collection="shop"))[0].text
            assert (await context.search("wide", collection="shop"))[0].path == "utf16.txt"
            assert (await context.search("windows", collection="shop"))[0].path == "crlf.py"
            again = await context.index(source)
            assert (again.changed, again.skipped) == (False, expected)


async def test_files_of_other_centuries_are_indexed_and_then_unchanged(connection: Connection, source: Path) -> None:
    write_tree(source, {"future.py": "def tomorrow():\n    return 1\n", "past.py": "def yesterday():\n    return 2\n"})
    for name, seconds in (("future.py", 10_413_792_000), ("past.py", -10_000_000_000)):  # the years 2300 and 1653
        os.utime(source / name, ns=(0, seconds * 1_000_000_000))
    async with connection as context:
        report = await context.index(source)
        assert (report.skipped, report.files) == ({}, 7)
        again = await context.index(source)
        assert (again.files, again.added, again.modified) == (7, 0, 0)
        assert (await context.search("tomorrow", collection="shop"))[0].path == "future.py"


async def test_names_that_are_not_text_are_indexed(connection: Connection, tmp_path: Path) -> None:
    place = tmp_path / "odd"
    place.mkdir()
    for name in (b"new\nline.py", b"caf\xe9.py", "ünïcode.py".encode(), b"sp ace.py"):
        (tmp_path / "odd" / os.fsdecode(name)).write_text("def oddity():\n    return 1\n")
    async with connection as context:
        report = await context.index(place)
        assert report.files == 4
        hits = await context.search("oddity", collection="odd")
        assert {os.fsencode(hit.path) for hit in hits} == {
            b"new\nline.py",
            b"caf\xe9.py",
            "ünïcode.py".encode(),
            b"sp ace.py",
        }


async def test_fixed_file_is_indexed_by_the_next_run(connection: Connection, source: Path) -> None:
    write_tree(source, {"later.py": b"\x00\x01"})
    settle(source)
    async with connection as context:
        assert (await context.index(source)).skipped == {"binary": 1}
        write_tree(source, {"later.py": "def mended():\n    return 1\n"})
        report = await context.index(source)
        assert (report.skipped, report.added) == ({}, 1)
        assert (await context.search("mended", collection="shop"))[0].path == "later.py"
        write_tree(source, {"later.py": b"\x00\x02"})
        report = await context.index(source)
        assert (report.skipped, report.removed) == ({"binary": 1}, 1)
        assert not await context.search("mended", collection="shop")


def test_file_that_vanishes_while_it_is_indexed_is_skipped(
    source: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import raycontext

    read = trees.read_content

    def vanishing(place: Path, path: str, limit: int, attributes: Attributes) -> Content | SkipReason:
        if path == "shop/cart.py":
            (place / path).unlink()
        return read(place, path, limit, attributes)

    monkeypatch.setattr(trees, "read_content", vanishing)
    with raycontext.connect(root=root, runtime="inline") as context:
        report = context.index(source)
        assert (report.skipped, report.files) == ({"vanished": 1}, 4)
        assert (context.index(source).skipped, context.status("shop").files) == ({}, 4)


@pytest.mark.parametrize("step", ["listed", "digest_file", "read_content"])
def test_source_that_is_moved_away_during_a_run_keeps_its_index(
    source: Path, root: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    import raycontext

    with raycontext.connect(root=root, runtime="inline") as context:
        before = context.index(source)
        settle(source)
        write_tree(source, {"shop/cart.py": "def replaced():\n    return 1\n"})

        def leave() -> None:
            if source.exists():
                source.rename(source.with_name("away"))

        place, name = (os, "scandir") if step == "listed" else (trees, step)
        original = getattr(place, name)

        def leaving(*arguments: object) -> object:
            if name == "scandir":  # what the root holds is known, what is below is not
                found = original(*arguments)
                leave()
                return found
            leave()
            return original(*arguments)

        monkeypatch.setattr(place, name, leaving)
        with pytest.raises(RootNotFound):
            context.index(source)
        monkeypatch.undo()
        assert context.status("shop").version == before.version
        source.with_name("away").rename(source)
        assert context.index(source).files == before.files


def test_folder_that_cannot_be_listed_keeps_its_files(
    source: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import raycontext

    def denying(path: str) -> int:
        if path.rstrip("/").endswith("/shop/shop"):
            raise PermissionError(13, "Permission denied")
        return open_real(path)

    with raycontext.connect(root=root, runtime="inline") as context:
        before = context.index(source)
        monkeypatch.setattr("raycontext.discover.walk.open_real", denying)
        report = context.index(source)
        assert report.unreadable_folders == ("shop",)
        assert (report.files, report.removed) == (before.files, 0)
        assert context.search("charge_card", collection="shop")[0].path == "shop/payment.py"
        monkeypatch.undo()
        assert context.index(source).removed == 0


def test_file_that_breaks_the_chunker_is_quarantined(source: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import raycontext
    from raycontext.index.work import segment_builder

    chunk_file = segment_builder.chunk_file

    def breaking(data: bytes, language: str, size: int) -> object:
        if b"Ledger" in data:
            raise RecursionError("grammar went wrong")
        return chunk_file(data, language, size)

    monkeypatch.setattr(segment_builder, "chunk_file", breaking)
    with raycontext.connect(root=root, runtime="inline") as context:
        report = context.index(source)
        assert (report.skipped, report.files) == ({"quarantined": 1}, 4)
        assert dict(context.status("shop").skipped_files) == {"core/ledger.go": "quarantined"}
        settle(source)
        context.index(source)
        monkeypatch.undo()
        assert context.index(source).skipped == {"quarantined": 1}  # not tried again until it changes
        (source / "core/ledger.go").write_text("package core\n\nfunc Ledger() {}\n")
        assert context.index(source).skipped == {}


def test_full_disk_stops_the_run_and_the_next_one_goes_on(
    source: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import raycontext

    with raycontext.connect(root=root, runtime="inline") as context:
        before = context.index(source)
        write_tree(source, {"more.py": "def additional():\n    return 1\n"})

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("raycontext.store.storage.local.os.fsync", full)
        with pytest.raises(StorageError, match="No space left"):
            context.index(source)
        progress = context.progress("shop")
        assert progress is not None
        assert (progress.stage, "No space left" in progress.error) == ("failed", True)
        assert context.search("charge_card", collection="shop")
        monkeypatch.undo()
        after = context.index(source)
        assert (after.version, after.added) == (before.version + 1, 1)


async def test_damaged_index_is_an_error_that_says_what_to_do(connection: Connection, source: Path, root: Path) -> None:
    async with connection as context:
        await context.index(source)
    (manifest,) = (root / "shop/manifests").iterdir()
    good = manifest.read_bytes()
    manifest.write_bytes(good.replace(b'"epoch":1', b'"epoch":7'))
    async with connection as context:
        for attempt in (
            context.search("cart", collection="shop"),
            context.status("shop"),
            context.index(source),
        ):
            with pytest.raises(CorruptManifest, match="raycontext clear"):
                await attempt
        assert [summary.name for summary in await context.collections()] == ["shop"]
        await context.clear("shop")
        assert (await context.index(source)).version == 1


async def test_other_format_is_refused_everywhere(connection: Connection, source: Path, root: Path) -> None:
    async with connection as context:
        await context.index(source)
    identity = Location(str(root), "shop").open().identity()
    (root / "shop/COLLECTION.json").write_bytes(identity.encode(FORMAT + 1))
    async with connection as context:
        for attempt in (context.search("cart", collection="shop"), context.status("shop")):
            with pytest.raises(UnsupportedFormat, match=f"format {FORMAT + 1}"):
                await attempt


async def test_root_that_cannot_be_written_is_a_storage_error(connection: Connection, source: Path, root: Path) -> None:
    root.write_text("a file where a folder should be")
    async with connection as context:
        with pytest.raises((StorageError, JobFailed), match="root"):
            await context.index(source)
