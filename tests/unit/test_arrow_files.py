"""Sizes that Arrow files state are read before anything is decompressed, from whatever bytes."""

from __future__ import annotations

from contextlib import suppress

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raycontext.files.arrow import ArrowFile, read_uncompressed

TEXTS = st.lists(st.text(max_size=200), min_size=1, max_size=20)


def written(texts: list[str], compression: str | None, batch_rows: int = 5) -> bytes:
    words = pa.array([text[:1] for text in texts]).dictionary_encode()
    table = pa.table({"text": pa.array(texts, pa.string()), "word": words, "number": pa.array(range(len(texts)))})
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=batch_rows)
    content: bytes = sink.getvalue().to_pybytes()
    return content


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
@settings(max_examples=25)
@given(texts=TEXTS)
def test_the_sizes_are_those_of_the_decompressed_buffers(compression: str, texts: list[str]) -> None:
    content = written(texts, compression)
    file, reader = ArrowFile(pa.py_buffer(content)), pa.ipc.open_file(content)
    assert file.batches == reader.num_record_batches
    for number in range(file.batches):
        data = sum(len(text.encode()) for text in texts[number * 5 : number * 5 + 5])
        rows = reader.get_batch(number).num_rows
        stated = file.expanded_bytes(number)
        assert stated is not None
        assert data + 8 * rows <= stated <= data + 8 * rows + 12 * (rows + 2) + 64
    with pytest.raises(ValueError, match="it is compressed"):
        read_uncompressed(pa.py_buffer(content))


@settings(max_examples=25)
@given(texts=TEXTS)
def test_what_is_not_compressed_is_read(texts: list[str]) -> None:
    content = written(texts, None)
    file = ArrowFile(pa.py_buffer(content))
    assert [file.expanded_bytes(number) for number in range(file.batches)] == [None] * file.batches
    assert read_uncompressed(pa.py_buffer(content)).column("text").to_pylist() == texts


@given(place=st.integers(0, 4000), byte=st.integers(0, 255), cut=st.integers(0, 300), whole=st.booleans())
def test_damage_is_a_value_error(place: int, byte: int, cut: int, whole: bool) -> None:
    content = bytearray(written(["one", "two"] * 8, "zstd"))
    content[place % len(content)] = byte
    damaged = pa.py_buffer(bytes(content if whole else content[:-cut]))
    with suppress(ValueError):
        file = ArrowFile(damaged)
        file.check_uncompressed()
        for number in range(file.batches):
            file.expanded_bytes(number)


@pytest.mark.parametrize("content", [b"", b"ARROW1", b"\xff" * 64, b"\xff\xff\xff\x7fARROW1", b"\0\0\0\0ARROW1"])
def test_anything_else_is_no_arrow_file(content: bytes) -> None:
    with pytest.raises(ValueError, match="not an Arrow file"):
        ArrowFile(pa.py_buffer(content))
