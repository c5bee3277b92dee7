"""bm25s and tantivy on the chunks of a collection, and what measures them; `search_peers.py` asks them.

What these do is the lexical part alone: no parsing, no vectors, no ranking of files.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from raycontext.models import SearchFilters
from raycontext.search.query import SearchRequest
from raycontext.search.shard import ShardSearch
from raycontext.store.collection import Location
from raycontext.store.segments.segment import Segment

QUESTIONS = (
    "where are errors retried after a failure",
    "parse the configuration file",
    "open a connection to the server",
    "how is the cache invalidated",
    "convert bytes to text",
)
ROUNDS = 4
HITS = 10

Figures = dict[str, float]


def texts_of(location: Location, most: int | None) -> Iterator[str]:
    opened = location.open()
    manifest = opened.latest()
    assert manifest is not None
    count = 0
    for reference in manifest.segments:
        for batch in Segment(opened.storage, location.collection, reference).texts().to_batches():
            for text in batch.column(0).to_pylist():
                if count == most:
                    return
                yield text
                count += 1


def median_milliseconds(ask: Callable[[str], object]) -> float:
    times = []
    for question in QUESTIONS:
        ask(question)
    for _ in range(ROUNDS):
        for question in QUESTIONS:
            begun = time.perf_counter()
            ask(question)
            times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times)


def bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def by_bm25s(location: Location, most: int | None, folder: Path) -> Figures:
    import bm25s

    begun = time.perf_counter()
    tokens = bm25s.tokenize(list(texts_of(location, most)), show_progress=False)
    index = bm25s.BM25()
    index.index(tokens, show_progress=False)
    seconds = time.perf_counter() - begun
    index.save(folder)

    def ask(question: str) -> object:
        return index.retrieve(bm25s.tokenize(question, show_progress=False), k=HITS, show_progress=False)

    return {"seconds": seconds, "query_ms": median_milliseconds(ask), "bytes": bytes_below(folder)}


def by_tantivy(location: Location, most: int | None, folder: Path) -> Figures:
    import tantivy

    begun = time.perf_counter()
    schema = tantivy.SchemaBuilder().add_text_field("text", stored=False).build()
    index = tantivy.Index(schema, path=str(folder))
    writer = index.writer(heap_size=500_000_000, num_threads=2)
    for text in texts_of(location, most):
        writer.add_document(tantivy.Document(text=text))
    writer.commit()
    writer.wait_merging_threads()
    seconds = time.perf_counter() - begun
    index.reload()
    searcher = index.searcher()

    def ask(question: str) -> object:
        return searcher.search(index.parse_query(question, ["text"]), HITS)

    return {"seconds": seconds, "query_ms": median_milliseconds(ask), "bytes": bytes_below(folder)}


def by_raycontext(location: Location) -> Figures:
    search = ShardSearch(location.open(), 0)
    return {
        "query_ms": median_milliseconds(
            lambda question: search.search(SearchRequest(question, SearchFilters(), 60, HITS), HITS, 0.0)
        )
    }
