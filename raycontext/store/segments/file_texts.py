"""Indexed texts of files, byte for byte, from what a segment stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from raycontext.kernel.contents import content
from raycontext.store.segments import checks
from raycontext.store.segments.content import content_of
from raycontext.store.segments.segment import Segment
from raycontext.store.segments.segment_folder import FIRST_WITH_BLOCKS

__all__ = ["file_text", "text_where"]

TEXT_TYPE = pa.string()


def file_text(segment: Segment, ordinal: int) -> bytes:
    """Return the indexed text of a file as UTF-8, byte for byte, with all blank lines and line ends.

    Segments before format 6 do not say what stands between chunks: there, blank lines are empty, those behind the last
    chunk are missing. Raises `CorruptSegment` where the text is not the one that was indexed.
    """
    if not segment.has_trigrams:
        return content_of(segment, ordinal).tobytes()
    return _checked_text(segment, ordinal)


def text_where(segment: Segment, ordinal: int, may_match: Callable[[NDArray[np.uint8]], bool] | None) -> bytes | None:
    """Return the text of a file like `file_text`, or None where `may_match` holds for none of its lines.

    may_match: function that is called with texts of some chunks, one directly behind the other; it must hold for all
    texts that have a line with a match inside. So most files without a match are not put together. None stands for a
    function that always holds.
    """
    # Between chunks there must be nothing but line ends, so that no line is longer than its chunk; and the blocks of
    # the compressed texts must have checksums, since the one of the text is not compared.
    can_look = segment.format >= FIRST_WITH_BLOCKS and not segment.blanks(ordinal)
    if may_match is not None and can_look and not _any_piece(segment, ordinal, may_match):
        return None
    return file_text(segment, ordinal)


@checks.refusing("text.arrow")
def _any_piece(segment: Segment, ordinal: int, may_match: Callable[[NDArray[np.uint8]], bool]) -> bool:
    first = int(segment.first_rows[ordinal])
    pieces = _pieces(segment, first, first + int(segment.row_counts[ordinal]))
    return any(may_match(data[offsets[0] : offsets[-1]]) for data, offsets in pieces)


def _checked_text(segment: Segment, ordinal: int) -> bytes:
    text = _joined(segment, ordinal)
    if xxhash.xxh3_64_intdigest(text) != int(segment.file_column("text_hash")[ordinal]):
        raise segment.damaged("text.arrow", "checksum of a file's text does not match")
    return text


@checks.refusing("text.arrow")
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
        if column.type != TEXT_TYPE or column.offset:
            raise ValueError("texts are not strings")
        _, offsets, data = column.buffers()
        if len(column) < place + taken:
            raise ValueError("a batch has too few rows")
        places = np.frombuffer(offsets, np.int32, taken + 1, place * 4)
        yield np.frombuffer(data if data is not None else b"", np.uint8), places
        first += taken
