"""A flipped byte in any file of a collection is noticed, never answered from, and repaired from the source."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import raycontext
from raycontext.errors import CorruptManifest, CorruptSegment, StorageError, UnknownCollection
from raycontext.index.reuse.own_sources import note_own_source
from raycontext.sdk.connection import Connection
from raycontext.store.checking.reports import DamageKind, RepairReport, VerificationReport
from raycontext.store.collection import Location

from ..conftest import CART, LEDGER, PAYMENT, README, ROUTER, settle, write_tree
from ..property.test_incremental_index import QUERIES, answers, comparable

FILES: dict[str, str | bytes] = {
    "shop/cart.py": CART,
    "shop/payment.py": PAYMENT,
    "web/router.js": ROUTER,
    "core/ledger.go": LEDGER,
    "README.md": README,
}
KINDS = (
    "COLLECTION.json",
    "SEGMENT.json",
    "chunks.arrow",
    "definitions.arrow",
    "files.arrow",
    "manifest, newest",
    "manifest, older",
    "names.arrow",
    "parts",
    "postings.arrow",
    "text.arrow",
    "vectors.arrow",
)
Answers = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Shop:
    """A collection of two versions and several segments, each made by a run of its own, and a copy of its answers."""

    root: Path
    source: Path
    answers: Answers
    before: Answers
    """Of the first version."""

    def files(self, kind: str) -> list[Path]:
        """Files of a kind, relative to the collection's folder; segments of the newest version and snapshots of all."""
        place = self.root / "shop"
        manifests = sorted((place / "manifests").iterdir())
        if kind.startswith("manifest"):
            found = manifests[-1:] if kind.endswith("newest") else manifests[:-1]
        else:
            found = sorted(place.rglob(kind))
        return [file.relative_to(place) for file in found]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("damage")
    source, root = folder / "shop", folder / "root"
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        write_tree(source, FILES)
        settle(source)
        context.index(source)
        before = answers(context, "shop")
        write_tree(
            source, {"shop/cart.py": CART.replace("cart", "basket"), "later.py": PAYMENT.replace("card", "coin")}
        )
        settle(source)
        context.index(source)
        return Shop(root, source, answers(context, "shop"), before)


@pytest.fixture
def copied(shop: Shop, tmp_path: Path) -> Path:
    """The root of a copy that a test may damage."""
    copy(shop, tmp_path / "root")
    return tmp_path / "root"


def copy(shop: Shop, root: Path) -> None:
    """Copy the collection to another root and note the source under that one, so that repair may read the source."""
    shutil.copytree(shop.root, root)
    assert note_own_source(str(root), str(shop.source))


@pytest.fixture
def context(copied: Path) -> Iterator[raycontext.SyncContext]:
    with raycontext.connect(root=copied, runtime="inline", workers=2) as connected:
        yield connected


def flip(file: Path, place: int, bit: int) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= 1 << bit
    file.write_bytes(data)


def segment_of(root: Path, path: str, collection: str = "shop") -> Path:
    """Folder of the segment that answers from a file."""
    opened = Location(str(root), collection).open()
    manifest = opened.latest()
    assert manifest is not None
    for segment in opened.segments(manifest, 0):
        paths = [segment.path(ordinal) for ordinal in range(segment.reference.files)]
        if path in paths and paths.index(path) not in segment.reference.tombstones:
            return root / collection / "segments" / segment.reference.name
    raise AssertionError(path)


