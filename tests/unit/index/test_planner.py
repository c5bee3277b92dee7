"""The planner alone: no files, no processes, no clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

import pytest

from raycontext.discover.snapshot import Snapshot, SnapshotEntry, classify
from raycontext.errors import StorageError
from raycontext.index.planning import failures, instructions
from raycontext.index.planning import planner as index_planner
from raycontext.index.planning.planner import ReindexPlanner
from raycontext.index.reuse.reuse import ReusedBatch
from raycontext.index.work.stages import IndexedBatch, Scan
from raycontext.models import FileDigest, FileStat, IndexOptions, SkipReason, TreeListing
from raycontext.runtime.base import WorkerDied, WorkerLost
from raycontext.store.changes import TreeChanges
from raycontext.store.known_files import KnownFiles
from raycontext.store.manifest import SegmentReference

MEGABYTE = 1 << 20


class World:
    """Carries out instructions as a runtime would, in memory, and remembers what was committed."""

    def __init__(self, files: Sequence[FileStat], fails: Callable[[instructions.Instruction], bool] = lambda _: False):
        self.files = list(files)
        self.fails = fails
        self.removed: list[str] = []
        self.skipped: dict[str, SnapshotEntry] = {}
        self.unchanged: set[str] = set()
        self.commits: list[instructions.Commit] = []
        self.indexed: list[instructions.IndexFiles] = []
        self._names = count()

    def planner(
        self, *, first: bool = True, replace: bool = False, num_shards: int = 1, again: Sequence[str] = ()
    ) -> ReindexPlanner:
        return ReindexPlanner(
            IndexOptions(num_shards=num_shards),
            owed=first,
            replace=replace,
            parallelism=2,
            new_txn=lambda: f"txn-{next(self._names)}",
            again=again,
        )

    def run(self, planner: ReindexPlanner, *, newest_first: bool = False) -> instructions.Finish | instructions.Abort:
        waiting = list(planner.start())
        while True:
            instruction = waiting.pop(-1 if newest_first else 0)
            if isinstance(instruction, (instructions.Finish, instructions.Abort)):
                return instruction
            waiting.extend(planner.handle(self.carry_out(instruction)))

    def postponed(self) -> dict[str, SnapshotEntry]:
        found = [commit.change.postponed for commit in self.commits]
        return {path: entry for entries in found for path, entry in entries.items()}

    def carry_out(self, instruction: instructions.Instruction) -> instructions.Event:
        if self.fails(instruction):
            return instructions.Failed(instruction, RuntimeError("worker died"))
        match instruction:
            case instructions.ScanTree():
                return instructions.Scanned(Scan(1, len(self.files), self.files, self.skipped, self.removed, [], ()))
            case instructions.HashFiles(files):
                return instructions.Hashed(instruction, [digest(file) for file in files])
            case instructions.CompareTrees(hashed, removed, _):
                added = [file.path for file, _ in hashed if file.path not in self.unchanged]
                return instructions.Compared(TreeChanges(added, [], list(removed), {}, [], {}))
            case instructions.IndexFiles(_, files):
                self.indexed.append(instruction)
                reference = SegmentReference(
                    name=f"s{next(self._names)}", checksum="", files=len(files), rows=1, bytes=1
                )
                entries = {file.path: SnapshotEntry(file.size, 0, 0, b"d" * 16, None) for file in files}
                return instructions.Indexed(
                    instruction, IndexedBatch(reference, entries, sum(file.size for file in files))
                )
            case instructions.Commit():
                self.commits.append(instruction)
                return instructions.Committed(instruction)
            case _:
                raise AssertionError(instruction)

    def entries(self) -> dict[str, SnapshotEntry]:
        return {path: entry for commit in self.commits for path, entry in commit.change.entries.items()}


def digest(file: FileStat) -> FileDigest:
    if file.path.endswith(".gone"):
        return FileDigest(file.path, b"", SkipReason.VANISHED)
    return FileDigest(file.path, file.path.encode().ljust(16)[:16], None)


def stats(number: int, size: int = 1000) -> list[FileStat]:
    return [FileStat(f"f{index:05}.py", size, 0, index) for index in range(number)]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("num_shards", [1, 3])
def test_every_file_is_indexed_and_committed_once(newest_first: bool, num_shards: int) -> None:
    world = World(stats(500, 300_000))
    planner = world.planner(num_shards=num_shards)
    assert world.run(planner, newest_first=newest_first) == instructions.Finish(changed=True)
    indexed = sorted(file.path for instruction in world.indexed for file in instruction.files)
    assert indexed == [file.path for file in world.files]
    assert sorted(world.entries()) == indexed
    segments = [segment for commit in world.commits for segment in commit.change.segments]
    assert len(segments) == len(world.indexed)
    assert {shard for shard, _ in segments} == set(range(num_shards))
    assert (planner.files_indexed, planner.bytes_indexed) == (500, 500 * 300_000)
    assert planner.stage == "done"


def test_large_run_commits_on_the_way() -> None:
    world = World(stats(100, 3 * MEGABYTE))
    world.run(world.planner(), newest_first=True)
    assert len(world.commits) >= 300 // 64
    assert len({commit.change.txn for commit in world.commits}) == len(world.commits)


def test_what_is_indexed_during_a_slow_commit_goes_into_the_next() -> None:
    world = World(stats(100, 3 * MEGABYTE))
    planner = world.planner()
    waiting, commits = planner.start(), []
    while waiting:
        instruction = waiting.pop(0)
        if isinstance(instruction, instructions.Commit):
            commits.append(instruction)
        else:
            waiting.extend(planner.handle(world.carry_out(instruction)))
    (first,) = commits
    assert planner.stage == "committing"
    (second,) = planner.handle(instructions.Committed(first))
    assert isinstance(second, instructions.Commit)
    assert len(first.change.segments) + len(second.change.segments) == len(world.indexed)
    assert planner.handle(instructions.Committed(second)) == [instructions.Finish(changed=True)]


def test_commits_of_a_huge_run_are_few() -> None:
    world = World(stats(4_000, 16 * MEGABYTE))
    world.run(world.planner(), newest_first=True)
    assert index_planner.MOST_COMMITS // 2 < len(world.commits) <= index_planner.MOST_COMMITS + 1


def test_run_that_ends_early_commits_what_is_indexed_and_leaves_the_rest() -> None:
    world = World(stats(100, 3 * MEGABYTE))
    planner = world.planner()
    waiting, withdrawn = planner.start(), 0
    assert not planner.may_end_early
    while waiting:
        instruction = waiting.pop(0)
        waiting.extend(planner.handle(world.carry_out(instruction)))
        if len(world.indexed) == 3 and not withdrawn:
            assert planner.may_end_early
            left = [instruction for instruction in waiting if isinstance(instruction, instructions.IndexFiles)]
            withdrawn = len(left)
            waiting = [instruction for instruction in waiting if instruction not in left]
            waiting.extend(planner.withdraw(left))
        if planner.stage == "done":
            assert waiting == [instructions.Finish(changed=True)]
            break
    assert withdrawn > 3
    (commit,) = world.commits
    done = {file.path for instruction in world.indexed for file in instruction.files}
    assert commit.change.entries.keys() == done
    assert commit.change.unverified == {file.path for file in world.files} - done
    assert (planner.added, planner.files_indexed, planner.files_to_index) == (len(done),) * 3
    assert planner.bytes_indexed == planner.bytes_to_index


def test_run_that_builds_anew_does_not_end_early() -> None:
    world = World(stats(100, 3 * MEGABYTE))
    planner = world.planner(first=False, replace=True)
    waiting = planner.start()
    while waiting and not world.indexed:
        waiting.extend(planner.handle(world.carry_out(waiting.pop(0))))
    assert planner.stage == "indexing"
    assert not planner.may_end_early


def test_replacement_is_one_commit_at_the_end() -> None:
    world = World(stats(100, 3 * MEGABYTE))
    world.run(world.planner(first=False, replace=True))
    (commit,) = world.commits
    assert commit.change.replace
    assert len(commit.change.entries) == 100


def test_unchanged_tree_needs_neither_reading_nor_a_commit() -> None:
    world = World([])
    assert world.run(world.planner(first=False)) == instructions.Finish(changed=False)
    assert world.commits == []


def test_same_content_commits_nothing() -> None:
    world = World(stats(3))
    world.unchanged = {file.path for file in world.files}
    assert world.run(world.planner(first=False)) == instructions.Finish(changed=False)
    assert (world.indexed, world.commits) == ([], [])


def test_first_run_over_an_empty_tree_commits() -> None:
    world = World([])
    assert world.run(world.planner(first=True)) == instructions.Finish(changed=True)
    assert len(world.commits) == 1


def test_removed_files_are_in_the_first_commit() -> None:
    world = World([])
    world.removed = ["old.py"]
    assert world.run(world.planner(first=False)) == instructions.Finish(changed=True)
    assert world.commits[0].change.removed == {"old.py"}


def test_file_that_vanished_before_hashing_is_skipped_with_its_reason() -> None:
    world = World([*stats(2), FileStat("x.gone", 1, 0, 9)])
    world.run(world.planner())
    assert world.entries()["x.gone"].reason is SkipReason.VANISHED


@pytest.mark.parametrize("stage", [instructions.HashFiles, instructions.IndexFiles])
@pytest.mark.parametrize("number", [1, 2, 300])
def test_file_that_kills_its_worker_is_found_and_quarantined(stage: type, number: int) -> None:
    poison = "f00000.py" if number == 1 else "f00001.py"

    def fails(instruction: instructions.Instruction) -> bool:
        return isinstance(instruction, stage) and any(file.path == poison for file in instruction.files)

    world = World(stats(number), fails)
    assert world.run(world.planner()) == instructions.Finish(changed=True)
    reason = SkipReason.QUARANTINED if stage is instructions.IndexFiles else SkipReason.WORKER_LOST
    every = {**world.entries(), **world.postponed()}
    assert [path for path, entry in every.items() if entry.reason is reason] == [poison]
    assert len(every) == number


@pytest.mark.parametrize("stage", [instructions.HashFiles, instructions.IndexFiles])
def test_run_in_which_everything_fails_blames_no_file(stage: type) -> None:
    world = World(stats(200), lambda instruction: isinstance(instruction, stage))
    ended = world.run(world.planner(), newest_first=True)
    assert isinstance(ended, instructions.Abort)
    assert world.commits == []


def test_storage_error_ends_the_run() -> None:
    error = StorageError("/root", "No space left on device")
    world = World(stats(5))
    planner = world.planner()
    (scan,) = planner.start()
    (hashing,) = planner.handle(world.carry_out(scan))
    (compare,) = planner.handle(world.carry_out(hashing))
    (index,) = planner.handle(world.carry_out(compare))
    assert planner.handle(instructions.Failed(index, error)) == [instructions.Abort(error)]
    assert planner.stage == "failed"


def test_failed_scan_ends_the_run() -> None:
    planner = World([]).planner()
    error = RuntimeError("no")
    assert planner.handle(instructions.Failed(instructions.ScanTree(), error)) == [instructions.Abort(error)]


def test_file_that_is_alone_is_blamed_for_the_second_dead_worker() -> None:
    world, deaths, times = World(stats(1)), count(1), 0

    def dies(instruction: instructions.Instruction) -> instructions.Event:
        if isinstance(instruction, instructions.IndexFiles) and next(deaths) <= times:
            return instructions.Failed(instruction, WorkerDied("SIGSEGV", "n7"))
        return World.carry_out(world, instruction)

    for deadly, reason in ((1, None), (2, SkipReason.WORKER_DIED)):
        world, deaths, times = World(stats(1)), count(1), deadly
        world.carry_out = dies  # type: ignore[method-assign]
        assert world.run(world.planner()) == instructions.Finish(changed=True)
        (entry,) = world.entries().values()
        assert entry.reason is reason
        assert entry.digest  # a quarantine is of the content
        assert (entry.failure and entry.failure.why) == ("SIGSEGV" if reason else None)


@pytest.mark.parametrize("number", [1, 20])
def test_node_that_is_lost_again_and_again_blames_no_file(number: int) -> None:
    """A busy machine has no say in what is stored: such files are left out of this run and tried again by the next."""
    world = World(stats(number))
    pauses: list[float] = []

    def is_lost(instruction: instructions.Instruction) -> instructions.Event:
        if isinstance(instruction, instructions.IndexFiles) and instruction.files[0].path == "f00000.py":
            pauses.append(instruction.pause)
            return instructions.Failed(instruction, WorkerLost("OutOfMemoryError", "n7"))
        return World.carry_out(world, instruction)

    world.carry_out = is_lost  # type: ignore[method-assign]
    ended = world.planner()
    assert world.run(ended) == instructions.Finish(changed=True)
    assert "f00000.py" not in world.entries()
    assert ended.pending_files == sorted(world.postponed())
    entry = world.postponed()["f00000.py"]
    assert (entry.reason, entry.digest) == (SkipReason.WORKER_LOST, b"")
    assert entry.failure is not None
    assert (entry.failure.why, entry.failure.node) == ("OutOfMemoryError", "n7")
    assert sum(pauses) >= failures.LOST_SECONDS
    assert pauses == sorted(pauses)
    assert len(world.entries()) + len(world.postponed()) == number
    later = Snapshot(2**62, {"f00000.py": entry})
    found = FileStat("f00000.py", entry.size, entry.mtime_ns, entry.inode)
    assert classify(TreeListing(2**62, [found], [], []), later).to_hash == [found]


def test_death_that_nobody_can_explain_is_no_evidence() -> None:
    """A worker that died with its node looks as one that a file has crashed, so the file gets a process of its own."""
    world = World(stats(20))
    ways: list[bool] = []

    def dies(instruction: instructions.Instruction) -> instructions.Event:
        if isinstance(instruction, instructions.IndexFiles) and instruction.files[0].path == "f00000.py":
            ways.append(instruction.apart)
            if not instruction.apart:
                return instructions.Failed(instruction, WorkerDied("WorkerCrashedError", is_known=False))
        return World.carry_out(world, instruction)

    world.carry_out = dies  # type: ignore[method-assign]
    assert world.run(world.planner()) == instructions.Finish(changed=True)
    assert {entry.reason for entry in world.entries().values()} == {None}
    assert ways == [False, False, True]  # 20 files, 3 files, alone


def test_what_is_indexed_is_committed_while_lost_work_waits() -> None:
    world, planner = World(stats(9)), World(stats(9)).planner(num_shards=3)
    waiting = planner.start()
    while not isinstance(waiting[0], instructions.IndexFiles):
        waiting = planner.handle(world.carry_out(waiting[0]))
    lost, *others = waiting
    (again,) = planner.handle(instructions.Failed(lost, WorkerLost("NodeDiedError")))
    assert isinstance(again, instructions.IndexFiles)
    assert (again.pause, planner.files_waiting) == (1.0, len(again.files))
    done = [planner.handle(world.carry_out(other)) for other in others]
    assert [type(each) for each in done[-1]] == [instructions.Commit]
    (commit,) = done[-1]
    assert isinstance(commit, instructions.Commit)
    assert set(commit.change.unverified) == {file.path for file in again.files}
    assert planner.handle(instructions.Committed(commit)) == []
    (last,) = planner.handle(world.carry_out(again))
    assert planner.files_waiting == 0
    assert planner.handle(world.carry_out(last)) == [instructions.Finish(changed=True)]


def test_walk_whose_node_is_lost_is_tried_again() -> None:
    planner = World([]).planner()
    (again,) = planner.handle(instructions.Failed(instructions.ScanTree(), WorkerLost("NodeDiedError")))
    assert again == instructions.ScanTree(losses=1, pause=1.0)


def test_file_that_is_to_be_chunked_again_is_indexed_where_nothing_has_changed() -> None:
    world = World(stats(2))
    planner = world.planner(first=False, again=("f00001.py",))
    (hashing,) = planner.handle(world.carry_out(planner.start()[0]))
    planner.handle(world.carry_out(hashing))
    (index,) = planner.handle(instructions.Compared(TreeChanges([], [], [], {}, [], {})))
    assert isinstance(index, instructions.IndexFiles)
    assert [file.path for file in index.files] == ["f00001.py"]
    assert (planner.added, planner.modified) == (0, 0)


def test_content_in_quarantine_is_not_tried_again() -> None:
    world = World(stats(1))
    planner = world.planner(first=False)
    (hashing,) = planner.handle(world.carry_out(planner.start()[0]))
    planner.handle(world.carry_out(hashing))
    entry = SnapshotEntry(1000, 0, 0, b"f" * 16, SkipReason.WORKER_DIED)
    changes = TreeChanges([], [], [], {}, [], {"f00000.py": entry})
    (commit,) = planner.handle(instructions.Compared(changes))
    assert isinstance(commit, instructions.Commit)
    assert commit.change.entries == {"f00000.py": entry}


class Donor(World):
    """A world where rows of some files exist in another collection."""

    def __init__(self, files: Sequence[FileStat], known: int, lost: int = 0, unfit: int = 0) -> None:
        super().__init__(files)
        self.known = known
        self.lost = lost
        self.unfit = unfit
        self.searches = 0

    def carry_out(self, instruction: instructions.Instruction) -> instructions.Event:
        match instruction:
            case instructions.FindKnown(files):
                self.searches += 1
                places = tuple(range(min(self.known, len(files))))
                reference = SegmentReference(name="donor", checksum="", files=self.known, rows=1, bytes=1)
                found = [KnownFiles("other", 0, reference, places, places)] if places else []
                return instructions.Found(instruction, found)
            case instructions.ReuseFiles(_, files):
                if self.lost:
                    self.lost -= 1
                    return instructions.Failed(instruction, FileNotFoundError("donor"), 1)
                rest = files[: self.unfit]
                entries = {file.path: SnapshotEntry(file.size, 0, 0, b"d" * 16, None) for file in files[self.unfit :]}
                reference = SegmentReference(name=f"r{next(self._names)}", checksum="", files=1, rows=1, bytes=1)
                batch = ReusedBatch(reference if entries else None, entries, rest, {"other": len(entries)})
                return instructions.Reused(instruction, batch)
            case _:
                return super().carry_out(instruction)

    def reusing(self, **options: bool) -> ReindexPlanner:
        return ReindexPlanner(
            IndexOptions(num_shards=1),
            **{"owed": True, "replace": False, **options},
            parallelism=2,
            new_txn=lambda: f"txn-{next(self._names)}",
            reuse=True,
        )


def indexed_by(world: World) -> int:
    return sum(len(instruction.files) for instruction in world.indexed)


@pytest.mark.parametrize("newest_first", [False, True])
def test_files_whose_rows_exist_are_not_indexed_and_come_in_one_commit(newest_first: bool) -> None:
    world = Donor(stats(500, MEGABYTE), known=500)
    planner = world.reusing()
    assert world.run(planner, newest_first=newest_first) == instructions.Finish(changed=True)
    assert (indexed_by(world), planner.reused.files, planner.reused.collections) == (0, 500, {"other"})
    (commit,) = world.commits
    assert len(commit.change.entries) == 500
    assert not commit.change.unverified


@pytest.mark.parametrize("newest_first", [False, True])
def test_rows_that_do_not_fit_and_files_without_rows_are_indexed(newest_first: bool) -> None:
    world = Donor(stats(50), known=30, unfit=5)
    planner = world.reusing()
    assert world.run(planner, newest_first=newest_first) == instructions.Finish(changed=True)
    assert (indexed_by(world), planner.reused.files, planner.files_indexed) == (25, 25, 50)
    assert sorted(world.entries()) == [file.path for file in world.files]


@pytest.mark.parametrize(("lost", "searches", "indexed"), [(1, 2, 0), (2, 3, 0), (9, 3, 30)])
def test_rows_that_are_removed_meanwhile_are_searched_again_and_at_last_indexed(
    lost: int, searches: int, indexed: int
) -> None:
    world = Donor(stats(30), known=30, lost=lost)
    planner = world.reusing()
    assert world.run(planner) == instructions.Finish(changed=True)
    assert (world.searches, indexed_by(world), planner.reused.files) == (searches, indexed, 30 - indexed)
    assert sorted(world.entries()) == [file.path for file in world.files]


def test_search_that_was_asked_for_wrongly_ends_the_run_and_one_whose_worker_dies_does_not() -> None:
    for error, ended in ((StorageError("/root", "closed"), True), (WorkerDied("killed"), False)):
        world = Donor(stats(3), known=3)
        planner, waiting = world.reusing(), []
        waiting = planner.start()
        result: instructions.Instruction | None = None
        while waiting:
            instruction = waiting.pop(0)
            if isinstance(instruction, (instructions.Finish, instructions.Abort)):
                result = instruction
                break
            is_search = isinstance(instruction, instructions.FindKnown)
            event = instructions.Failed(instruction, error, 1) if is_search else world.carry_out(instruction)
            waiting.extend(planner.handle(event))
        assert isinstance(result, instructions.Abort) == ended
        assert indexed_by(world) == (0 if ended else 3)


def test_rebuild_takes_no_rows() -> None:
    world = Donor(stats(3), known=3)
    assert world.run(world.reusing(replace=True)) == instructions.Finish(changed=True)
    assert (world.searches, indexed_by(world)) == (0, 3)
