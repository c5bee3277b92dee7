"""Search over one shard: maps the segments of a version and answers the steps of a query."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pathspec import GitIgnoreSpec

from raycontext.analyse.postings import QueryTerms
from raycontext.analyse.terms import query_terms
from raycontext.embed.embedder import Embedder, embedder_for
from raycontext.errors import FingerprintMismatch, StaleVersion
from raycontext.models import Hit, SearchFilters
from raycontext.search.lexical import Bm25f, TermSlices, document_frequencies, score_rows
from raycontext.search.merge import finish, hits_of
from raycontext.search.query import FEATURES, Candidates, SearchRequest, Statistics
from raycontext.search.ranker import LinearRanker, Ranker
from raycontext.search.selection import propose
from raycontext.search.vector import QueryVector, cosines
from raycontext.store.collection import Collection
from raycontext.store.manifest import Manifest
from raycontext.store.segment import Segment

__all__ = ["ShardSearch"]

KEPT_VERSIONS = 2
"""Views kept open: a query that began before a commit ends on the version that it began on."""

OPEN_ATTEMPTS = 5
"""How often a version is opened anew after garbage collection was faster than the reader."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A segment within a view: its rows are the view's rows from `first` on."""

    segment: Segment
    first: int
    alive: NDArray[np.bool_]
    order: NDArray[np.uint64]


class _View:
    """One version of a shard, opened."""

    def __init__(self, manifest: Manifest | None, segments: Sequence[Segment]) -> None:
        self.version = manifest.version if manifest else 0
        self.num_shards = manifest.options.num_shards if manifest else 1
        self.parts: list[_Part] = []
        first = 0
        for segment in segments:
            self.parts.append(_Part(segment, first, _alive(segment), _order(segment)))
            first += segment.reference.rows
        self.rows = first
        self.alive = _concatenate([part.alive for part in self.parts], np.bool_)
        self.order = _concatenate([part.order for part in self.parts], np.uint64)
        lengths = [_live_lengths(part) for part in self.parts]
        self._body_length, self._symbol_length, self._path_length = (
            sum(length[field] for length in lengths) for field in range(3)
        )
        self._eligible: dict[SearchFilters, NDArray[np.bool_]] = {}

    def statistics(self, terms: QueryTerms) -> Statistics:
        frequencies = np.zeros(len(terms.terms), np.int64)
        for part in self.parts:
            frequencies += document_frequencies(TermSlices.find(part.segment, terms.terms), part.alive)
        return Statistics(
            version=self.version,
            num_shards=self.num_shards,
            rows=int(self.alive.sum()),
            body_length=self._body_length,
            symbol_length=self._symbol_length,
            path_length=self._path_length,
            document_frequencies=frequencies,
        )

    def eligible(self, filters: SearchFilters) -> NDArray[np.bool_]:
        """[rows]: alive and admitted by the filters. Kept, since path globs over many files take time."""
        if filters not in self._eligible:
            masks = [part.alive & _admitted(part.segment, filters) for part in self.parts]
            self._eligible[filters] = _concatenate(masks, np.bool_)
        return self._eligible[filters]

    def locate(self, row: int) -> tuple[Segment, int]:
        """The segment of a row and its number there."""
        place = int(np.searchsorted([part.first for part in self.parts], row, side="right")) - 1
        return self.parts[place].segment, row - self.parts[place].first


