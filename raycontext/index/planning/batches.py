"""Batches of files: how the work of a run is cut into instructions, and a failed instruction into smaller ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TypeVar

from raycontext.batching import cut_into_runs
from raycontext.index.planning.instructions import HashFiles, IndexFiles, ReuseFiles
from raycontext.index.reuse.reuse import SHARED_FROM
from raycontext.models import FileStat
from raycontext.store.collection import shard_of
from raycontext.store.known_files import KnownFiles

__all__ = ["PIECES", "batches_of", "hash_batches", "index_batches", "pieces_of", "reuse_batches"]

HASH_BATCH_BYTES = 64 << 20
"""Largest total size in bytes of the files that one task hashes. A larger file has a task of its own."""
HASH_BATCH_FILES = 2_000
"""Largest number of files that one task hashes."""
INDEX_BATCH_FILES = 2_000
"""Largest number of files that one task indexes."""
SMALLEST_INDEX_BATCH_BYTES = 1 << 20
LARGEST_INDEX_BATCH_BYTES = 16 << 20
"""Limits in bytes between which the batch size of an index run is chosen. A larger file has a task of its own."""
BATCHES_PER_WORKER = 3
"""Number of batches that each worker should get, within the limits of the batch size.

With several batches the workers end at about the same time. Few batches make few segments, which are searched faster:
see `MAX_SEGMENTS`.
"""
PIECES = 8
"""Largest number of pieces into which a failed batch is cut, so that the file that fails is soon alone."""

Work = TypeVar("Work", bound=HashFiles | IndexFiles)


def hash_batches(files: Iterable[FileStat]) -> list[HashFiles]:
    """Return instructions that hash the files."""
    return [HashFiles(batch) for batch in batches_of(files, HASH_BATCH_BYTES, HASH_BATCH_FILES)]


def index_batches(
    files: Sequence[FileStat], again: frozenset[str], num_shards: int, parallelism: int
) -> list[IndexFiles]:
    """Return instructions that index the files. Each has files of one shard, in the order of their paths.

    again: paths of files whose content an earlier run gave up parsing. parallelism: number of tasks at once.
    """
    share = sum(file.size for file in files) // (BATCHES_PER_WORKER * parallelism)
    size = min(max(share, SMALLEST_INDEX_BATCH_BYTES), LARGEST_INDEX_BATCH_BYTES)
    shards: dict[int, list[FileStat]] = {}
    for file in sorted(files):
        shards.setdefault(shard_of(file.path, num_shards), []).append(file)
    return [
        IndexFiles(shard, batch, again=again.intersection(file.path for file in batch) if again else again)
        for shard in sorted(shards)
        for batch in batches_of(shards[shard], size, INDEX_BATCH_FILES)
    ]


def reuse_batches(known: Iterable[KnownFiles], files: Sequence[FileStat], attempt: int) -> list[ReuseFiles]:
    """Return instructions that bring over the known ones among `files`, to whose places `known` leads.

    A segment of which more than `SHARED_FROM` is wanted has an instruction alone; the rows of others are put together
    by shard.
    """
    whole: list[ReuseFiles] = []
    parts: dict[int, list[KnownFiles]] = {}
    for entry in known:
        if len(entry.ordinals) > SHARED_FROM * entry.segment.files:
            whole.append(ReuseFiles(entry.shard, tuple(files[place] for place in entry.places), (entry,), attempt))
        else:
            parts.setdefault(entry.shard, []).append(entry)
    copied = [
        ReuseFiles(
            shard,
            tuple(files[place] for entry in run for place in entry.places),
            tuple(run),
            attempt,
        )
        for shard, entries in sorted(parts.items())
        for run in cut_into_runs(
            entries,
            lambda entry: sum(files[place].size for place in entry.places),
            most_size=LARGEST_INDEX_BATCH_BYTES,
            most_items=INDEX_BATCH_FILES,
        )
    ]
    return [*whole, *copied]


def batches_of(files: Iterable[FileStat], most_bytes: int, most_files: int) -> list[tuple[FileStat, ...]]:
    """Cut files into batches of at most `most_files` files and `most_bytes` bytes.

    A larger file is a batch of its own.
    """
    runs = cut_into_runs(files, attrgetter("size"), most_size=most_bytes, most_items=most_files)
    return [tuple(run) for run in runs]


def pieces_of(instruction: Work, *, apart: bool = False) -> list[Work]:
    """Return up to `PIECES` instructions of the given kind that share its files. One of a single file stays whole.

    apart: whether a piece of a single file is indexed in a process of its own.
    """
    step = -(-len(instruction.files) // PIECES)
    pieces = (instruction.files[start : start + step] for start in range(0, len(instruction.files), step))
    cut = [replace(instruction, files=piece) for piece in pieces]
    if not apart:
        return cut
    return [replace(piece, apart=len(piece.files) == 1) if isinstance(piece, IndexFiles) else piece for piece in cut]
