"""Small real segments, and BM25F in plain Python to compare with: from the texts of the live chunks alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import xxhash

from raycontext.analyse.names import path_text
from raycontext.analyse.terms import analyse_texts
from raycontext.discover.read import Content
from raycontext.embed.models.static import StaticEmbedder
from raycontext.embed.vectors import quantized
from raycontext.index.work.segment_builder import Batch
from raycontext.search.query_terms import SearchTerms
from raycontext.search.signals.lexical import Bm25f
from raycontext.store.segments.segment import Segment
from raycontext.store.segments.segment_writer import write_segment
from raycontext.store.storage.local import LocalStorage

CHUNK_BYTES = 30
"""So small that every function is a chunk of its own."""

PARAMETERS = Bm25f()


def write_segments(root: Path, batches: Sequence[Mapping[str, str]], removed: Collection[str] = ()) -> list[Segment]:
    """A segment for each batch of files. As after index runs, a file supersedes those of its path in earlier segments;
    those of the paths in `removed` are tombstones everywhere."""
    embedder, storage = StaticEmbedder(), LocalStorage(root)
    segments = []
    for number, files in enumerate(batches):
        batch = Batch()
        for path, text in files.items():
            data = text.encode()
            batch.add(path, Content(data, xxhash.xxh3_128_digest(data), len(data)), CHUNK_BYTES)
        written = write_segment(
            storage, "small", batch.content(quantized(embedder)), embedder=embedder.fingerprint, chunker="c"
        )
        superseded = {*removed, *(path for later in batches[number + 1 :] for path in later)}
        dead = tuple(ordinal for ordinal, path in enumerate(files) if path in superseded)
        segments.append(Segment(storage, "small", written.model_copy(update={"tombstones": dead})))
    return segments


@dataclass(frozen=True)
class NaiveChunk:
    """Its terms and how often each occurs."""

    body: Counter[int]
    symbol: Counter[int]


@dataclass(frozen=True)
class NaiveFile:
    """A live file."""

    name: str
    path: Counter[int]
    chunks: list[NaiveChunk]
    rows: range
    """Of its segment."""


class NaiveIndex:
    """The live files of some segments, scored by the formulas."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.by_segment = [_live_files(segment) for segment in segments]
        self.files = [file for files in self.by_segment for file in files.values()]
        self.chunks = [(file, chunk) for file in self.files for chunk in file.chunks]
        self.body_length = sum(chunk.body.total() for _, chunk in self.chunks)
        self.symbol_length = sum(chunk.symbol.total() for _, chunk in self.chunks)
        self.path_length = sum(file.path.total() for file, _ in self.chunks)

    def field_frequencies(self, term: int) -> list[int]:
        """Live chunks that have the term in the body, the symbol, the path."""
        return [
            sum(term in chunk.body for _, chunk in self.chunks),
            sum(term in chunk.symbol for _, chunk in self.chunks),
            sum(term in file.path for file, _ in self.chunks),
        ]

    def weights(self, terms: SearchTerms) -> dict[int, float]:
        """Of the terms of a query: idf times their weight in it, zero for a compound that occurs nowhere."""
        weights = {}
        for term, weight, compound in zip(terms.terms.tolist(), terms.weights, terms.compound, strict=True):
            frequency = max(self.field_frequencies(term))
            idf = math.log(1 + (len(self.chunks) - frequency + 0.5) / (frequency + 0.5))
            weights[term] = 0.0 if compound and frequency == 0 else idf * float(weight)
        return weights

    def chunk(self, file: NaiveFile, chunk: NaiveChunk, weights: Mapping[int, float]) -> float:
        """BM25F over all fields."""
        return sum(
            weight * _saturated(sum(self._field(name, counts, term) for name, counts in _fields(file, chunk)))
            for term, weight in weights.items()
        )

    def symbols(self, file: NaiveFile, weights: Mapping[int, float]) -> float:
        """BM25 of all symbols of a file together, among the files."""
        counts = sum((chunk.symbol for chunk in file.chunks), Counter())
        mean = self.symbol_length / len(self.files)
        return sum(
            weight * _saturated(_normal(counts, term, PARAMETERS.symbol_b, mean))
            for term, weight in weights.items()
            if term in counts
        )

    def path(self, file: NaiveFile, weights: Mapping[int, float]) -> float:
        """BM25 of the path."""
        return sum(
            weight * _saturated(self._field("path", file.path, term) / PARAMETERS.path_weight)
            for term, weight in weights.items()
        )

    def _field(self, name: str, counts: Counter[int], term: int) -> float:
        """Weighted and normalised frequency of a term in a field of a chunk."""
        if term not in counts:
            return 0.0
        weight, share, total = {
            "body": (PARAMETERS.body_weight, PARAMETERS.body_b, self.body_length),
            "symbol": (PARAMETERS.symbol_weight, PARAMETERS.symbol_b, self.symbol_length),
            "path": (PARAMETERS.path_weight, PARAMETERS.path_b, self.path_length),
        }[name]
        return weight * _normal(counts, term, share, total / len(self.chunks))


def three_best(scores: Sequence[float]) -> float:
    """The best three summed with weights 1, 1/2, 1/4."""
    ranked = sorted((max(score, 0.0) for score in scores), reverse=True)
    return sum(score * share for score, share in zip(ranked, (1.0, 0.5, 0.25), strict=False))


def _live_files(segment: Segment) -> dict[int, NaiveFile]:
    """By ordinal."""
    files = {}
    for ordinal, (first, count) in enumerate(
        zip(segment.first_rows.tolist(), segment.row_counts.tolist(), strict=True)
    ):
        if ordinal not in segment.reference.tombstones:
            rows = range(first, first + count)
            chunks = [NaiveChunk(_counted(segment.text(row)), _counted(_symbols(segment, row))) for row in rows]
            name = segment.path(ordinal)
            files[ordinal] = NaiveFile(name, _counted(path_text(name)), chunks, rows)
    return files


def _symbols(segment: Segment, row: int) -> str:
    return " ".join(segment.label(row))


def _fields(file: NaiveFile, chunk: NaiveChunk) -> list[tuple[str, Counter[int]]]:
    return [("body", chunk.body), ("symbol", chunk.symbol), ("path", file.path)]


def _counted(text: str) -> Counter[int]:
    found = analyse_texts([text])
    return Counter(dict(zip(found.terms.tolist(), found.frequencies.tolist(), strict=True)))


def _normal(counts: Counter[int], term: int, share: float, mean: float) -> float:
    """Frequency of a term, divided by the length of its text next to the mean."""
    return counts[term] / (1 - share + share * counts.total() / mean)


def _saturated(frequency: float) -> float:
    return (PARAMETERS.k1 + 1) * frequency / (frequency + PARAMETERS.k1)