class ShardSearch:
    """Answers queries over one shard of a collection; follows new versions by itself.

    Rows are numbered within a version's view. All methods raise `UnknownCollection` where the collection is gone.
    """

    def __init__(self, collection: Collection, shard: int, ranker: Ranker | None = None) -> None:
        self._collection = collection
        self._shard = shard
        self._ranker: Ranker = ranker or LinearRanker()
        self._parameters = Bm25f()
        self._views: dict[int, _View] = {}
        self._newest = -1
        self._identity: object = None
        self._embedders: dict[str, Embedder] = {}
        self._embedder_name = ""
        self._fingerprint = ""

    def refresh(self, version: int | None = None) -> int:
        """Open `version`, or the newest there is, and return its number."""
        return (self._current() if version is None else self._view(version)).version

    def num_shards(self) -> int:
        """Number of shards of the newest version."""
        return self._current().num_shards

    def clear(self) -> None:
        """Let go of everything that is mapped."""
        self._views.clear()
        self._newest = -1
        self._identity = None

    def statistics(self, request: SearchRequest, version: int | None = None) -> Statistics:
        """The shard's share of the statistics of a query, of the newest version unless one is given."""
        view = self._current() if version is None else self._view(version)
        self._check_embedder(request)
        return view.statistics(query_terms(request.text))

    def candidates(self, request: SearchRequest, statistics: Statistics) -> Candidates:
        """The shard's best rows by either side, with raw features.

        `statistics` are those of the whole collection at the version to answer from.
        """
        view = self._view(statistics.version)
        lexical = self._lexical_scores(view, query_terms(request.text), statistics)
        vector = self._cosines(view, request.text)
        eligible = view.eligible(request.filters)
        rows = propose(
            np.where(eligible, lexical, 0.0), np.where(eligible, vector, 0.0), view.order, request.candidates
        )
        return self._describe(view, rows, np.stack([lexical[rows], vector[rows]], axis=1).reshape(-1, len(FEATURES)))

    def texts(self, version: int, rows: Sequence[int]) -> list[str]:
        """Texts of rows of a version."""
        view = self._view(version)
        located = [view.locate(row) for row in rows]
        return [segment.text(row) for segment, row in located]

    def search(self, request: SearchRequest, limit: int, min_score: float) -> list[Hit]:
        """The whole query, for a collection of a single shard: one call instead of three.

        Raises `StaleVersion` where it has more shards by now.
        """
        statistics = self.statistics(request)
        if statistics.num_shards != 1:
            raise StaleVersion(self._collection.name, statistics.version)
        ranked = finish(self._ranker, request, [self.candidates(request, statistics)], limit, min_score)
        texts = self.texts(statistics.version, [row for _, row in ranked.places])
        return hits_of(self._collection.name, ranked, texts)

    def _lexical_scores(self, view: _View, terms: QueryTerms, statistics: Statistics) -> NDArray[np.float64]:
        scores = np.zeros(view.rows, np.float64)
        weights = self._parameters.inverse_document_frequencies(statistics) * terms.frequencies
        for part in view.parts:
            part_scores = scores[part.first : part.first + len(part.alive)]
            slices = TermSlices.find(part.segment, terms.terms)
            score_rows(self._parameters, statistics, weights, slices, part_scores)
        return scores

    def _cosines(self, view: _View, text: str) -> NDArray[np.float64]:
        similarities = np.zeros(view.rows, np.float64)
        if view.rows == 0:
            return similarities
        query = QueryVector(self._embedder().embed_query(text))
        for part in view.parts:
            target = similarities[part.first : part.first + len(part.alive)]
            cosines(query, part.segment.codes, part.segment.scales, target)
        return similarities

    def _describe(self, view: _View, rows: NDArray[np.int64], features: NDArray[np.float64]) -> Candidates:
        described = [_Described.of(*view.locate(int(row))) for row in rows]
        return Candidates(
            shard=self._shard,
            version=view.version,
            rows=rows,
            order=view.order[rows],
            features=features,
            paths=tuple(row.path for row in described),
            start_lines=np.array([row.start_line for row in described], np.uint32),
            end_lines=np.array([row.end_line for row in described], np.uint32),
            languages=tuple(row.language for row in described),
            kinds=tuple(row.kind for row in described),
            symbols=tuple(row.symbol for row in described),
            scopes=tuple(row.scope for row in described),
        )

    def _embedder(self) -> Embedder:
        if self._embedder_name not in self._embedders:
            self._embedders[self._embedder_name] = embedder_for(self._embedder_name)
        return self._embedders[self._embedder_name]

    def _check_embedder(self, request: SearchRequest) -> None:
        if not self._fingerprint:  # nothing is committed yet
            return
        wanted = request.embedder or self._embedder().fingerprint
        if wanted != self._fingerprint:
            raise FingerprintMismatch(self._collection.name, "the embedder", self._fingerprint, wanted)

    def _current(self) -> _View:
        identity = self._collection.identity()
        if identity != self._identity:
            self.clear()
            self._identity = identity
        if self._newest in self._views and not self._collection.has_version(self._newest + 1):
            return self._views[self._newest]
        return self._open(None)

    def _view(self, version: int) -> _View:
        return self._views[version] if version in self._views else self._open(version)

    def _open(self, version: int | None) -> _View:
        for attempt in range(OPEN_ATTEMPTS):
            try:
                manifest = self._collection.latest() if version is None else self._collection.manifest(version)
                view = _View(manifest, self._open_segments(manifest))
                break
            except FileNotFoundError:
                if version is not None or attempt == OPEN_ATTEMPTS - 1:
                    raise StaleVersion(self._collection.name, version or 0) from None
        self._views[view.version] = view
        self._newest = max(self._newest, view.version)
        for old in sorted(self._views)[:-KEPT_VERSIONS]:
            del self._views[old]
        if manifest is not None:
            self._embedder_name, self._fingerprint = manifest.options.embedder, manifest.embedder
        return view

    def _open_segments(self, manifest: Manifest | None) -> list[Segment]:
        if manifest is None or self._shard >= len(manifest.shards):
            return []
        opened = {part.segment.reference: part.segment for view in self._views.values() for part in view.parts}
        return [
            opened.get(reference) or Segment(self._collection.storage, self._collection.name, reference)
            for reference in manifest.shards[self._shard].segments
        ]


