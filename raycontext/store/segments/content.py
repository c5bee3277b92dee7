"""Contents of files, put together from the texts of their chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycontext.store.segments.segment import Segment

__all__ = ["content_of", "joined"]

LINE_END = 0x0A


def content_of(segment: Segment, ordinal: int, rows: int | None = None) -> NDArray[np.uint8]:
    """Return the content of a file as UTF-8, uint8[bytes], up to the end of its last chunk, or of its first `rows`.

    Between chunks there are only blank lines; here they are line ends. So every chunk stands at its `start_byte`, but
    lines between chunks may be more than in the file. Raises `CorruptSegment`.
    """
    first, count = int(segment.first_rows[ordinal]), int(segment.row_counts[ordinal])
    last = first + (count if rows is None else min(rows, count))
    texts = [segment.text(row).encode() for row in range(first, last)]
    return joined(texts, segment.chunk_column("start_byte")[first:last])


def joined(texts: Sequence[bytes], start_bytes: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
    """Return texts at their places, with line ends between them."""
    if not texts:
        return np.empty(0, np.uint8)
    content = np.full(int(start_bytes[-1]) + len(texts[-1]), LINE_END, np.uint8)
    for text, start in zip(texts, start_bytes.tolist(), strict=True):
        content[start : start + len(text)] = np.frombuffer(text, np.uint8)
    return content
