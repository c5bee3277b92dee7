"""Division of a sequence into runs of limited size and length."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

__all__ = ["cut_into_runs"]

Item = TypeVar("Item")


def cut_into_runs(
    items: Iterable[Item], size_of: Callable[[Item], int], *, most_size: int, most_items: int
) -> list[list[Item]]:
    """Divide items into runs and keep their order.

    A run has at most `most_items` items. Its total size is at most `most_size`, in the unit of `size_of`; a single item
    that is larger is a run of its own. No run is empty.
    """
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
