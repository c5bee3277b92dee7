"""Weights of the chunks of a segment before any query: by the kind of a chunk, and by whether it is test code.

They were fitted together with those of `chunk_choice`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raycontext.analyse.posting_lists import lookup
from raycontext.analyse.terms import query_terms
from raycontext.models import ChunkKind
from raycontext.store.segments.segment import Segment

__all__ = ["TEST_PRIOR", "priors_of_kinds", "rows_of_tests"]

TEST_PRIOR = -2.1
"""Weight of test code inside of a source file. It does not count where the query asks for tests."""

_KIND_PRIORS: Mapping[str, float] = {
    ChunkKind.BLOCK: -2.4,
    ChunkKind.IMPORT: -2.4,
    ChunkKind.FUNCTION: 1.2,
    ChunkKind.METHOD: 1.2,
    ChunkKind.CLASS: 1.1,
    ChunkKind.INTERFACE: 1.1,
    ChunkKind.TEST: TEST_PRIOR,
}
"""Weights of the kinds of chunks. A block is code between definitions, or a further part of a long one."""


def priors_of_kinds(column: pa.ChunkedArray, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the weight of the kind of each row, [n]. `column` has the kinds of all rows as a dictionary."""
    if not len(rows):  # a segment of empty files has no chunks, so its columns have no parts
        return np.empty(0, np.float64)
    codes = column.chunk(0)
    known = np.array([_KIND_PRIORS.get(kind, 0.0) for kind in codes.dictionary.to_pylist()], np.float64)
    priors: NDArray[np.float64] = known[codes.indices.to_numpy(zero_copy_only=True)[rows]]
    return priors


def rows_of_tests(segment: Segment) -> NDArray[np.bool_]:
    """Return for each row of a segment whether the name of its definition, or of one around it, has the word "test"."""
    _, _, rows, _ = lookup(segment.posting_lists("symbol"), query_terms("test").terms)
    is_test = np.zeros(segment.reference.rows, np.bool_)
    is_test[rows[rows < len(is_test)]] = True
    return is_test
