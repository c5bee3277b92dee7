"""Arrow IPC files that others may have made: what their record batches take once decompressed is known beforehand.

A compressed buffer states its own size, and Arrow takes that much memory before it decompresses anything. This module
reads where the buffers lie from the metadata of the file (FlatBuffers; Footer of File.fbs, Message and RecordBatch of
Message.fbs in the Arrow format), and then these sizes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa

__all__ = ["ArrowFile", "check_uncompressed", "footer_place", "read_uncompressed"]

_MAGIC = b"ARROW1"
_VERSION_5 = 4
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3
_BLOCK = struct.Struct("<qi4xq")
_BUFFER = struct.Struct("<qq")


class _Block(NamedTuple):
    """Place of a message in a file, in bytes."""

    offset: int
    metadata_bytes: int
    body_bytes: int


class _Table:
    """Table of FlatBuffers in a piece of memory. Methods raise `struct.error` where something lies outside of it."""

    def __init__(self, data: memoryview, position: int) -> None:
        self._data, self._position = data, position
        self._vtable = position - self._number("<i", position)
        self._vtable_bytes = self._number("<H", self._vtable)

    @classmethod
    def root(cls, data: memoryview) -> _Table:
        """Return the table that the memory begins with a reference to."""
        return cls(data, struct.unpack_from("<I", data)[0])

    def number(self, field: int, form: str) -> int:
        """Return a field as a number; 0 where it is left out."""
        place = self._place(field)
        return self._number(form, place) if place else 0

    def table(self, field: int) -> _Table | None:
        """Return a field as a table; None where it is left out."""
        place = self._place(field)
        return _Table(self._data, place + self._number("<I", place)) if place else None

    def vector(self, field: int, element: struct.Struct) -> tuple[memoryview, int]:
        """Return the elements of a field as bytes, and their number."""
        place = self._place(field)
        if not place:
            return self._data[:0], 0
        start = place + self._number("<I", place)
        count = self._number("<I", start)
        elements = self._data[start + 4 : start + 4 + count * element.size]
        if len(elements) != count * element.size:
            raise struct.error("a vector ends after its memory")
        return elements, count

    def _place(self, field: int) -> int:
        entry = 4 + 2 * field
        offset = self._number("<H", self._vtable + entry) if entry + 2 <= self._vtable_bytes else 0
        return self._position + offset if offset else 0

    def _number(self, form: str, position: int) -> int:
        if position < 0:  # would count from the end
            raise struct.error("a reference leads out of its memory")
        return int(struct.unpack_from(form, self._data, position)[0])


class ArrowFile:
    """Record batches of an Arrow IPC file. All methods raise `ValueError` where the content is not such a file."""

    def __init__(self, content: pa.Buffer) -> None:
        self._data = memoryview(content).cast("B")
        self._end = len(self._data) - len(_MAGIC) - 4
        if self._end < 0 or self._data[-len(_MAGIC) :] != _MAGIC:
            raise ValueError("not an Arrow file")
        try:
            (footer_bytes,) = struct.unpack_from("<i", self._data, self._end)
            if not 0 < footer_bytes <= self._end:
                raise struct.error("a footer of a wrong size")
            footer = _Table.root(self._data[self._end - footer_bytes : self._end])
            self._dictionaries, self.dictionaries = footer.vector(2, _BLOCK)
            self._batches, self.batches = footer.vector(3, _BLOCK)
        except struct.error as error:
            raise ValueError(f"not an Arrow file: {error}") from error

    def expanded_bytes(self, number: int) -> int | None:
        """Return the memory that the compressed buffers of a record batch take once they are decompressed, in bytes.

        Return None where the batch is not compressed.
        """
        return self._expanded(_Block(*_BLOCK.unpack_from(self._batches, number * _BLOCK.size)), _RECORD_BATCH)

    def place(self, number: int) -> tuple[int, int]:
        """Return where a record batch begins and ends in the file, in bytes."""
        block = _Block(*_BLOCK.unpack_from(self._batches, number * _BLOCK.size))
        return block.offset, block.offset + block.metadata_bytes + block.body_bytes

    def frame(self) -> list[tuple[int, int]]:
        """Return the ranges of bytes that lie outside of the bodies of record batches, in ascending order.

        They say where all columns lie, and hold the dictionaries.
        """
        blocks = sorted(_Block(*_BLOCK.unpack_from(self._batches, at * _BLOCK.size)) for at in range(self.batches))
        ranges, start = [], 0
        for block in blocks:
            body = block.offset + block.metadata_bytes
            if not start <= body <= body + block.body_bytes <= self._end:
                raise ValueError("a batch lies outside of the file")
            ranges.append((start, body))
            start = body + block.body_bytes
        return [*ranges, (start, len(self._data))]

    def check_uncompressed(self) -> None:
        """Raise `ValueError` where any batch is compressed."""
        places = [
            (self._dictionaries, self.dictionaries, _DICTIONARY_BATCH),
            (self._batches, self.batches, _RECORD_BATCH),
        ]
        for blocks, count, kind in places:
            for number in range(count):
                if self._expanded(_Block(*_BLOCK.unpack_from(blocks, number * _BLOCK.size)), kind) is not None:
                    raise ValueError("it is compressed")

    def _expanded(self, block: _Block, kind: int) -> int | None:
        try:
            return self._stated(block, kind)
        except struct.error as error:
            raise ValueError(f"not an Arrow file: {error}") from error

    def _stated(self, block: _Block, kind: int) -> int | None:
        """Return the sum of the sizes that the buffers of a message state; None where it is not compressed."""
        body = block.offset + block.metadata_bytes
        if min(block) < 0 or body + block.body_bytes > self._end:
            raise struct.error("a batch lies outside of the file")
        message_at = self._data[block.offset : body]
        if struct.unpack_from("<I", message_at)[0] != 0xFFFFFFFF:
            raise struct.error("a batch of an old form")
        message = _Table.root(message_at[8:])
        batch = message.table(2)
        if batch is not None and kind == _DICTIONARY_BATCH:
            batch = batch.table(1)
        if batch is None or message.number(1, "<B") != kind or message.number(0, "<h") != _VERSION_5:
            raise struct.error("a batch of another form")  # older ones say elsewhere that they are compressed
        if batch.table(3) is None:
            return None
        buffers, count = batch.vector(2, _BUFFER)
        total = 0
        for number in range(count):
            offset, length = _BUFFER.unpack_from(buffers, number * _BUFFER.size)
            if length == 0:
                continue
            if offset < 0 or length < 8 or offset + length > block.body_bytes:
                raise struct.error("a buffer lies outside of its batch")
            (stated,) = struct.unpack_from("<q", self._data, body + offset)
            total += length if stated < 0 else stated  # negative: this buffer is not compressed
        return total


def footer_place(content: pa.Buffer) -> Iterator[int]:
    """Yield where the end of an Arrow IPC file begins, in bytes: first the size of its footer, then the footer.

    The size is read when the second is asked for. Raises `ValueError` where the content is too short.
    """
    data = memoryview(content)
    end = len(data) - len(_MAGIC) - 4
    if end < 0:
        raise ValueError("not an Arrow file")
    yield end
    (footer_bytes,) = struct.unpack_from("<i", data, end)
    if not 0 < footer_bytes <= end:
        raise ValueError("not an Arrow file: a footer of a wrong size")
    yield end - footer_bytes


def check_uncompressed(content: pa.Buffer) -> pa.Buffer:
    """Return the content of an Arrow IPC file where nothing in it is compressed. Raises `ValueError` otherwise."""
    ArrowFile(content).check_uncompressed()
    return content


def read_uncompressed(content: pa.Buffer) -> pa.Table:
    """Return the table of an Arrow IPC file, without a copy. Raises `ValueError` where something in it is compressed,
    or it cannot be read."""
    return pa.ipc.open_file(check_uncompressed(content)).read_all()
