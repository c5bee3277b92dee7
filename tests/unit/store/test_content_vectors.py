"""Vectors by content: what was added is found, whatever was merged meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycontext.embed.vectors import QuantizedVectors, quantize
from raycontext.store.segments.columns import ipc_file
from raycontext.store.segments.content_vectors import FOLDER, MOST_FILES, ContentVectors, content_keys
from raycontext.store.storage.local import LocalStorage
from raycontext.store.storage.memory import MemoryStorage

DIMENSION = 12


def vectors_of(texts: list[str]) -> QuantizedVectors:
    numbers = [[hash((text, place)) % 1000 - 500 for place in range(DIMENSION)] for text in texts]
    return quantize(np.array(numbers, np.float32).reshape(-1, DIMENSION))


def looked_up(vectors: ContentVectors, texts: list[str]) -> dict[str, tuple[bytes, float, bytes]]:
    found = {}
    for places, piece in vectors.find(content_keys(texts)):
        for place, code, scale, sign in zip(places, piece.codes, piece.scales, piece.signs, strict=True):
            assert texts[place] not in found
            found[texts[place]] = code.tobytes(), float(scale), sign.tobytes()
    return found


def expected(texts: list[str]) -> dict[str, tuple[bytes, float, bytes]]:
    all_vectors = vectors_of(texts)
    columns = zip(all_vectors.codes, all_vectors.scales, all_vectors.signs, strict=True)
    return {
        text: (code.tobytes(), float(scale), sign.tobytes())
        for text, (code, scale, sign) in zip(texts, columns, strict=True)
    }


@given(st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=6, unique=True), max_size=2 * MOST_FILES))
def test_what_was_added_is_found(batches: list[list[str]]) -> None:
    vectors = ContentVectors(MemoryStorage(), "embedder-1")
    for batch in batches:
        vectors.add(content_keys(batch), vectors_of(batch))
    known = sorted({text for batch in batches for text in batch})
    asked = [*known, "never added"]
    assert looked_up(vectors, asked) == expected(known)
    merged = vectors.merge()
    assert (merged > 0) == (len(batches) > MOST_FILES)
    assert looked_up(vectors, asked) == expected(known)


def test_embedders_are_kept_apart_and_on_disk(tmp_path: Path) -> None:
    texts = ["one", "two"]
    ContentVectors(LocalStorage(tmp_path), "embedder-1").add(content_keys(texts), vectors_of(texts))
    assert looked_up(ContentVectors(LocalStorage(tmp_path), "embedder-1"), texts) == expected(texts)
    assert looked_up(ContentVectors(LocalStorage(tmp_path), "embedder-2"), texts) == {}


@pytest.mark.parametrize("damage", [b"", b"ARROW1\0\0 and no more", ipc_file(pa.table({"high": [1]})).to_pybytes()])
def test_damaged_file_holds_nothing_and_the_next_merge_removes_it(tmp_path: Path, damage: bytes) -> None:
    vectors = ContentVectors(LocalStorage(tmp_path), "embedder")
    texts = [f"text {number}" for number in range(MOST_FILES + 1)]
    for text in texts:
        vectors.add(content_keys([text]), vectors_of([text]))
    damaged = sorted(tmp_path.rglob("*.arrow"))[5]
    damaged.chmod(0o600)
    damaged.write_bytes(damage)
    whole = [text for text in texts if text in looked_up(vectors, texts)]
    assert len(whole) == MOST_FILES
    assert looked_up(vectors, texts) == expected(whole)
    assert vectors.merge() == MOST_FILES + 1
    assert len(list(tmp_path.rglob("*.arrow"))) == 1
    assert looked_up(vectors, texts) == expected(whole)


def test_reader_that_a_merge_overtakes_looks_again(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    writer, reader = ContentVectors(storage, "e"), ContentVectors(storage, "e")
    texts = [f"text {number}" for number in range(MOST_FILES + 1)]
    for text in texts:
        writer.add(content_keys([text]), vectors_of([text]))
    (folder,) = (f"{FOLDER}/{name}" for name in storage.list(FOLDER))
    stale = storage.list(folder)
    assert writer.merge() == len(texts)
    fresh = storage.list(folder)
    listings = iter([stale, fresh])
    storage.list = lambda _: next(listings)  # type: ignore[method-assign]
    assert looked_up(reader, texts) == expected(texts)
