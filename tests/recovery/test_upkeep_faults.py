"""Storage fails, or the process ends, at any call of compaction, garbage collection or the removal of a collection:
the last commit reads whole, and the next run ends as one without faults."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from raycontext.errors import StorageError
from raycontext.store.changes import Compaction
from raycontext.store.checking.verification import verify
from raycontext.store.collection import Collection
from raycontext.store.garbage import collect_garbage, grace_of
from raycontext.store.segments.compaction import merge_segments
from raycontext.store.storage.base import Storage
from raycontext.store.storage.memory import MemoryStorage
from raycontext.store.writer import CollectionWriter

from ..conftest import README, write_tree
from ..storage_faults import Crash, Fault, FaultyStorage, Kind
from .test_storage_faults import NAME, SEGMENT_OBJECTS, Run, State, read

pytestmark = pytest.mark.soak  # each call of each operation fails in each way

LATER_SECONDS = 30 * 86_400.0
"""By then all grace times are over."""


def names_of(storage: Storage, folder: str = "") -> list[str]:
    """Return the names of all objects of a storage, in the order of their folders."""
    names = [f"{folder}/{name}" if folder else name for name in storage.list(folder)]
    return [one for name in names for one in ([name] if storage.exists(name) else names_of(storage, name))]


KINDS = [Kind.CRASH_BEFORE, Kind.CRASH_AFTER, Kind.CRASH_TORN, Kind.IO_ERROR, Kind.LOST_REPLY]


class Upkeep:
    """An index run as `Run`, whose segments are then merged, and whose garbage is collected."""

    def __init__(self, folder: Path) -> None:
        self.run = Run(folder)
        write_tree(folder, {"notes.md": README})
        self.more = self.run.step("d", folder, "notes.md")

    def perform(self, storage: Storage) -> None:
        """What is committed already is not committed again, and only who owns the collection looks after it."""
        collection = Collection(storage, NAME)
        collection.create("/source/shop")
        writer = CollectionWriter(collection)
        for step in (*self.run.steps[:2], self.more, self.run.steps[2]):
            self.run.apply(writer, storage, step)
        self.look_after(writer, collection)

    def look_after(self, writer: CollectionWriter, collection: Collection) -> None:
        """Merge all segments into one, then collect all that no version needs."""
        manifest = collection.latest()
        assert manifest is not None
        sources = manifest.shards[0].segments
        if writer.is_owner and len(sources) > 1:
            merged = merge_segments(collection.storage, NAME, sources, embedder="e", chunker="c")
            assert writer.compact(Compaction(f"merge-{manifest.version}", 0, sources, merged)) is not None
        if writer.is_owner:
            collect_garbage(collection, grace_of(collection.storage.location), now=time.time() + LATER_SECONDS)

    def take_up(self, storage: Storage) -> None:
        """Another process finishes the run, owns the collection by a commit of its own, and looks after it."""
        self.perform(storage)
        collection = Collection(storage, NAME)
        writer = CollectionWriter(collection)
        self.run.apply(writer, storage, self.more._replace(txn="e"))
        self.look_after(writer, collection)


@pytest.fixture(scope="module")
def upkeep(tmp_path_factory: pytest.TempPathFactory) -> Upkeep:
    return Upkeep(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def whole(upkeep: Upkeep) -> State:
    """What is there to read after a run without faults."""
    storage = MemoryStorage()
    upkeep.perform(storage)
    version, state = read(storage)
    assert sorted(state.files) == ["cart.py", "notes.md"]
    assert version == 5
    manifest = Collection(storage, NAME).latest()
    assert manifest is not None
    assert len(manifest.shards[0].segments) == 1
    assert_no_garbage(storage)
    return state


def assert_no_garbage(storage: Storage) -> None:
    """Nothing is there but what the versions that are there name."""
    collection = Collection(storage, NAME)
    manifests = [collection.manifest(version) for version in collection.versions()]
    assert len(manifests) <= 3
    segments = {name for manifest in manifests for name in manifest.segment_names()}  # those of the pool, too
    assert set(storage.list(f"{NAME}/segments")) == segments
    snapshots = {name for manifest in manifests for name in manifest.snapshot_names()}
    assert set(storage.list(f"{NAME}/snapshots")) == snapshots


def struck_at_every_call(perform: Callable[[Storage], None], kind: Kind, prepared: dict[str, bytes]) -> list[Fault]:
    """A fault of this kind at each call of `perform` on what is there already."""
    probe = FaultyStorage(MemoryStorage("probe", prepared))
    perform(probe)
    if kind is Kind.CRASH_TORN:
        writes = [number for number, method in enumerate(probe.calls) if method == "write"]
        return [Fault(kind, number, part) for number in writes for part in range(0, SEGMENT_OBJECTS, 3)]
    return [Fault(kind, number) for number in range(len(probe.calls))]


@pytest.mark.parametrize("kind", KINDS)
def test_fault_in_upkeep_leaves_the_last_commit_whole(upkeep: Upkeep, whole: State, kind: Kind) -> None:
    methods: set[str] = set()
    for fault in struck_at_every_call(upkeep.perform, kind, {}):
        storage = MemoryStorage()
        faulty = FaultyStorage(storage, fault)
        with pytest.raises((StorageError, Crash)):
            upkeep.perform(faulty)
        assert faulty.struck
        methods.add(faulty.calls[-1])
        version, state = read(storage)
        assert version < 4 or state == whole, fault  # merging and collecting change nothing that is read
        upkeep.take_up(storage)
        assert read(storage)[1] == whole, fault
        assert_no_garbage(storage)
        assert not verify(Collection(storage, NAME), deep=False).damage, fault
    assert methods >= ({"write"} if kind is Kind.CRASH_TORN else {"create", "write", "read", "remove", "delete"})


@pytest.mark.parametrize("kind", [Kind.CRASH_BEFORE, Kind.CRASH_AFTER, Kind.IO_ERROR, Kind.LOST_REPLY])
def test_fault_while_a_collection_is_removed_leaves_it_whole_or_gone(upkeep: Upkeep, whole: State, kind: Kind) -> None:
    def remove(storage: Storage) -> None:
        Collection(storage, NAME).remove()

    prepared = MemoryStorage()
    upkeep.perform(prepared)
    objects = {name: prepared.read(name) for name in names_of(prepared)}
    for fault in struck_at_every_call(remove, kind, objects):
        storage = MemoryStorage("removed", objects)
        with pytest.raises((StorageError, Crash)):
            remove(FaultyStorage(storage, fault))
        version, state = read(storage)
        assert (version, state) == (5, whole) if version >= 0 else not storage.list(NAME), fault
        upkeep.take_up(storage)
        assert read(storage)[1] == whole, fault
