"""The static embedder: its vectors are weighted sums of the table's, and know what words have to do with each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from raycontext.analyse.postings import ANALYSIS_FINGERPRINT
from raycontext.analyse.terms import analyse_texts, query_terms
from raycontext.embed.models.static import DATA, StaticEmbedder, load_table
from raycontext.embed.vectors import Documents

MAX_TABLE_BYTES = 8 << 20
UNKNOWN = "qzxvwkjyh"


def no_texts() -> Sequence[str]:
    raise AssertionError("the static embedder works on terms alone")


def embed(texts: list[str]) -> NDArray[np.float32]:
    return StaticEmbedder().embed_documents(Documents(analyse_texts(texts), no_texts))


def table_vector(word: str) -> NDArray[np.float64]:
    table = load_table()
    row = int(np.searchsorted(table.terms, query_terms(word).terms[0]))
    assert table.terms[row] == query_terms(word).terms[0]
    return table.codes[row].astype(np.float64) * float(table.scales[row])


def test_vectors_are_sums_of_the_vectors_of_their_terms() -> None:
    texts = ["parse server server json", "file " * 300, f"parse {UNKNOWN} json"]
    for text, vector in zip(texts, embed(texts), strict=True):
        counts = Counter(word for word in text.split() if word != UNKNOWN)
        total = np.sum([sqrt(min(count, 255)) * table_vector(word) for word, count in counts.items()], axis=0)
        np.testing.assert_allclose(vector, total / np.linalg.norm(total), atol=1e-6)


@pytest.mark.parametrize(
    ("query", "right", "wrong"),
    [
        ("remove a folder", "rmdir(path)", "mkdir(path)"),
        ("send an HTTP message", "socket.post(url, request)", "matrix.multiply(vector)"),
        ("concurrent workers", "pool of threads, mutex", "font of characters, color"),
        ("encrypt a secret", "cipher.aes(key)", "widget.draw(canvas)"),
    ],
)
def test_words_of_one_subject_are_nearer_than_others(query: str, right: str, wrong: str) -> None:
    near, far = embed([right, wrong]) @ StaticEmbedder().embed_query(query)
    assert near > far + 0.05


def test_query_is_nearest_to_the_document_of_its_words() -> None:
    documents = ["open a socket and listen", "parse the JSON document", "render the page in the browser"]
    assert int(np.argmax(embed(documents) @ StaticEmbedder().embed_query("JSON parsing"))) == 1


def test_query_and_document_of_the_same_terms_have_the_same_vector() -> None:
    text = "HTTPServer2 parseJSONFast json json"
    assert StaticEmbedder().embed_query(text).tobytes() == embed([text])[0].tobytes()


def test_documents_and_queries_without_known_words_are_zero() -> None:
    assert not embed(["", "...", UNKNOWN, "word"])[:3].any()
    for text in ("?!", UNKNOWN):
        query = StaticEmbedder().embed_query(text)
        assert query.shape == (StaticEmbedder().dimension,)
        assert not query.any()


def test_no_documents_give_no_vectors() -> None:
    assert embed([]).shape == (0, StaticEmbedder().dimension)


def test_table_is_sorted_whole_and_small() -> None:
    table = load_table()
    assert (table.terms[1:] > table.terms[:-1]).all()
    assert table.codes.shape == (table.terms.size, StaticEmbedder().dimension)
    assert np.isfinite(table.scales).all()
    assert (table.scales > 0).all()
    assert sum(path.stat().st_size for path in DATA.glob("*.npy")) <= MAX_TABLE_BYTES


def test_rows_of_terms_that_the_table_lacks_are_negative() -> None:
    table = load_table()
    known = table.terms[[0, table.terms.size - 1]]
    unknown = np.array([1, 2**64 - 1], np.uint64)
    assert not np.isin(unknown, table.terms).any()
    assert table.rows_of(np.concatenate([known, unknown])).tolist() == [0, table.terms.size - 1, -1, -1]
    assert table.rows_of(np.empty(0, np.uint64)).shape == (0,)


def test_fingerprint_tells_tables_and_analyses_apart(tmp_path: Path) -> None:
    fingerprint = StaticEmbedder().fingerprint
    assert load_table().checksum in fingerprint
    assert ANALYSIS_FINGERPRINT in fingerprint
    for name in ("terms", "codes", "scales"):
        np.save(tmp_path / f"{name}.npy", np.load(DATA / f"{name}.npy"))
    assert load_table(tmp_path).checksum == load_table().checksum
    scales = np.load(DATA / "scales.npy")
    other = tmp_path / "other"
    other.mkdir()
    for name, array in (("terms", load_table().terms), ("codes", load_table().codes), ("scales", scales * 2)):
        np.save(other / f"{name}.npy", array)
    assert load_table(other).checksum != load_table().checksum


def test_sources_of_the_table_are_listed_beside_it() -> None:
    sources = (DATA / "SOURCES.md").read_text()
    assert sources.count("\n| debian | ") + sources.count("\n| pypi | ") + sources.count("\n| npm | ") > 100
