"""Compressed record batches of a segment: texts and labels, decompressed one batch at a time.

Whoever makes a segment can make a batch of a few bytes that becomes gigabytes. No batch is decompressed that would take
more memory than the segment may need for it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raycontext.files.arrow import ArrowFile
from raycontext.store.segments.checks import check_table

__all__ = ["LABEL_BATCH_ROWS", "MOST_BATCH_BYTES", "TEXT_BATCH_ROWS", "CompressedBatches", "label_bytes", "text_bytes"]

TEXT_BATCH_ROWS = 32
"""Number of chunks whose texts are compressed together: enough to compress well, few enough to read one cheaply."""

LABEL_BATCH_ROWS = 256
"""Number of chunks whose symbols and scopes are compressed together."""

MOST_BATCH_BYTES = 1 << 30
"""Largest size in bytes of a batch of texts once decompressed. A batch has 32 chunks, and a chunk is larger than a few
kilobytes only where it is a single line."""
MOST_LABEL_BYTES = 1 << 18
"""Largest size in bytes of symbol and scope of a chunk, on average over a batch. A name has at most a few hundred."""
MOST_SMALL_BYTES = 1 << 30
"""Size in bytes that all batches of a file may take together once decompressed, however small the file is."""
MOST_EXPANSION = 256
"""Largest share of the size of all batches once decompressed to that of the file, beyond `MOST_SMALL_BYTES`. Source
code has 3 to 10; a batch of 32 chunks of the same letter has about 80, since each batch is compressed by itself."""
KEPT_BATCHES = 64
"""Number of decompressed batches of texts (about 30 kB each) and of labels (about 10 kB each) that a segment keeps."""
KEPT_BYTES = 64 << 20
"""Largest size in bytes of the batches that are kept, beside the newest."""
SLACK_BYTES = 1024
"""Bytes of a batch beside its texts and their offsets: padding and the marks of missing values."""


class CompressedBatches:
    """Record batches of a compressed Arrow IPC file. All methods raise what Arrow raises, or `ValueError` where a batch
    would take more memory than it may."""

    def __init__(
        self, content: pa.Buffer, most_bytes: Callable[[int], int], check: Callable[[int, int], None] | None = None
    ) -> None:
        """Take the content of the file. `most_bytes(number)` is the memory in bytes that a batch may take. `check` is
        called with the bytes in which a batch begins and ends before it is read, and raises where they are damaged."""
        self._file = ArrowFile(content)
        self._size = len(memoryview(content))
        if self._file.dictionaries:
            raise ValueError("it has dictionaries")
        self._reader = pa.ipc.open_file(content, options=pa.ipc.IpcReadOptions(use_threads=False))
        self._most_bytes = most_bytes
        self._compare = check
        self._checked = bytearray(self._file.batches)  # 1 for each batch that was compared and measured
        self._kept: dict[int, pa.RecordBatch] = {}
        self._kept_bytes = 0

    def batch(self, number: int) -> pa.RecordBatch:
        """Return a decompressed batch. The most recently used ones are kept, since hits come from the same places."""
        kept = self._kept.pop(number, None)
        if kept is None:
            if not self._checked[number]:  # the file never changes
                self._check(number)
                self._checked[number] = 1
            kept = self._reader.get_batch(number)
            kept.validate(full=True)  # offsets of a damaged file may point anywhere
            while self._kept and (len(self._kept) >= KEPT_BATCHES or self._kept_bytes > KEPT_BYTES):
                self._kept_bytes -= self._kept.pop(next(iter(self._kept))).nbytes
            self._kept_bytes += kept.nbytes
        self._kept[number] = kept
        return kept

    def table(self) -> pa.Table:
        """Return all batches as a table, decompressed."""
        total = sum(self._check(number) for number in range(self._file.batches))
        most = max(MOST_SMALL_BYTES, MOST_EXPANSION * self._size)
        if total > most:
            raise ValueError(f"all batches would take {total} bytes, and {most} are enough for what the file has")
        return check_table(self._reader.read_all(), pieces=None)

    def _check(self, number: int) -> int:
        """Return the memory in bytes that a batch takes. Raises `ValueError` where that is more than it may take."""
        if self._compare is not None:
            self._compare(*self._file.place(number))
        taken, most = self._file.expanded_bytes(number) or 0, self._most_bytes(number)
        if taken > most:
            raise ValueError(f"a batch would take {taken} bytes, and {most} are enough for what it may hold")
        return taken


def text_bytes(starts: NDArray[np.uint32], ends: NDArray[np.uint32], batch_rows: int) -> Callable[[int], int]:
    """Return a function that tells how many bytes a batch of `batch_rows` texts takes.

    starts, ends: where the text of each chunk lies in its file, in bytes, uint32[rows]. A text has as many bytes.
    """

    def most(number: int) -> int:
        rows = slice(number * batch_rows, (number + 1) * batch_rows)
        texts = int((ends[rows].astype(np.int64) - starts[rows]).sum())
        return min(texts + 4 * batch_rows + SLACK_BYTES, MOST_BATCH_BYTES)

    return most


def label_bytes(batch_rows: int) -> Callable[[int], int]:
    """Return a function that tells how many bytes a batch of `batch_rows` symbols and scopes may take."""
    return lambda _: batch_rows * MOST_LABEL_BYTES
