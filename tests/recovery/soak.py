"""Several writers of one collection, killed with SIGKILL again and again; then the books are balanced.

    python tests/recovery/soak.py [--seconds 20] [--writers 4]

Meanwhile calls of the storage fail with input/output errors, the disk is full for moments, and the writers' clocks step
by hours and days. Without a compiler for io_faults.c there are kills alone.

Each writer commits new files, supersedes its own, merges segments and collects garbage without grace for readers,
and notes each commit that was acknowledged. At the end every acknowledged file must be in the newest version exactly
once, with its content, and every file of the collection must be whole. Prints the counts, and the faults by kind; exit
code 1 if something is lost, there twice or cannot be read.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import xxhash

from raycontext.discover.read import Content
from raycontext.discover.snapshot import SnapshotEntry
from raycontext.embed.models.static import StaticEmbedder
from raycontext.embed.vectors import quantized
from raycontext.errors import CommitConflict, Fenced, StorageError
from raycontext.index.work.segment_builder import Batch
from raycontext.models import IndexOptions
from raycontext.store.changes import Change, Compaction
from raycontext.store.collection import Collection, Location
from raycontext.store.garbage import Grace, collect_garbage
from raycontext.store.segments.compaction import merge_segments, merges_of
from raycontext.store.segments.segment import Segment
from raycontext.store.segments.segment_writer import write_segment
from raycontext.store.writer import SEGMENTS_COLLECTED, CollectionWriter
from raycontext.ulid import new_ulid

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.recovery.io_faults import VARIABLE, IoFaults

Result = TypeVar("Result")

NAME = "soak"
CHUNKER = "soak-1"
GRACE = Grace(readers=0.0, writers=10.0)
"""What is written is committed within milliseconds, or its writer is dead."""
OWN_FILES = 40
"""Different files of one writer: it supersedes them in turn."""
MERGE_EVERY = 3
COLLECT_EVERY = 5
ERRORS_IN_MILLION = 2000
"""Number of a million calls of the storage that fail. A commit has about a hundred: one in five meets a failure."""
CLOCKS_SECONDS = (0, 3 * 3600, -3 * 3600, 2 * 86400, -2 * 86400)
"""What the clock of a writer may show ahead of the true time."""
RETRY_SECONDS = 0.02
"""Pause of a writer after an error of the storage."""
FULL_EVERY = 4
"""The disk is full for a moment before one kill of so many."""


class CountingWriter(CollectionWriter):
    """Tells how often a commit was found to be a ghost."""

    ghosts = 0

    def is_ghost(self, manifest: object) -> bool:
        found = super().is_ghost(manifest)  # type: ignore[arg-type]
        self.ghosts += found
        return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.randrange(2**32)
    if VARIABLE not in os.environ:
        with tempfile.TemporaryDirectory() as folder:
            environment = IoFaults.environment(Path(folder))
            if environment is not None:
                own = [sys.executable, __file__, "--seconds", str(arguments.seconds)]
                own += ["--writers", str(arguments.writers), "--seed", str(seed)]
                return subprocess.run(own, env=environment, check=False).returncode
            print("no compiler: kills alone")
    print(f"seed {seed}", flush=True)
    faults = IoFaults(Path(os.environ[VARIABLE])) if VARIABLE in os.environ else None
    with tempfile.TemporaryDirectory() as root:
        collection = Location(root, NAME).open()
        collection.create("/nowhere")
        prepared(collection, "warm", "up")  # what is compiled and mapped here, every child has
        kills = run(Path(root), arguments.writers, arguments.seconds, random.Random(seed), faults)
        return balance(collection, Path(root), kills)


def run(root: Path, writers: int, seconds: float, chance: random.Random, faults: IoFaults | None) -> int:
    """Keep that many writers alive until the time is over, killing one after the other; returns the kills."""
    context = multiprocessing.get_context("fork")  # a child begins to write at once
    end = time.monotonic() + seconds
    kills = started = full = steps = 0
    if faults is not None:
        faults.set_error_rate(ERRORS_IN_MILLION)
    running: list[multiprocessing.process.BaseProcess] = []
    while time.monotonic() < end:
        while len(running) < writers:
            started += 1
            child = context.Process(target=write_with_faults, args=(root, started, faults))
            child.start()
            running.append(child)
        if faults is not None:
            faults.set_clock(started - chance.randrange(writers), chance.choice(CLOCKS_SECONDS))
            steps += 1
        if faults is not None and chance.randrange(FULL_EVERY) == 0:
            full += 1
            with faults.full_disk():
                time.sleep(chance.uniform(0.05, 1.0))
        else:
            time.sleep(chance.uniform(0.05, 1.0))
        victim = running.pop(chance.randrange(len(running)))
        assert victim.pid is not None
        if victim.exitcode is not None:
            sys.exit(f"a writer ended by itself with {victim.exitcode}")
        os.kill(victim.pid, signal.SIGKILL)
        victim.join()
        kills += 1
    for child in running:
        child.kill()
        child.join()
    if faults is not None:
        counts = faults.counts()
        print(
            f"faults: {kills} kills, {counts.errors} input/output errors, {full} times a full disk with "
            f"{counts.refusals} refused calls, {steps} steps of a clock"
        )
    return kills


def write_with_faults(root: Path, number: int, faults: IoFaults | None) -> None:
    """Commit until killed, with faults below the collection's folder; the notes lie beside it."""
    if faults is not None:
        faults.arm(root / NAME, number)
    write(str(root), number)


