"""Storage fails, or the process or the power ends, at any call of a run: the last commit opens, and the run that is
taken up again ends as one without faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raycontext.discover.read import Content, read_content
from raycontext.discover.snapshot import SnapshotEntry
from raycontext.embed.models.static import StaticEmbedder
from raycontext.embed.vectors import quantized
from raycontext.errors import StorageError, UnknownCollection
from raycontext.index.work.segment_builder import Batch
from raycontext.models import IndexOptions
from raycontext.store.changes import Change
from raycontext.store.collection import Collection
from raycontext.store.segments.segment_writer import SegmentContent, write_segment
from raycontext.store.storage.base import Storage
from raycontext.store.storage.local import LocalStorage
from raycontext.store.storage.memory import MemoryStorage
from raycontext.store.writer import CollectionWriter

from ..conftest import CART, PAYMENT, README, write_tree
from ..storage_faults import Crash, Fault, FaultyStorage, Kind, Recording

pytestmark = pytest.mark.soak

Result = TypeVar("Result")

NAME = "shop"
SOURCE = "/source/shop"
OPTIONS = IndexOptions(num_shards=1)
SEGMENT_OBJECTS = 8


class Step(NamedTuple):
    """One commit of the run."""

    txn: str
    content: SegmentContent | None
    """Of its segment."""
    digests: dict[str, bytes]
    removed: frozenset[str]


class State(NamedTuple):
    """What a reader finds: files with their digests and the texts of their chunks, and the number of chunks."""

    files: dict[str, tuple[bytes, tuple[str, ...]]]
    chunks: int


NOTHING = State({}, 0)


class Run:
    """Index two files, edit one, delete the other."""

    def __init__(self, folder: Path) -> None:
        self._embedder = StaticEmbedder()
        write_tree(folder, {"cart.py": CART, "README.md": README})
        first = self.step("a", folder, "cart.py", "README.md")
        write_tree(folder, {"cart.py": CART + PAYMENT * 4})
        self.steps = (first, self.step("b", folder, "cart.py"), Step("c", None, {}, frozenset({"README.md"})))

    def step(self, txn: str, folder: Path, *paths: str) -> Step:
        digests, batch = {}, Batch()
        for path in paths:
            content = read_content(folder, path, 1 << 20)
            assert isinstance(content, Content)
            batch.add(path, content, OPTIONS.chunk_bytes)
            digests[path] = content.digest
        return Step(txn, batch.content(quantized(self._embedder)), digests, frozenset())

    def apply(self, writer: CollectionWriter, storage: Storage, step: Step) -> int:
        """Write the segment of a step and commit it, as a task and the actor do. Returns the version."""
        written = step.content and write_segment(storage, NAME, step.content, embedder="e", chunker="c")
        change = Change(
            txn=step.txn,
            segments=((0, written),) if written else (),
            entries={path: SnapshotEntry(1, 1, 1, digest, None) for path, digest in step.digests.items()},
            seen={},
            removed=step.removed,
            unverified=frozenset(),
            scanned_at_ns=1,
            options=OPTIONS,
        )
        return writer.commit(change, embedder="e", chunker="c").version

    def perform(self, storage: Storage, acknowledge: Callable[[int], None] = lambda _: None) -> None:
        """The whole run, from the beginning. What was committed before is not committed again."""
        collection = Collection(storage, NAME)
        collection.create(SOURCE)
        acknowledge(0)
        writer = CollectionWriter(collection)
        for step in self.steps:
            acknowledge(self.apply(writer, storage, step))

    def states(self) -> list[State]:
        """What there is to read after each version."""
        storage = MemoryStorage()
        states = []
        self.perform(storage, lambda _: states.append(read(storage)[1]))
        return states


def read(storage: Storage) -> tuple[int, State]:
    """Version and content for a reader that knows nothing of the run, everything verified; -1: no collection."""
    collection = Collection(storage, NAME)
    try:
        manifest = collection.latest()
    except UnknownCollection:
        return -1, NOTHING
    assert collection.identity().source == SOURCE
    if manifest is None:
        return 0, NOTHING
    files = {}
    for segment in collection.segments(manifest, 0):
        for name in segment.data_files:
            segment.check_content(name)
        for ordinal in sorted(set(range(segment.reference.files)) - set(segment.reference.tombstones)):
            first = int(segment.first_rows[ordinal])
            rows = range(first, first + int(segment.row_counts[ordinal]))
            digest = segment.files.column("digest")[ordinal].as_py()
            path = segment.path(ordinal)
            assert path not in files
            files[path] = (digest, tuple(segment.text(row) for row in rows))
    snapshot = collection.snapshot(manifest)
    assert {path: entry.digest for path, entry in snapshot.entries.items()} == {
        path: digest for path, (digest, _) in files.items()
    }
    assert snapshot.tree().root_digest.hex() == manifest.tree
    assert (manifest.files, manifest.chunks) == (len(files), sum(len(texts) for _, texts in files.values()))
    return manifest.version, State(files, manifest.chunks)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def states(run: Run) -> list[State]:
    found = run.states()
    both = ["README.md", "cart.py"]
    assert [sorted(state.files) for state in found] == [[], both, both, ["cart.py"]]
    nothing, indexed, edited, deleted = (state.chunks for state in found)
    assert nothing < indexed < edited > deleted > 0
    return found


def faults(perform: Callable[[Storage], None], kind: Kind) -> Iterator[Fault]:
    """A fault of this kind at every call of a run that it can happen at."""
    probe = FaultyStorage(MemoryStorage())
    perform(probe)
    assert {"create", "write", "read", "map", "list"} <= set(probe.calls)
    for number, method in enumerate(probe.calls):
        if kind not in (Kind.TORN, Kind.CRASH_TORN):
            yield Fault(kind, number)
        elif method == "write":
            yield from (Fault(kind, number, whole) for whole in range(SEGMENT_OBJECTS))


def assert_completed(run: Run, states: list[State], storage: Storage) -> None:
    """The run, taken up by another process, ends as one without faults, and committed each step once."""
    run.perform(storage)
    assert read(storage) == (len(run.steps), states[-1])
    assert Collection(storage, NAME).versions() == [1, 2, 3]


def until_it_works(act: Callable[..., Result], *arguments: Any) -> Result:
    for _ in range(2):
        try:
            return act(*arguments)
        except StorageError:
            continue
    raise AssertionError("more than one fault")


@pytest.mark.parametrize("kind", Kind)
def test_fault_at_any_call_leaves_the_last_commit_whole(run: Run, states: list[State], kind: Kind) -> None:
    for fault in faults(run.perform, kind):
        storage = MemoryStorage()
        faulty = FaultyStorage(storage, fault)
        acknowledged = [-1]
        with pytest.raises((StorageError, Crash)):
            run.perform(faulty, acknowledged.append)
        assert faulty.struck
        version, state = read(storage)
        # A step that was not acknowledged may have been committed: the one that was under way, whole.
        assert version in (acknowledged[-1], acknowledged[-1] + 1), fault
        assert state == (states[version] if version >= 0 else NOTHING), fault
        assert_completed(run, states, storage)


@pytest.mark.parametrize("reloads", [False, True], ids=["in the same run", "in a later run"])
@pytest.mark.parametrize("kind", [Kind.NO_SPACE, Kind.IO_ERROR, Kind.LOST_REPLY, Kind.TORN])
def test_writer_that_met_a_fault_goes_on(run: Run, states: list[State], kind: Kind, reloads: bool) -> None:
    """The actor lives on, with what it has in memory, and the step is sent to it again."""

    def perform(storage: Storage) -> None:
        collection = Collection(storage, NAME)
        until_it_works(collection.create, SOURCE)
        writer = until_it_works(CollectionWriter, collection)
        for number, step in enumerate(run.steps, 1):
            if reloads:
                until_it_works(writer.reload)
            assert until_it_works(run.apply, writer, storage, step) == number

    for fault in faults(perform, kind):
        storage = MemoryStorage()
        faulty = FaultyStorage(storage, fault)
        perform(faulty)
        assert faulty.struck
        assert read(storage) == (3, states[-1]), fault
        manifest = Collection(storage, NAME).latest()
        assert manifest is not None
        assert (manifest.recent_txns, manifest.epoch) == (("a", "b", "c"), 1), fault


@pytest.fixture(scope="module")
def recording(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """The run on a real folder, whose root is not there at first."""
    folder = tmp_path_factory.mktemp("power")
    made = Recording(folder)
    with made.recording():
        run.perform(LocalStorage(folder / "root"), lambda version: made.reached(str(version)))
    assert {event.action for event in made.events} == {"mkdir", "create", "sync", "link", "unlink", "reached"}
    return made


def assert_survived(run: Run, states: list[State], recording: Recording, cut: int, left: dict[str, bytes]) -> None:
    """Everything that was acknowledged before the cut is in what it left."""
    storage = MemoryStorage("left", {name.removeprefix("root/"): content for name, content in left.items()})
    acknowledged = int(next(reversed(recording.marks(cut)), "-1"))
    version, state = read(storage)
    assert version in (acknowledged, acknowledged + 1)
    assert state == (states[version] if version >= 0 else NOTHING)
    assert_completed(run, states, storage)


@pytest.mark.parametrize("survives", [False, True], ids=["nothing else survives", "everything survives"])
def test_power_cut_at_any_moment_loses_nothing(
    run: Run, states: list[State], recording: Recording, survives: bool
) -> None:
    for cut in range(len(recording.events) + 1):
        left = recording.after_power_cut(cut, lambda: survives, lambda: float(survives))
        assert_survived(run, states, recording, cut, left)


@given(data=st.data(), random=st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_power_cut_loses_nothing_whatever_survives_of_the_rest(
    run: Run, states: list[State], recording: Recording, data: st.DataObject, random: Random
) -> None:
    cut = data.draw(st.integers(0, len(recording.events)))
    left = recording.after_power_cut(cut, lambda: random.random() < 0.5, random.random)
    assert_survived(run, states, recording, cut, left)
