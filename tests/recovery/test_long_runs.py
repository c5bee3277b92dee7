"""A run that takes longer than garbage collection lets uncommitted segments lie."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

import raycontext
from raycontext.actors import job
from raycontext.errors import CommitConflict
from raycontext.index.work import stages
from raycontext.sdk.connection import SyncContext
from raycontext.store.checking.verification import verify
from raycontext.store.collection import Collection
from raycontext.store.garbage import LOCAL_GRACE, collect_garbage
from raycontext.store.storage.memory import MemoryStorage, named_memory

from ..clock import Clock, moved_clock
from ..conftest import CART, LEDGER, PAYMENT, README, ROUTER, write_tree

NAME = "slow"
SHARDS = 10
BATCH_SECONDS = 0.2 * LOCAL_GRACE.writers
"""So that a run over all shards takes two hours, of which those after the first are too many."""
_numbers = itertools.count()


@pytest.fixture
def clock() -> Iterator[Clock]:
    with moved_clock() as clock:
        yield clock


@pytest.fixture
def storage() -> MemoryStorage:
    return named_memory(f"long-runs-{next(_numbers)}")


@pytest.fixture
def slow(storage: MemoryStorage, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[SyncContext]:
    """Indexing a batch takes long, and after each one another owner collects garbage."""
    plain = stages.index_files

    def slowly(*arguments: object) -> stages.IndexedBatch:
        batch = plain(*arguments)  # type: ignore[arg-type]
        clock.advance(BATCH_SECONDS)
        collect_garbage(Collection(storage, NAME), LOCAL_GRACE)
        return batch

    monkeypatch.setattr(stages, "index_files", slowly)
    with raycontext.connect(root=storage.location, runtime="inline", workers=1) as connection:
        yield connection


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    place = tmp_path / "tree"
    texts = [CART, PAYMENT, ROUTER, LEDGER, README]
    write_tree(place, {f"part_{number}.py": texts[number % len(texts)] for number in range(60)})
    return place


def assert_whole(storage: MemoryStorage, files: int) -> None:
    report = verify(Collection(storage, NAME), deep=True)
    assert not report.damage
    manifest = Collection(storage, NAME).latest()
    assert manifest is not None
    assert manifest.files == files


def test_rebuild_of_hours_keeps_its_segments(
    slow: SyncContext, storage: MemoryStorage, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "RENEW_SECONDS", 0.0)
    slow.index(tree, collection=NAME)
    report = slow.index(tree, collection=NAME, num_shards=SHARDS)
    assert report.indexed_bytes
    assert_whole(storage, 60)
    manifest = Collection(storage, NAME).latest()
    assert manifest is not None
    assert [len(shard.segments) for shard in manifest.shards] == [1] * SHARDS


def test_segments_that_were_collected_are_never_committed(
    slow: SyncContext, storage: MemoryStorage, tree: Path
) -> None:
    """As where the process was suspended for so long: the run fails, and what was committed stays."""
    slow.index(tree, collection=NAME)
    with pytest.raises(CommitConflict, match="garbage"):
        slow.index(tree, collection=NAME, num_shards=SHARDS)
    assert_whole(storage, 60)