def write(root: str, number: int, turns: int = sys.maxsize, grace: Grace = GRACE) -> None:
    """Commit so often, or until killed. One line of the note is one system call, so that a kill does not cut it."""
    collection = Location(root, NAME).open()
    note = os.open(Path(root) / f"{number}.note", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def tell(*words: object) -> None:
        os.write(note, (" ".join(map(str, words)) + "\n").encode())

    def until_done(act: Callable[[], Result]) -> Result:
        """Repeat an act that only reads, or whose loss harms nothing, until the storage lets it through."""
        while True:
            try:
                return act()
            except (StorageError, FileNotFoundError) as error:
                tell(type(error).__name__)
                time.sleep(RETRY_SECONDS)

    writer = until_done(lambda: CountingWriter(collection))
    for turn in range(turns):
        path = f"writer-{number}/{turn % OWN_FILES}.txt"
        content = f"edition {turn} of {number}"
        prepare = partial(prepared, collection, path, content)
        change = until_done(prepare)
        tell("begun", path, turn)
        while True:
            try:
                manifest = writer.commit(change, embedder=StaticEmbedder().fingerprint, chunker=CHUNKER)
            except (Fenced, CommitConflict) as error:
                tell(type(error).__name__)
                if isinstance(error, CommitConflict) and error.what == SEGMENTS_COLLECTED:
                    change = until_done(prepare)
                until_done(writer.reload)
                continue
            except StorageError as error:  # with the same transaction: a commit whose reply was lost counts
                tell(type(error).__name__)
                time.sleep(RETRY_SECONDS)
                until_done(writer.reload)
                continue
            break
        tell("acknowledged", path, turn, manifest.version)
        try:
            maintain(writer, collection, turn, tell, grace)
        except (Fenced, CommitConflict, FileNotFoundError, StorageError) as error:
            tell(f"maintenance-{type(error).__name__}")
            until_done(writer.reload)
        if writer.ghosts:
            tell("ghosts", writer.ghosts)
            writer.ghosts = 0


def maintain(writer: CountingWriter, collection: Collection, turn: int, tell: object, grace: Grace) -> None:
    manifest = writer.manifest
    assert manifest is not None
    assert callable(tell)
    if turn % MERGE_EVERY == MERGE_EVERY - 1:
        for sources in merges_of(manifest.shards[0]):
            merged = merge_segments(
                collection.storage, NAME, sources, embedder=manifest.embedder, chunker=manifest.chunker
            )
            compaction = Compaction(txn=new_ulid(), shard=0, sources=sources, merged=merged)
            while True:
                try:
                    done = writer.compact(compaction)
                    break
                except Fenced:
                    writer.reload()
            tell("merged" if done else "merged-too-late")
    if turn % COLLECT_EVERY == 0 and writer.is_owner:
        tell("collected", sum(collect_garbage(collection, grace)))


def prepared(collection: Collection, path: str, text: str) -> Change:
    """A change that adds one file, its segment written."""
    data = text.encode()
    batch = Batch()
    digest = xxhash.xxh3_128_digest(data)
    batch.add(path, Content(data, digest, len(data)), 1500)
    embedder = StaticEmbedder()
    segment = write_segment(
        collection.storage, NAME, batch.content(quantized(embedder)), embedder=embedder.fingerprint, chunker=CHUNKER
    )
    return Change(
        txn=new_ulid(),
        segments=((0, segment),),
        entries={path: SnapshotEntry(len(data), 0, 0, digest, None)},
        seen={},
        removed=frozenset(),
        unverified=frozenset(),
        scanned_at_ns=0,
        options=IndexOptions(),
    )


def balance(collection: Collection, root: Path, kills: int) -> int:
    """Compare the newest version with what was acknowledged."""
    counts: Counter[str] = Counter()
    acknowledged: dict[str, int] = {}
    begun: dict[str, set[int]] = {}
    for note in root.glob("*.note"):
        for line in note.read_text().splitlines():
            word, *rest = line.split()
            counts[word] += int(rest[0]) if word in ("ghosts", "collected") else 1
            if word == "acknowledged":
                acknowledged[rest[0]] = int(rest[1])
            elif word == "begun":
                begun.setdefault(rest[0], set()).add(int(rest[1]))
    manifest = collection.latest()
    assert manifest is not None
    unreadable = 0
    for version in collection.versions():
        try:
            kept = collection.manifest(version)
            collection.snapshot(kept)
            for shard in kept.shards:
                for reference in shard.segments:
                    opened = Segment(collection.storage, NAME, reference)
                    for name in opened.data_files:
                        opened.check_content(name)
        except Exception as error:
            print(f"version {version}: {type(error).__name__}: {error}")
            unreadable += 1
    found: dict[str, list[str]] = {}
    for reference in manifest.shards[0].segments:
        segment = Segment(collection.storage, NAME, reference)
        for ordinal in range(reference.files):
            if ordinal not in reference.tombstones:
                row = int(segment.first_rows[ordinal])
                found.setdefault(segment.path(ordinal), []).append(segment.text(row))
    entries = collection.snapshot(manifest).entries
    lost = duplicates = 0
    for path, turn in acknowledged.items():
        texts = found.get(path, [])
        editions = {int(text.split()[1]) for text in texts}
        # A commit whose writer was killed before it could note the reply may stand as well.
        unnoted = {edition for edition in begun[path] if edition > turn}
        lost += not (editions & ({turn} | unnoted)) or path not in entries
        duplicates += len(texts) > 1
    duplicates += sum(len(texts) > 1 for path, texts in found.items() if path not in acknowledged)
    lost += len(set(found) ^ set(entries))
    print(
        f"{counts['acknowledged']} commits acknowledged, newest version {manifest.version}; {kills} kills, "
        f"{counts['Fenced']} fenced, {counts['CommitConflict']} conflicts, {counts['ghosts']} ghosts caught, "
        f"{counts['StorageError'] + counts['maintenance-StorageError']} errors of the storage, "
        f"{counts['merged']} merges ({counts['merged-too-late']} too late), {counts['collected']} objects collected; "
        f"lost {lost}, duplicates {duplicates}, unreadable {unreadable}"
    )
    healthy = counts["acknowledged"] and not (lost or duplicates or unreadable)
    return 0 if healthy else 1


if __name__ == "__main__":
    sys.exit(main())
