"""Batches of files: how the work of a run is cut into instructions, and a failed instruction into smaller ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from operator import attrgetter
from typing import TypeVar

from raycontext.batching import cut_into_runs
from raycontext.index.instructions import HashFiles, IndexFiles
from raycontext.models import FileStat

__all__ = ["PIECES", "batches_of", "pieces_of"]

PIECES = 8
"""Largest number of pieces into which a failed batch is cut, so that the file that fails is soon alone."""

Work = TypeVar("Work", bound=HashFiles | IndexFiles)


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
