"""Files of a view in the order of their paths."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.search.rows.view import View

__all__ = ["FileOrder", "file_order"]


class FileOrder(NamedTuple):
    """All files of a view, n of them, by path."""

    parts: NDArray[np.int32]  # number of the part of each, [n]
    ordinals: NDArray[np.int64]  # ordinal in its segment, [n]
    is_hidden: NDArray[np.bool_]  # whether a name of its path begins with a dot, [n]
    ranks: NDArray[np.int64]  # place in this order of each file of the view, by its number there, [n]


def file_order(view: View) -> FileOrder:
    """Return the files of a view in the order of their paths as bytes. The view keeps it."""
    kept = view.kept.get("file order")
    if isinstance(kept, FileOrder):
        return kept
    paths = [path for part in view.parts for path in part.segment.files.column("path").to_pylist()]
    order = np.array(sorted(range(len(paths)), key=paths.__getitem__), np.int64)
    sizes = [len(part.alive_files) for part in view.parts]
    parts = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    ordinals = np.concatenate([np.empty(0, np.int64), *map(np.arange, sizes)]).astype(np.int64)
    hidden = np.fromiter((path[:1] == b"." or b"/." in path for path in paths), np.bool_, len(paths))
    ranks = np.empty(len(paths), np.int64)
    ranks[order] = np.arange(len(paths))
    found = FileOrder(parts[order], ordinals[order], hidden[order], ranks)
    view.kept["file order"] = found
    return found
