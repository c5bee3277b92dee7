"""Data file of a segment whose blocks are compared with their checksums when they are first read.

A first answer reads a small part of a large index: the signs of all vectors, but the codes of a few; the dictionary of
terms, but the lists of those that are asked for. So it hashes that part, and not gigabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from raycontext.errors import CorruptSegment
from raycontext.files.arrow import ArrowFile, footer_place, read_uncompressed

__all__ = ["BLOCK_BYTES", "CheckedFile", "described_object"]

BLOCK_BYTES = 64 << 10
"""Size in bytes of the blocks that have a checksum each; the last one of a file may be smaller."""
DIGEST_BYTES = 16
"""Size of a checksum (xxh3_128), in bytes."""


def described_object(data: bytes | pa.Buffer) -> dict[str, Any]:
    """Return what the description of a segment says about a data file: size, checksum, and checksums of its blocks
    where it has more than one."""
    view = memoryview(data)
    entry: dict[str, Any] = {"bytes": len(view), "checksum": xxhash.xxh3_128_hexdigest(view)}
    if len(view) > BLOCK_BYTES:
        blocks = (view[start : start + BLOCK_BYTES] for start in range(0, len(view), BLOCK_BYTES))
        entry["blocks"] = b"".join(map(xxhash.xxh3_128_digest, blocks)).hex()
    return entry


class CheckedFile:
    """Content of a data file. Whoever reads a part of it calls one of the methods before.

    All methods raise what `refuse` makes of a problem, a `CorruptSegment`, where a block differs from what was written.
    A block is compared once in the life of this object.
    """

    def __init__(
        self,
        content: pa.Buffer,
        checksum: str,
        blocks: str | None,
        refuse: Callable[[str], CorruptSegment],
    ) -> None:
        """Take the checksum of the whole content, and those of its blocks; all in hexadecimal.

        `blocks` None stands for a file that is compared as a whole: it is small, or of a format without blocks.
        Raises `ValueError` where `blocks` is not of so many checksums.
        """
        self.content = content
        self._refuse = refuse
        self._view = memoryview(content)
        self._block_bytes = BLOCK_BYTES if blocks is not None else max(len(content), 1)
        self._checksums = bytes.fromhex(checksum if blocks is None else blocks)
        count = max(-(-len(content) // self._block_bytes), 1)
        if len(self._checksums) != count * DIGEST_BYTES:
            raise ValueError("a data file has another number of blocks than checksums")
        self._unread = np.ones(count, np.bool_)
        self._is_read = False  # whether no block is left: the answer of most calls

    def check(self, start: int, end: int) -> None:
        """Compare the blocks that hold the bytes from `start` to `end`."""
        if self._is_read or end <= start:
            return
        first, last = start // self._block_bytes, (end - 1) // self._block_bytes
        self._compare(first + np.flatnonzero(self._unread[first : last + 1]))

    def check_ranges(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
        """Compare the blocks that hold any of several ranges of bytes, [n] each. Ranges may be empty."""
        if self._is_read:
            return
        is_range = (ends > starts) & (starts >= 0) & (ends <= len(self.content))  # what lies outside is not read either
        firsts = starts[is_range] // self._block_bytes
        lasts = (ends[is_range] - 1) // self._block_bytes
        if (lasts - firsts > 1).any():
            for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
                self._compare(first + np.flatnonzero(self._unread[first : last + 1]))
            return
        blocks = np.concatenate([firsts, lasts])
        unread = blocks[self._unread[blocks]]
        if len(unread):
            self._compare(np.unique(unread))

    def check_all(self) -> None:
        """Compare the whole content."""
        self.check(0, max(len(self.content), 1))

    def check_frame(self) -> None:
        """Compare what says where the columns of an Arrow file lie: all but the columns of its record batches.

        Raises `ValueError` where the content is no Arrow file.
        """
        self.check_footer()
        for start, end in ArrowFile(self.content).frame():
            self.check(start, end)

    def check_footer(self) -> None:
        """Compare what says where the record batches of an Arrow file lie. Raises `ValueError` like `check_frame`."""
        for start in footer_place(self.content):  # its size is read from what was compared before
            self.check(start, len(self.content))

    def check_column(self, column: pa.ChunkedArray) -> None:
        """Compare a column of the file's record batches, children and dictionary included."""
        if not self._is_read:
            for piece in column.chunks:
                self.check_buffers(piece.buffers())

    def check_rows(self, rows: NDArray[Any], wanted: NDArray[np.int64]) -> None:
        """Compare some rows of a column. `rows` is a view of the whole column, [all rows, …]; wanted: [n]."""
        if not self._is_read and len(wanted):
            starts = self._offset(rows) + wanted * rows.strides[0]
            self.check_ranges(starts, starts + rows.strides[0])

    def check_parts(self, data: NDArray[np.uint8], starts: NDArray[Any], ends: NDArray[Any]) -> None:
        """Compare parts of a column of bytes, of which `data` is a view; starts and ends: offsets in it, [n]."""
        if not self._is_read and data.size:
            base = self._offset(data)
            self.check_ranges(base + starts.astype(np.int64), base + ends.astype(np.int64))

    def table(self) -> pa.Table:
        """Return the table of an Arrow file that is compared as a whole. Raises `ValueError` for any other file."""
        self.check_all()
        return read_uncompressed(self.content)

    def check_buffers(self, buffers: Sequence[pa.Buffer | None]) -> None:
        """Compare buffers of a column."""
        for buffer in buffers:
            if buffer is not None and buffer.size:
                start = buffer.address - self.content.address
                self.check(start, start + buffer.size)

    def _offset(self, array: NDArray[Any]) -> int:
        """Return where the first byte of a view lies in the content."""
        return int(array.__array_interface__["data"][0]) - int(self.content.address)

    def _compare(self, blocks: NDArray[np.int64]) -> None:
        """Compare blocks, given by number, that were not read before."""
        size, view = self._block_bytes, self._view
        for block in blocks.tolist():
            digest = xxhash.xxh3_128_digest(view[block * size : (block + 1) * size])
            if digest != self._checksums[block * DIGEST_BYTES : (block + 1) * DIGEST_BYTES]:
                raise self._refuse("checksum does not match")
            self._unread[block] = False
        self._is_read = len(blocks) > 0 and not self._unread.any()
