"""Several processes write, read, merge and collect one collection, each stopped, killed or failed at any call of the
storage, while the clock goes on and the collection is removed and made anew; and a simple oracle knows what must be
there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache, partial
from typing import NamedTuple

import xxhash
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from raycontext.discover.read import Content
from raycontext.discover.snapshot import SnapshotEntry
from raycontext.embed.models.static import StaticEmbedder
from raycontext.embed.vectors import quantized
from raycontext.errors import CommitConflict, Fenced, StaleVersion, StorageError, UnknownCollection
from raycontext.index.work.segment_builder import Batch
from raycontext.models import Hit, IndexOptions, SearchFilters
from raycontext.search.query import SearchRequest
from raycontext.search.shard import ShardSearch
from raycontext.store.changes import Change, Compaction
from raycontext.store.collection import Collection
from raycontext.store.garbage import LOCAL_GRACE, collect_garbage
from raycontext.store.manifest import Manifest, manifest_name
from raycontext.store.segments.compaction import merge_segments
from raycontext.store.segments.segment_writer import SegmentContent, write_segment
from raycontext.store.storage.base import Storage
from raycontext.store.storage.memory import MemoryStorage
from raycontext.store.writer import CollectionWriter
from raycontext.ulid import new_ulid

from ..clock import moved_clock
from ..storage_faults import CRASHES, Kind, Process

NAME = "shop"
OPTIONS = IndexOptions(num_shards=1)
PATHS = ("cart.py", "payment.py", "ledger.py", "router.py", "order.py", "refund.py")
WRITERS, READERS = 3, 1
ATTEMPTS = 3
"""How often what failed is sent to a process again, and a query that was overtaken begun anew."""

Files = dict[str, int]
"""Editions of files by path."""
Edits = dict[str, int | None]
"""New editions of files; None: removed."""

EDITS = st.dictionaries(st.sampled_from(PATHS), st.none() | st.integers(0, 3), min_size=1, max_size=2)
STOPS = st.sampled_from(
    ["end", "end", "create", "snapshots", "renew", "write", "delete", "remove", "list", "read", "modified"]
)
"""Before what a process stops: the next call of a method, or for something in a folder, or not at all."""
FAULTS = st.none() | st.integers(0, 6)
"""What then happens to it: nothing, or one of the faults that this call may have."""
PAUSES = st.sampled_from([1.0, LOCAL_GRACE.readers + 1, LOCAL_GRACE.readers + 1, LOCAL_GRACE.writers + 1])
CALL_FAULTS = (Kind.IO_ERROR, Kind.LOST_REPLY, Kind.CRASH_BEFORE, Kind.CRASH_AFTER)
WRITE_FAULTS = (*CALL_FAULTS, Kind.NO_SPACE, Kind.TORN, Kind.CRASH_TORN)


class Planned(NamedTuple):
    """What a transaction is to do."""

    edits: Edits
    base: dict[str, bytes]
    """Digests of the files of the version that it was planned on."""


def text_of(path: str, edition: int) -> str:
    return f"def value_{path.partition('.')[0]}():\n    return 'edition {edition}'"


def digest_of(path: str, edition: int) -> bytes:
    return xxhash.xxh3_128_digest(text_of(path, edition).encode())


@cache
def content_of(files: tuple[tuple[str, int], ...]) -> SegmentContent:
    batch = Batch()
    for path, edition in files:
        data = text_of(path, edition).encode()
        batch.add(path, Content(data, digest_of(path, edition), len(data)), OPTIONS.chunk_bytes)
    return batch.content(quantized(StaticEmbedder()))


def fingerprint() -> str:
    return StaticEmbedder().fingerprint


def change_of(txn: str, edits: Edits, storage: Storage) -> Change:
    """A change with its segment written."""
    files = tuple(sorted((path, edition) for path, edition in edits.items() if edition is not None))
    segments = ()
    if files:
        segments = ((0, write_segment(storage, NAME, content_of(files), embedder=fingerprint(), chunker="c")),)
    return Change(
        txn=txn,
        segments=segments,
        entries={path: SnapshotEntry(1, 1, 1, digest_of(path, edition), None) for path, edition in files},
        seen={},
        removed=frozenset(path for path, edition in edits.items() if edition is None),
        unverified=frozenset(),
        scanned_at_ns=1,
        options=OPTIONS,
    )


def files_of(collection: Collection, manifest: Manifest) -> dict[str, str]:
    """Texts by path that a version answers from; everything in it is verified, and agrees."""
    texts: dict[str, str] = {}
    chunks = 0
    for segment in collection.segments(manifest, 0):
        for name in segment.data_files:
            segment.check_content(name)
        for ordinal in segment.alive_files().nonzero()[0].tolist():
            path = segment.path(ordinal)
            assert path not in texts, "a file is there twice"
            rows = range(
                int(segment.first_rows[ordinal]), int(segment.first_rows[ordinal] + segment.row_counts[ordinal])
            )
            texts[path] = "".join(segment.text(row) for row in rows)
            chunks += len(rows)
    snapshot = collection.snapshot(manifest)
    digests = {path: xxhash.xxh3_128_digest(text.encode()) for path, text in texts.items()}
    assert {path: entry.digest for path, entry in snapshot.entries.items()} == digests
    assert (manifest.files, manifest.chunks) == (len(texts), chunks)
    return texts


class Writer(Process):
    """A process with the writer of a collection. As an actor, it is sent again what failed."""

    def __init__(self, machine: SeveralWriters) -> None:
        super().__init__(machine.storage)
        self._machine = machine
        self._collection = Collection(self, NAME)
        self._writer: CollectionWriter | None = None

    def run(self, edits: Edits) -> None:
        """One index run: planned on the newest version, its segment written, and committed."""
        writer = self._reloaded()
        if writer is None:
            return
        known = writer.snapshot.whole().entries
        planned = {path: edition for path, edition in edits.items() if edition is not None or path in known}
        txn = self._machine.plan(planned, {path: entry.digest for path, entry in known.items()})
        try:
            change = change_of(txn, planned, self)
        except StorageError:
            assert self.faulted
            self._machine.refused.add(txn)
            return
        self._commit(txn, lambda: writer.commit(change, embedder=fingerprint(), chunker="c"))

    def compact(self, chosen: Sequence[bool]) -> None:
        """Merge some segments of the version that it holds."""
        writer = self._writer
        if writer is None or writer.manifest is None or not writer.is_owner:
            return
        segments = writer.manifest.shards[0].segments
        sources = tuple(segment for segment, taken in zip(segments, chosen, strict=False) if taken)
        if not sources:
            return
        try:
            merged = merge_segments(self, NAME, sources, embedder=fingerprint(), chunker="c")
        except FileNotFoundError:  # garbage collection was faster
            return
        except StorageError:
            assert self.faulted
            return
        txn = self._machine.plan({}, {})
        self._commit(txn, lambda: writer.compact(Compaction(txn, 0, sources, merged)))

    def collect(self) -> None:
        if self._writer is None or not self._writer.is_owner:
            return
        try:
            collect_garbage(self._collection, LOCAL_GRACE)
        except StorageError:
            assert self.faulted
        except UnknownCollection:
            assert self._machine.was_cleared_since(self)

    def begin_anew(self) -> None:
        self._writer = None

    def _reloaded(self) -> CollectionWriter | None:
        for _ in range(ATTEMPTS):
            try:
                if self._writer is None:
                    self._writer = CollectionWriter(self._collection)
                else:
                    self._writer.reload()
            except UnknownCollection:
                assert self._machine.was_cleared_since(self)
                return None
            except FileNotFoundError:  # garbage collection was faster, again and again
                return None
            except StorageError:  # one that is half removed or made anew looks damaged, too
                assert self.faulted or self._machine.was_cleared_since(self)
                continue
            return self._writer
        return None

    def _commit(self, txn: str, commit: Callable[[], Manifest | None]) -> None:
        for _ in range(ATTEMPTS):
            try:
                manifest = commit()
            except StorageError:  # one that is half removed or made anew looks damaged, too
                assert self.faulted or self._machine.was_cleared_since(self)
                continue
            except (Fenced, CommitConflict):
                self._machine.refused.add(txn)
            except UnknownCollection:
                assert self._machine.was_cleared_since(self)
            except FileNotFoundError:  # as above
                return
            else:
                if manifest is not None:
                    assert txn in manifest.recent_txns
                    self._machine.acknowledged.add(txn)
            return


class Reader(Process):
    """A process that searches."""

    def __init__(self, machine: SeveralWriters) -> None:
        super().__init__(machine.storage)
        self._machine = machine
        self.begin_anew()

    def begin_anew(self) -> None:
        self._search = ShardSearch(Collection(self, NAME), 0)

    def search(self) -> None:
        """A query, as the SDK asks it: begun anew where its version is gone."""
        request = SearchRequest("value edition", SearchFilters(), files=60, rows=5)
        for _ in range(ATTEMPTS):
            try:
                hits = self._search.search(request, 50, 0.0)
            except StaleVersion:
                continue
            except UnknownCollection:
                assert self._machine.was_cleared_since(self)
            except StorageError:  # one that is half removed or made anew looks damaged, too
                assert self.faulted or self._machine.was_cleared_since(self)
            else:
                self._machine.check_answer(hits)
            return


class SeveralWriters(RuleBasedStateMachine):
    """The processes, the clock, and the books."""

    def __init__(self) -> None:
        super().__init__()
        self._end = ExitStack()
        self.clock = self._end.enter_context(moved_clock())
        self.storage = MemoryStorage()
        self.collection = Collection(self.storage, NAME)
        self.planned: dict[str, Planned] = {}
        self.acknowledged: set[str] = set()
        """Transactions whose writer was told that they are in this collection."""
        self.refused: set[str] = set()
        """Transactions whose writer was told that they are not in."""
        self.states: list[Files] = [{}]
        """What was to be read, at any time."""
        self.history: list[str] = []
        """Transactions of the newest version and of all before."""
        self.times: dict[int, float] = {}
        """When each version was made that was there when last looked."""
        self.clears = 0
        self.exists = False
        self.newest = ""
        self.writers = [Writer(self) for _ in range(WRITERS)]
        self.readers = [Reader(self) for _ in range(READERS)]
        self.begun: dict[int, tuple[int, bool]] = {}
        """By process: removals of the collection before its job, and whether it was there."""

    # What the processes tell and ask.

    def plan(self, edits: Edits, base: dict[str, bytes]) -> str:
        """Note a new transaction and return its id."""
        txn = new_ulid()
        self.planned[txn] = Planned(edits, base)
        return txn

    def was_cleared_since(self, process: Process) -> bool:
        """Whether there was a time in its job at which the collection was not there."""
        return self.begun[id(process)] != (self.clears, True)

    def check_answer(self, hits: Sequence[Hit]) -> None:
        found = {(hit.path, hit.text) for hit in hits}
        expected = [
            {(path, text_of(path, edition).strip()) for path, edition in state.items()} for state in self.states
        ]
        assert any(found <= state and bool(found) == bool(state) for state in expected), found

    # What happens.

    @initialize()
    def first(self) -> None:
        self.create()

    @precondition(lambda self: not self.exists)
    @rule()
    def create(self) -> None:
        self.collection.create("/source/shop")
        self.exists = True

    @precondition(lambda self: self.exists)
    @rule(sure=st.booleans(), anew=st.booleans())
    def clear(self, sure: bool, anew: bool) -> None:
        """A removal waits for deletions that are under way; it happens less often than all else."""
        if not sure:
            return
        for process in (*self.writers, *self.readers):
            while process.waits_for is not None and process.waits_for[0] in ("delete", "remove"):
                process.step()
        self.check()
        assert self.collection.storage.remove(NAME)
        self.exists = False
        self.clears += 1
        self.acknowledged.clear()
        self.history, self.times, self.newest = [], {}, ""
        self.states.append({})
        if anew:
            self.create()

    @rule(writer=st.integers(0, WRITERS - 1), edits=EDITS, stop=STOPS, fault=FAULTS)
    def run(self, writer: int, edits: Edits, stop: str, fault: int | None) -> None:
        process = self.writers[writer]
        self.begin(process, lambda: process.run(edits), stop)
        self.fail(process, fault)

    @rule(
        writer=st.integers(0, WRITERS - 1),
        chosen=st.lists(st.booleans(), min_size=2, max_size=6),
        stop=STOPS,
        fault=FAULTS,
    )
    def compact(self, writer: int, chosen: list[bool], stop: str, fault: int | None) -> None:
        process = self.writers[writer]
        self.begin(process, lambda: process.compact(chosen), stop)
        self.fail(process, fault)

    @rule(writer=st.integers(0, WRITERS - 1), stop=STOPS, fault=FAULTS)
    def collect(self, writer: int, stop: str, fault: int | None) -> None:
        process = self.writers[writer]
        self.begin(process, process.collect, stop)
        self.fail(process, fault)

    @rule(writer=st.integers(0, WRITERS - 1), edits=st.lists(EDITS, min_size=2, max_size=5), seconds=PAUSES)
    def go_far_ahead(self, writer: int, edits: list[Edits], seconds: float) -> None:
        """Several versions, and the first of them are collected."""
        process = self.writers[writer]
        for each in edits:
            self.begin(process, partial(process.run, each), "end")
            self.check()
        self.wait(seconds)
        self.begin(process, process.collect, "end")

    @rule(reader=st.integers(0, READERS - 1), stop=STOPS)
    def search(self, reader: int, stop: str) -> None:
        process = self.readers[reader]
        self.begin(process, process.search, stop)

    @rule(number=st.integers(0, WRITERS + READERS - 1), stop=STOPS, fault=FAULTS)
    def go_on(self, number: int, stop: str, fault: int | None) -> None:
        process = (*self.writers, *self.readers)[number]
        self.advance(process, stop)
        self.fail(process, fault)

    def fail(self, process: Writer | Reader, fault: int | None) -> None:
        """The call before which a process stands fails, or the process ends there."""
        if process.waits_for is None or fault is None:
            return
        kinds = WRITE_FAULTS if process.waits_for[0] == "write" else CALL_FAULTS
        kind = kinds[fault % len(kinds)]
        process.step(kind)
        if kind in CRASHES:
            assert process.waits_for is None
            process.begin_anew()

    @rule(seconds=PAUSES)
    def wait(self, seconds: float) -> None:
        """Also in the middle of a commit, and for longer than the writers' grace time."""
        self.clock.advance(seconds)

    def begin(self, process: Process, job: Callable[[], None], stop: str) -> None:
        """A process that is busy ends what it does first."""
        self.advance(process, "end")
        self.begun[id(process)] = (self.clears, self.exists)
        process.begin(job)
        self.advance(process, stop)

    def advance(self, process: Process, stop: str) -> None:
        """On to the next call of the method `stop`."""
        while process.waits_for is not None:
            process.step()
            if process.waits_for is not None:
                method, name = process.waits_for
                if stop == method or f"/{stop}/" in name:
                    return

    # What must be true.

    @invariant()
    def check(self) -> None:
        for process in (*self.writers, *self.readers):
            if process.failure is not None:
                raise process.failure
        if not self.exists:
            return
        manifest = self.collection.latest()
        if manifest is None:
            assert not self.history
            return
        if manifest.checksum != self.newest:
            self.newest = manifest.checksum
            self._check_content(manifest)
        assert self.acknowledged <= set(self.history), "an acknowledged commit is lost"
        assert not self.refused & set(self.history), "what was refused is in"
        self._check_kept_versions(manifest)

    def _check_content(self, manifest: Manifest) -> None:
        recent = list(manifest.recent_txns)
        known = self.history.index(recent[0]) if recent[0] in self.history else 0
        assert self.history[known:] == recent[: len(self.history) - known], "history has changed"
        state: Files = {}
        self.history = self.history[:known] + recent
        assert len(set(self.history)) == len(self.history), "a change was applied twice"
        for txn in self.history:
            planned = self.planned[txn]
            for path, edition in planned.edits.items():
                before = digest_of(path, state[path]) if path in state else None
                assert planned.base.get(path) == before, "a change was made on top of another of the same file"
                if edition is None:
                    del state[path]
                else:
                    state[path] = edition
        assert files_of(self.collection, manifest) == {path: text_of(path, edition) for path, edition in state.items()}
        self.states.append(state)

    def _check_kept_versions(self, manifest: Manifest) -> None:
        """All versions from which the newest came that are still there are whole, and the younger ones are there."""
        line = [manifest]
        for version in reversed(self.collection.versions()):
            earlier = self.collection.manifest(version)
            if earlier.version < line[-1].version and earlier.checksum == line[-1].parent:
                line.append(earlier)
        for earlier in line:
            for name in earlier.snapshot_names():
                assert self.storage.list(f"{NAME}/snapshots/{name}"), "a snapshot was removed too early"
            for name in earlier.segment_names():
                assert len(self.storage.list(f"{NAME}/segments/{name}")) > 1, "a segment was removed too early"
        owners = {earlier.epoch: earlier.owner for earlier in line}
        assert all(owners[earlier.epoch] == earlier.owner for earlier in line), "two owners in one epoch"
        assert sorted(owners, reverse=True) == list(owners), "an older owner has committed"
        present = {earlier.version for earlier in line}
        for version, made in self.times.items():
            assert version in present or self.clock.time() - made > LOCAL_GRACE.readers, "a version went too early"
        place = f"{NAME}/manifests"
        self.times = {
            version: self.storage.modified(f"{place}/{manifest_name(version)}") for version in sorted(present)
        }

    def teardown(self) -> None:
        """All processes are killed, and a new one brings everything to what it should be."""
        try:
            for process in (*self.writers, *self.readers):
                process.kill()
                process.begin_anew()
            self.check()
            if self.exists:
                self._begin_again()
        finally:
            self._end.close()

    def _begin_again(self) -> None:
        final: Edits = {path: number for number, path in enumerate(PATHS)}
        process = self.writers[0]
        self.begin(process, lambda: process.run(final), "end")
        self.check()
        assert self.states[-1] == final
        manifest = self.collection.latest()
        assert manifest is not None
        assert manifest.recent_txns[-1] in self.acknowledged
        self.clock.advance(2 * LOCAL_GRACE.writers)
        self.begin(process, process.collect, "end")
        self.check()
        named: set[str] = set()
        for version in self.collection.versions():
            named |= self.collection.manifest(version).segment_names()
        assert set(self.storage.list(f"{NAME}/segments")) <= named, "garbage is left"


TestSeveralWriters = SeveralWriters.TestCase
TestSeveralWriters.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink what fails takes minutes
    suppress_health_check=list(HealthCheck),
)
