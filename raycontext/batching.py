"""Cuts a sequence into runs of limited size."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["cut_into_runs"]

Item = TypeVar("Item")


def cut_into_runs(
    items: Iterable[Item], size_of: Callable[[Item], int], *, most_size: int, most_items: int
) -> list[list[Item]]:
    """Runs, in order, of at most `most_items` items and, beyond a first item, of at most `most_size` in all."""
    runs: list[list[Item]] = []
    run: list[Item] = []
    total = 0
    for item in items:
        size = size_of(item)
        if run and (total + size > most_size or len(run) == most_items):
            runs.append(run)
            run, total = [], 0
        run.append(item)
        total += size
    if run:
        runs.append(run)
    return runs