@dataclass(frozen=True, slots=True)
class _Described:
    path: str
    start_line: int
    end_line: int
    language: str
    kind: str
    symbol: str
    scope: str

    @classmethod
    def of(cls, segment: Segment, row: int) -> _Described:
        chunks, files = segment.chunks, segment.files
        file = int(segment.chunk_column("file")[row])
        return cls(
            path=segment.path(file),
            start_line=int(segment.chunk_column("start_line")[row]),
            end_line=int(segment.chunk_column("end_line")[row]),
            language=files.column("language")[file].as_py(),
            kind=chunks.column("kind")[row].as_py(),
            symbol=chunks.column("symbol")[row].as_py(),
            scope=chunks.column("scope")[row].as_py(),
        )


def _alive(segment: Segment) -> NDArray[np.bool_]:
    alive = np.ones(segment.reference.rows, np.bool_)
    for ordinal in segment.reference.tombstones:
        first = int(segment.first_rows[ordinal])
        alive[first : first + int(segment.row_counts[ordinal])] = False
    return alive


def _order(segment: Segment) -> NDArray[np.uint64]:
    """Tie breakers, [rows]: path hash, then line."""
    if segment.reference.rows == 0:
        return np.empty(0, np.uint64)
    lines = segment.chunk_column("start_line").astype(np.uint64)
    hashes: NDArray[np.uint64] = segment.path_hashes[segment.chunk_column("file")]
    return (hashes & ~np.uint64(0xFFFFFFF)) | (lines & np.uint64(0xFFFFFFF))


def _live_lengths(part: _Part) -> tuple[int, int, int]:
    """Terms in the live rows: of body, symbol, path."""
    if len(part.alive) == 0:
        return 0, 0, 0
    segment = part.segment
    files = segment.chunk_column("file")[part.alive]
    return (
        int(segment.chunk_column("body_length")[part.alive].sum(dtype=np.int64)),
        int(segment.chunk_column("symbol_length")[part.alive].sum(dtype=np.int64)),
        int(segment.file_column("path_length")[files].sum(dtype=np.int64)),
    )


def _admitted(segment: Segment, filters: SearchFilters) -> NDArray[np.bool_]:
    """Rows of a segment that the filters let through."""
    rows = segment.reference.rows
    if rows == 0:
        return np.empty(0, np.bool_)
    files = np.ones(len(segment.files), np.bool_)
    if filters.languages:
        files &= _among(segment.files.column("language"), filters.languages)
    if filters.paths:
        admits = _admits(filters.paths)
        paths = segment.files.column("path").to_pylist()
        files &= np.fromiter((admits(os.fsdecode(path)) for path in paths), np.bool_, len(paths))
    admitted: NDArray[np.bool_] = files[segment.chunk_column("file")]
    if filters.kinds:
        admitted = admitted & _among(segment.chunks.column("kind"), filters.kinds)
    return admitted


def _among(column: pa.ChunkedArray, wanted: Sequence[str]) -> NDArray[np.bool_]:
    codes = column.chunk(0)
    known = np.array([value in wanted for value in codes.dictionary.to_pylist()], np.bool_)
    among: NDArray[np.bool_] = known[codes.indices.to_numpy(zero_copy_only=True)]
    return among


def _admits(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path matches any of the patterns, if some include, and none of those that exclude."""
    include = GitIgnoreSpec.from_lines(pattern for pattern in patterns if not pattern.startswith("!"))
    exclude = GitIgnoreSpec.from_lines(pattern[1:] for pattern in patterns if pattern.startswith("!"))
    return lambda path: (not len(include) or include.match_file(path)) and not exclude.match_file(path)


def _concatenate(arrays: Sequence[NDArray], dtype: type) -> NDArray:  # type: ignore[type-arg]
    return np.concatenate(arrays) if arrays else np.empty(0, dtype)
