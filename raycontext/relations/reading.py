"""Files of a view as the lexer reads them, and the chunks that use a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.posting_lists import lookup
from raycontext.kernel.lexer import reference_hash
from raycontext.relations.lexed import LexedFile
from raycontext.search.rows.view import Part, View
from raycontext.store.segments.segment import path_hash

__all__ = ["files_at", "lexed", "rows_using"]

KEPT_FILES = 256
"""Number of files that a view keeps as the lexer has read them."""


def lexed(view: View, part: Part, ordinal: int) -> LexedFile:
    """Return a file as the lexer reads it. The view keeps those that were read last."""
    key = (part.first_file, ordinal)
    kept = view.read_files.pop(key, None)
    found = kept if isinstance(kept, LexedFile) else LexedFile(part.segment, ordinal)
    while len(view.read_files) >= KEPT_FILES:
        del view.read_files[next(iter(view.read_files))]
    view.read_files[key] = found
    return found


def files_at(view: View, paths: Iterable[str]) -> Iterator[tuple[Part, int]]:
    """Yield part and ordinal of the living files at some paths, in the order of the paths."""
    for path in paths:
        for number in view.files_at(path_hash(path)):
            place, ordinal = view.locate_file(number)
            part = view.parts[place]
            if part.alive_files[ordinal] and part.segment.path(ordinal) == path:
                yield part, ordinal


def rows_using(part: Part, name: str) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return the chunks of a segment that use a name, dead ones too, and the kinds of use."""
    _, _, rows, kinds = lookup(part.segment.references, np.array([reference_hash(name)], np.uint64))
    return rows, kinds
