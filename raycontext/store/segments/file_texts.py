"""Indexed texts of files, byte for byte, from what a segment stores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from raycontext.kernel.contents import content
from raycontext.store.segments import checks
from raycontext.store.segments.content import content_of
from raycontext.store.segments.segment import Segment

__all__ = ["file_text"]


def file_text(segment: Segment, ordinal: int) -> bytes:
    """Return the indexed text of a file as UTF-8, byte for byte, with all blank lines and line ends.

    Segments before format 6 do not say what stands between chunks: there, blank lines are empty, those behind the last
    chunk are missing. Raises `CorruptSegment` where the text is not the one that was indexed.
    """
    if not segment.has_trigrams:
        return content_of(segment, ordinal).tobytes()
    return _checked_text(segment, ordinal)


def _checked_text(segment: Segment, ordinal: int) -> bytes:
    text = checks.refusing("text.arrow")(_joined)(segment, ordinal)
    if xxhash.xxh3_64_intdigest(text) != int(segment.file_column("text_hash")[ordinal]):
        raise segment.damaged("text.arrow", "checksum of a file's text does not match")
    return text


def _joined(segment: Segment, ordinal: int) -> bytes:
    first, count = int(segment.first_rows[ordinal]), int(segment.row_counts[ordinal])
    rows = slice(first, first + count)
    joined = content(
        int(segment.file_column("text_bytes")[ordinal]),
        segment.chunk_column("start_byte")[rows],
        segment.chunk_column("end_byte")[rows],
        _pieces(segment, first, first + count),
        segment.blanks(ordinal),
    )
    return joined.tobytes()


def _pieces(segment: Segment, first: int, end: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int32]]]:
    """Yield the texts of some chunks, as data and offsets, one piece for each batch that has some of them."""
    size = segment.text_batch_rows
    while first < end:
        number, place = divmod(first, size)
        taken = min(size - place, end - first)
        column = segment.text_batch(number).column(0)
        if column.type != pa.string() or column.offset:
            raise ValueError("texts are not strings")
        _, offsets, data = column.buffers()
        if len(column) < place + taken:
            raise ValueError("a batch has too few rows")
        places = np.frombuffer(offsets, np.int32, taken + 1, place * 4)
        yield np.frombuffer(data if data is not None else b"", np.uint8), places
        first += taken
