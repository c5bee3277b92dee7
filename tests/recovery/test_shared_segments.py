"""Collections share segments, and whatever happens to one of them never takes a byte from another."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

import raycontext
from raycontext.errors import CorruptSegment, RaycontextError
from raycontext.index.reuse.reuse import reuse_files
from raycontext.models import FileStat, IndexOptions
from raycontext.store import garbage
from raycontext.store.collection import Collection, Location
from raycontext.store.known_files import KnownFiles
from raycontext.store.segments.segment import Segment
from raycontext.store.storage.local import LocalStorage

from ..behaviour.test_sharing import SHOP, assert_as_fresh
from ..conftest import write_tree
from ..storage_faults import InterceptedStorage

Result = TypeVar("Result")

NAMES = ("shop", "twin", "third")
CHILDREN = 3
SECONDS = 15.0
LEAST_KILLS = 5


class Meddling(InterceptedStorage):
    """Does something before one of its calls, by number."""

    def __init__(self, inner: LocalStorage, at: int, meddle: Callable[[], object]) -> None:
        super().__init__(inner)
        self.calls = 0
        self._at = at
        self._meddle = meddle

    def _call(
        self, method: str, name: str, act: Callable[[], Result], tear: Callable[[int], None] | None = None
    ) -> Result:
        if self.calls == self._at:
            self._meddle()
        self.calls += 1
        return act()


@pytest.mark.parametrize("whole", [True, False])
def test_source_that_is_removed_at_any_moment_leaves_a_whole_segment_or_none(
    whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, tree = tmp_path / "root", tmp_path / "tree"
    write_tree(tree, SHOP)
    with raycontext.connect(root=root, runtime="inline", workers=1) as context:
        context.index(tree, collection="shop")
    donor = Collection(LocalStorage(root), "shop")
    manifest = donor.latest()
    assert manifest is not None
    (reference,) = manifest.segments
    count = reference.files if whole else 2
    segment = Segment(donor.storage, "shop", reference)
    files = [FileStat(segment.path(ordinal), 1, 1, 1) for ordinal in range(count)]
    known = [KnownFiles("shop", 0, reference, tuple(range(count)), tuple(range(count)))]
    shutil.copytree(root / "shop", tmp_path / "kept")
    outcomes: set[str] = set()
    at = 0
    while True:
        storage = Meddling(LocalStorage(root), at, lambda: donor.storage.remove("shop"))
        monkeypatch.setattr(Location, "open", lambda self, storage=storage: Collection(storage, self.collection))
        try:
            batch = reuse_files(str(tree), Location(str(root), "own"), files, known, IndexOptions())
        except FileNotFoundError:
            outcomes.add("none")
            assert donor.storage.list("own/segments") == []
        else:
            outcomes.add("whole")
            assert (len(batch.entries), batch.rest) == (count, ())
            assert batch.segment is not None
            own = Segment(donor.storage, "own", batch.segment)
            for name in own.data_files:
                own.check_content(name)
            assert {own.path(ordinal) for ordinal in own.alive_files().nonzero()[0]} == {file.path for file in files}
        donor.storage.remove("own")
        donor.storage.remove("shop")
        shutil.copytree(tmp_path / "kept", root / "shop")
        if storage.calls <= at:
            break
        at += 1
    assert outcomes == {"none", "whole"}


def test_what_is_not_whole_at_the_source_is_not_shared(tmp_path: Path) -> None:
    root, tree = tmp_path / "root", tmp_path / "tree"
    write_tree(tree, SHOP)
    with raycontext.connect(root=root, runtime="inline", workers=1) as context:
        context.index(tree, collection="shop")
    donor = Collection(LocalStorage(root), "shop")
    manifest = donor.latest()
    assert manifest is not None
    (reference,) = manifest.segments
    cut = root / "shop" / "segments" / reference.name / "text.arrow"
    cut.write_bytes(cut.read_bytes()[:-1])
    segment = Segment(donor.storage, "shop", reference)
    files = [FileStat(segment.path(ordinal), 1, 1, 1) for ordinal in range(reference.files)]
    places = tuple(range(len(files)))
    with pytest.raises(CorruptSegment):
        reuse_files(
            str(tree),
            Location(str(root), "own"),
            files,
            [KnownFiles("shop", 0, reference, places, places)],
            IndexOptions(),
        )
    assert donor.storage.list("own/segments") == []
    with raycontext.connect(root=root, runtime="inline", workers=1) as context:
        report = context.index(tree, collection="own")
        assert (report.reused_files, report.files) == (0, len(SHOP)), "the trouble of others is none of this run"


def meddle(root: Path, trees: Path, seed: int) -> None:
    """Edit, index, fork, merge, clear and collect garbage until killed."""
    chance = random.Random(seed)
    with raycontext.connect(root=root, runtime="inline", workers=1) as context:
        while True:
            name = chance.choice(NAMES)
            with suppress(RaycontextError):
                if chance.random() < 0.15:
                    context.clear(name)
                else:
                    file = trees / name / chance.choice(list(SHOP))
                    fresh = file.with_name(f".{file.name}.{seed}")
                    fresh.write_text(SHOP[str(file.relative_to(trees / name))] + "\n" * chance.randrange(3))
                    fresh.replace(file)
                    context.index(trees / name, collection=name)


@pytest.mark.soak
def test_writers_that_are_killed_among_forks_and_clears_take_nothing_from_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(garbage, "LOCAL_GRACE", garbage.Grace(readers=0.0, writers=5.0))
    root, trees = tmp_path / "root", tmp_path / "trees"
    for name in NAMES:
        write_tree(trees / name, SHOP)
    with raycontext.connect(root=tmp_path / "warm", runtime="inline", workers=1) as context:
        context.index(trees / "shop")  # what is compiled and mapped here, every child has
    fork = multiprocessing.get_context("fork")
    chance = random.Random()
    running: list[Any] = []
    kills, end = 0, time.monotonic() + SECONDS
    while time.monotonic() < end or kills < LEAST_KILLS:
        while len(running) < CHILDREN:
            child = fork.Process(target=meddle, args=(root, trees, chance.randrange(2**32)))
            child.start()
            running.append(child)
        time.sleep(chance.uniform(0.1, 1.5))
        victim = running.pop(chance.randrange(len(running)))
        assert victim.exitcode is None, "a writer ended by itself"
        os.kill(victim.pid, signal.SIGKILL)
        victim.join()
        kills += 1
    for child in running:
        child.kill()
        child.join()
    with raycontext.connect(root=root, runtime="inline", workers=1) as context:
        there = [found.name for found in context.collections() if found.version]
        for report in context.verify(deep=True):
            assert not report.damage, report
        for name in NAMES:
            context.index(trees / name, collection=name)
            assert_as_fresh(context, name, trees / name, tmp_path / "fresh" / name)
        assert there
