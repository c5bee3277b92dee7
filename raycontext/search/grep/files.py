"""Files of a view that a search by pattern looks at, in the order of their paths."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.grep.candidates import may_match
from raycontext.grep.required import Need
from raycontext.grep.words import Word
from raycontext.models import SearchFilters
from raycontext.search.rows.file_order import FileOrder, file_order
from raycontext.search.rows.filters import admitted_files
from raycontext.search.rows.view import View

__all__ = ["files_to_read"]


class FilesToRead(NamedTuple):
    """Files that a search reads, in the order of their paths, and how many the filters let pass."""

    files: list[tuple[int, int]]  # number of the part, ordinal in its segment
    admitted: int


def files_to_read(
    view: View, filters: SearchFilters, need: Need, words: Sequence[Word] = (), *, hidden: bool
) -> FilesToRead:
    """Return the living files that the filters let pass and that may have a match.

    need, words: what a file with a match holds; see `may_match`.
    hidden: whether files count whose path has a name that begins with a dot, below the place of the filters.
    """
    order = file_order(view)
    admitted = [part.alive_files & _admitted(view, number, filters) for number, part in enumerate(view.parts)]
    passed = _gathered(admitted, order)
    if not hidden:
        passed &= ~_hidden_below(view, order, filters.inside)
    may = [may_match(part.segment, need, words) for part in view.parts]
    chosen = np.flatnonzero(passed & _gathered(may, order))
    pairs = zip(order.parts[chosen].tolist(), order.ordinals[chosen].tolist(), strict=True)
    return FilesToRead(list(pairs), int(np.count_nonzero(passed)))


def _admitted(view: View, number: int, filters: SearchFilters) -> NDArray[np.bool_]:
    """Return which files of a part the filters let pass, bool[files]. The view keeps the last answers."""
    key = f"files {number} {filters!r}"
    kept = view.kept.get(key)
    if not isinstance(kept, np.ndarray):
        kept = view.kept[key] = admitted_files(view.parts[number].segment, filters)
    return kept


def _gathered(masks: list[NDArray[np.bool_]], order: FileOrder) -> NDArray[np.bool_]:
    """Return values of all parts' files in the order of the paths."""
    sizes = [len(mask) for mask in masks]
    firsts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    values = np.concatenate([np.empty(0, np.bool_), *masks])
    gathered: NDArray[np.bool_] = values[firsts[order.parts] + order.ordinals]
    return gathered


def _hidden_below(view: View, order: FileOrder, inside: str) -> NDArray[np.bool_]:
    """Return which files are hidden below a place, bool[n]. A place that is hidden itself was asked for."""
    place = os.fsencode(inside)
    if place[:1] != b"." and b"/." not in place:
        return order.is_hidden
    hidden = order.is_hidden.copy()
    for number in np.flatnonzero(hidden).tolist():
        segment = view.parts[int(order.parts[number])].segment
        path = os.fsencode(segment.path(int(order.ordinals[number])))
        if path == place or path.startswith(place + b"/"):
            hidden[number] = b"/." in path[len(place) :]
    return hidden