def as_indexed(hits: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what a hit says of the file as it is now: the files have changed since the older version."""
    return [{name: value for name, value in hit.items() if name != "freshness"} for hit in hits]


def verified(context: raycontext.SyncContext) -> VerificationReport:
    (report,) = context.verify("shop", deep=True)
    return report


def repaired(context: raycontext.SyncContext) -> RepairReport:
    (report,) = context.repair("shop")
    return report


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), which=st.integers(0, 1))
def test_flipped_byte_is_noticed_and_repaired(shop: Shop, kind: str, share: float, bit: int, which: int) -> None:
    candidates = shop.files(kind)
    target = candidates[which % len(candidates)]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        copy(shop, root)
        flip(root / "shop" / target, int(share * (root / "shop" / target).stat().st_size), bit)
        allowed = shop.before if kind == "manifest, newest" else shop.answers  # a reader falls back to what is whole
        with raycontext.connect(root=root, runtime="inline", workers=2) as context:
            for query in QUERIES:
                try:
                    hits = context.search(query, collection="shop", limit=1000, refresh=False)
                except StorageError as error:
                    assert "raycontext repair" in str(error)
                else:
                    if any("raycontext repair" in note for note in hits.notes):  # the whole segments answer
                        assert {hit.path for hit in hits} <= {hit["path"] for hit in allowed[query]}
                    else:
                        assert as_indexed(map(comparable, hits)) == as_indexed(allowed[query])
            damage = verified(context).damage
            assert damage
            assert all(str(target).startswith(entry.object) for entry in damage)
            assert repaired(context).damage == damage
            assert answers(context, "shop") == shop.answers
            assert verified(context).damage == ()


def test_only_the_files_of_the_damaged_segment_are_indexed_again(
    shop: Shop, copied: Path, context: raycontext.SyncContext
) -> None:
    damaged, intact = segment_of(copied, "web/router.js"), segment_of(copied, "later.py")
    assert damaged != intact
    flip(damaged / "vectors.arrow", 700, 3)
    hits = context.search("router", collection="shop")
    assert "web/router.js" not in {hit.path for hit in hits}
    assert any("damaged" in note and "raycontext repair shop" in note for note in hits.notes)
    report = repaired(context)
    assert report.dropped_segments == (damaged.name,)
    assert report.dropped_files == 4  # of the five that were indexed first, one was edited since
    assert report.removed_manifests == (1, 2)
    assert not report.rebuilt_snapshot
    assert report.index is not None
    assert (report.index.added, report.index.modified, report.index.removed, report.index.files) == (4, 0, 0, 6)
    assert segment_of(copied, "later.py") == intact
    assert answers(context, "shop") == shop.answers


def test_run_goes_on_from_the_version_below_a_damaged_manifest(
    shop: Shop, copied: Path, context: raycontext.SyncContext
) -> None:
    newest = copied / "shop/manifests" / f"{2:020d}.json"
    flip(newest, 100, 0)
    report = repaired(context)
    assert (report.dropped_segments, report.removed_manifests) == ((), (2,))
    assert report.index is not None
    assert (report.index.added, report.index.modified, report.index.files) == (1, 1, 6)
    assert not newest.exists()
    assert answers(context, "shop") == shop.answers


def test_without_any_manifest_everything_is_built_anew(
    shop: Shop, copied: Path, context: raycontext.SyncContext
) -> None:
    for version in (1, 2):
        flip(copied / "shop/manifests" / f"{version:020d}.json", 50, 1)
    with pytest.raises(CorruptManifest, match="raycontext repair"):
        context.search("cart", collection="shop")
    assert verified(context).version == 0
    report = repaired(context)
    assert report.removed_manifests == (1, 2)
    assert report.index is not None
    assert (report.index.added, report.index.files) == (6, 6)
    assert answers(context, "shop") == shop.answers


def test_damaged_snapshot_has_the_tree_compared_and_nothing_indexed_again(
    shop: Shop, copied: Path, context: raycontext.SyncContext
) -> None:
    for place in (copied / "shop/snapshots").glob("*/parts"):
        flip(place, 900, 2)
    with pytest.raises(CorruptManifest, match="raycontext repair"):
        context.index(shop.source)
    report = repaired(context)
    assert report.rebuilt_snapshot
    assert report.index is not None
    assert (report.index.added, report.index.modified, report.index.removed) == (0, 0, 0)
    assert report.index.indexed_bytes == 0
    assert answers(context, "shop") == shop.answers


@pytest.mark.parametrize("remove", [False, True])
def test_damaged_description_is_written_anew(
    shop: Shop, copied: Path, context: raycontext.SyncContext, remove: bool
) -> None:
    place = copied / "shop/COLLECTION.json"
    if remove:
        place.unlink()
    else:
        flip(place, 60, 0)
    with pytest.raises(CorruptManifest, match="raycontext repair"):
        context.search("cart", collection="shop")
    report = repaired(context)
    assert report.rewritten_description
    assert (report.dropped_segments, report.removed_manifests) == ((), ())
    assert answers(context, "shop") == shop.answers
    assert [summary.source for summary in context.collections()] == [str(shop.source)]


@pytest.mark.parametrize("name", ["vectors.arrow", "text.arrow", "SEGMENT.json"])
def test_missing_file_is_reported_and_repaired(
    shop: Shop, copied: Path, context: raycontext.SyncContext, name: str
) -> None:
    gone = segment_of(copied, "web/router.js") / name
    gone.unlink()
    (shallow,) = context.verify("shop")
    assert [(entry.object, entry.kind) for entry in shallow.damage] == [
        (f"segments/{gone.parent.name}/{name}", DamageKind.MISSING)
    ]
    assert repaired(context).dropped_files == 4
    assert answers(context, "shop") == shop.answers


def test_damage_that_only_an_older_version_has_is_reported_and_the_version_removed(
    shop: Shop, copied: Path, context: raycontext.SyncContext
) -> None:
    opened = Location(str(copied), "shop").open()
    place = f"snapshots/{opened.manifest(1).snapshot}/parts"
    flip(copied / "shop" / place, 500, 0)
    assert answers(context, "shop") == shop.answers
    assert [entry.object for entry in verified(context).damage] == [place]
    report = repaired(context)
    assert (report.version, report.removed_manifests, report.dropped_segments) == (2, (1,), ())
    assert verified(context).damage == ()


def test_healthy_collection_is_left_alone(copied: Path, context: raycontext.SyncContext) -> None:
    def state() -> dict[Path, bytes]:
        return {file: file.read_bytes() for file in copied.rglob("*") if file.is_file()}

    before = state()
    report = repaired(context)
    assert (report.damage, report.version, report.index) == ((), 2, None)
    assert state() == before


def test_what_is_intact_answers_where_the_source_is_gone(tmp_path: Path) -> None:
    source = tmp_path / "gone"
    write_tree(source, {"first.py": CART})
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=2) as context:
        context.index(source)
        write_tree(source, {"second.py": PAYMENT})
        context.index(source)
        flip(segment_of(tmp_path / "root", "first.py", "gone") / "text.arrow", -20, 0)
        shutil.rmtree(source)
        (report,) = context.repair("gone")
        assert (report.dropped_files, report.index) == (1, None)
        assert {hit.path for hit in context.search("charge a card", collection="gone")} == {"second.py"}
        write_tree(source, {"first.py": CART, "second.py": PAYMENT})
        assert context.index(source).added == 1


def test_nothing_is_removed_where_neither_manifest_nor_source_is_left(tmp_path: Path) -> None:
    source = tmp_path / "gone"
    write_tree(source, {"first.py": CART})
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=2) as context:
        context.index(source)
        (manifest,) = (tmp_path / "root/gone/manifests").iterdir()
        flip(manifest, 30, 0)
        shutil.rmtree(source)
        with pytest.raises(raycontext.RootNotFound):
            context.repair("gone")
        assert manifest.exists()
        (tmp_path / "root/gone/COLLECTION.json").write_bytes(b"{}")
        with pytest.raises(CorruptManifest, match="what is indexed"):
            context.repair("gone")


async def test_all_collections_are_verified_and_repaired(connection: Connection, source: Path, root: Path) -> None:
    write_tree(source.parent / "other", {"one.py": CART, "two.py": PAYMENT})
    async with connection as context:
        await context.index(source, num_shards=2)
        await context.index(source.parent / "other")
        expected = await context.search("charge a card", collection="other", limit=100)
    (names,) = (root / "other/segments").glob("*/names.arrow")
    flip(names, 300, 5)
    async with connection as context:
        reports = await context.verify(deep=True)
        assert [(report.collection, bool(report.damage), report.files) for report in reports] == [
            ("other", True, 0),
            ("shop", False, 5),
        ]
        with pytest.raises(CorruptSegment, match=r"names\.arrow is damaged"):
            await context.search("charge a card", collection="other")
        repaired = await context.repair()
        assert [(report.collection, report.dropped_files) for report in repaired] == [("other", 2), ("shop", 0)]
        assert await context.search("charge a card", collection="other", limit=100) == expected
        assert [report.damage for report in await context.verify(deep=True)] == [(), ()]


async def test_run_that_began_before_a_repair_is_planned_anew(connection: Connection, source: Path, root: Path) -> None:
    """The owner of the collection holds a version that the repair has gone past."""
    async with connection as context:
        await context.index(source)
        (text,) = (root / "shop/segments").glob("*/text.arrow")
        flip(text, 200, 0)
        (report,) = await context.repair("shop")
        assert report.index is not None
        assert report.index.added == 5
        write_tree(source, {"later.py": "def afterwards():\n    return 1\n"})
        assert (await context.index(source)).added == 1
        assert (await context.search("afterwards", collection="shop", limit=1))[0].path == "later.py"


async def test_unknown_collection_is_neither_verified_nor_repaired(connection: Connection) -> None:
    async with connection as context:
        for attempt in (context.verify("nothing"), context.repair("nothing")):
            with pytest.raises(UnknownCollection, match="nothing"):
                await attempt
        assert await context.verify() == []
        assert await context.repair() == []


def test_the_pack_of_a_snapshot_that_is_damaged_is_named(tmp_path: Path) -> None:
    """A version uses the parts of folders that have not changed from an earlier pack."""
    write_tree(tmp_path / "shop", {f"d{n % 8}/f{n}.py": f"def f{n}():\n    return {n}\n" for n in range(40)})
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as context:
        context.index(tmp_path / "shop")
        (earlier,) = (tmp_path / "root/shop/snapshots").iterdir()
        write_tree(tmp_path / "shop", {"d0/f0.py": "def other():\n    return 1\n"})
        context.index(tmp_path / "shop")
        content = bytearray((earlier / "parts").read_bytes())
        content[len(content) // 2] ^= 1
        (earlier / "parts").write_bytes(content)
        (report,) = context.verify("shop")
        assert {damage.object for damage in report.damage} == {f"snapshots/{earlier.name}/parts"}
