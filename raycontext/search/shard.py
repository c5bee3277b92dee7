"""Search over one shard: maps the segments of a version and answers the steps of a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raycontext.embed.embedder import Embedder, embedder_for
from raycontext.errors import FingerprintMismatch, StaleVersion
from raycontext.models import Hit
from raycontext.search.features import best_rows_of_files, best_three, exact_names, feature_matrix, name_features
from raycontext.search.lexical import Bm25f, LexicalScores, TermSlices, score_segment
from raycontext.search.merge import finish, hits_of
from raycontext.search.query import (
    COSINE_UNIT,
    FEATURES,
    PROPOSERS,
    Candidates,
    Description,
    SearchRequest,
    Statistics,
)
from raycontext.search.ranker import LinearRanker, Ranker
from raycontext.search.selection import MINIMUM_SIMILARITY, propose
from raycontext.search.terms import SearchTerms, search_terms
from raycontext.search.vector import QueryVector, cosines
from raycontext.search.view import View, concatenate
from raycontext.store.collection import Collection
from raycontext.store.manifest import Manifest
from raycontext.store.segment import Segment

__all__ = ["ShardSearch"]

KEPT_VERSIONS = 2
"""Views kept open: a query that began before a commit ends on the version that it began on."""

OPEN_ATTEMPTS = 5
"""How often a version is opened anew after garbage collection was faster than the reader."""


@dataclass(frozen=True, slots=True)
class _PartScores:
    """All that a query says of one part."""

    lexical: LexicalScores
    cosines: NDArray[np.float64]  # [rows]
    proposals: dict[str, NDArray[np.float64]]  # [files] each
    eligible: NDArray[np.bool_]  # [rows]


class ShardSearch:
    """Answers queries over one shard of a collection; follows new versions by itself.

    Rows are numbered within a version's view. All methods raise `UnknownCollection` where the collection is gone.
    """

    def __init__(self, collection: Collection, shard: int, ranker: Ranker | None = None) -> None:
        self._collection = collection
        self._shard = shard
        self._ranker: Ranker = ranker or LinearRanker()
        self._parameters = Bm25f()
        self._views: dict[int, View] = {}
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
        self._check_embedder()
        return view.statistics(search_terms(request.text))

    def candidates(self, request: SearchRequest, statistics: Statistics) -> Candidates:
        """The shard's best files, with raw features, and their best chunks.

        `statistics` are those of the whole collection at the version to answer from.
        """
        view = self._view(statistics.version)
        terms = search_terms(request.text)
        inverse = self._parameters.inverse_document_frequencies(statistics)
        weights = terms.weighted(inverse, statistics.document_frequencies)
        scored = self._score(view, request, terms, weights, statistics)
        proposals = [concatenate([part.proposals[name] for part in scored], np.float64) for name in PROPOSERS]
        files = propose(proposals, view.order, request.files)
        features, defined = self._features(view, scored, files, request, terms, weights)
        rows, lexical, vector, row_defined, offsets = _best_rows(view, scored, defined, files, request.rows)
        located = [view.locate_file(int(file)) for file in files]
        return Candidates(
            shard=self._shard,
            version=view.version,
            paths=tuple(view.parts[part].segment.path(ordinal) for part, ordinal in located),
            languages=tuple(view.parts[part].segment.language(ordinal) for part, ordinal in located),
            order=view.order[files],
            features=features,
            row_offsets=offsets,
            rows=rows,
            lexical=lexical,
            vector=vector,
            defined=row_defined,
            cosine_sums=_cosine_sums(view, scored),
        )

    def describe(self, version: int, rows: Sequence[int]) -> list[Description]:
        """What a hit shows of each of some rows of a version."""
        view = self._view(version)
        return [_describe(*view.locate_row(row)) for row in rows]

    def search(self, request: SearchRequest, limit: int, min_score: float) -> list[Hit]:
        """The whole query, for a collection of a single shard: one call instead of three.

        Raises `StaleVersion` where it has more shards by now.
        """
        statistics = self.statistics(request)
        if statistics.num_shards != 1:
            raise StaleVersion(self._collection.name, statistics.version)
        ranked = finish(self._ranker, request, [self.candidates(request, statistics)], limit, min_score)
        return hits_of(
            self._collection.name, ranked, self.describe(statistics.version, [chunk.row for chunk in ranked])
        )

    def _score(
        self,
        view: View,
        request: SearchRequest,
        terms: SearchTerms,
        weights: NDArray[np.float64],
        statistics: Statistics,
    ) -> list[_PartScores]:
        """Everything that can be said of all rows and files at once."""
        if not view.parts:
            return []
        query = QueryVector(self._embedder().embed_query(request.text))
        scored = []
        for part, eligible in zip(view.parts, view.eligible(request.filters), strict=True):
            segment = part.segment
            slices = TermSlices.find(segment, terms.terms)
            lexical = score_segment(self._parameters, statistics, weights, slices, part.file_lengths)
            similarities = np.zeros(len(eligible), np.float64)
            cosines(query, *segment.vectors, similarities)
            shape = segment.first_rows, segment.row_counts
            open_rows = np.bincount(segment.chunk_column("file"), eligible, minlength=len(part.alive_files)) > 0
            vector_best, vector_three = best_three(np.where(eligible, similarities, 0.0), *shape)
            proposals = {
                "chunks": best_three(np.where(eligible, lexical.chunk, 0.0), *shape)[1],
                "definitions": np.where(open_rows, lexical.definitions, 0.0),
                "path": np.where(open_rows, lexical.path, 0.0),
                "vector_three": np.where(vector_best >= MINIMUM_SIMILARITY, vector_three, 0.0),
            }
            scored.append(_PartScores(lexical, similarities, proposals, eligible))
        return scored

    def _features(
        self,
        view: View,
        scored: Sequence[_PartScores],
        files: NDArray[np.int64],
        request: SearchRequest,
        terms: SearchTerms,
        weights: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
        """Raw features of some files of a view, [m, len(FEATURES)], files ascend; and for the rows of each part how
        well their definitions match."""
        exact = exact_names(request.text)
        query = QueryVector(self._embedder().embed_query(request.text)) if len(files) else None
        total = float(weights.sum()) or 1.0
        blocks = [np.empty((0, len(FEATURES)), np.float64)]
        defined: list[NDArray[np.float64]] = []
        for part, scores in zip(view.parts, scored, strict=True):
            here = (
                files[(files >= part.first_file) & (files < part.first_file + len(part.alive_files))] - part.first_file
            )
            segment, lexical = part.segment, scores.lexical
            names, matches = name_features(segment, here, terms.terms, weights, exact)
            defined.append(matches)
            if query is None or not len(here):
                continue
            shape = segment.first_rows[here], segment.row_counts[here]
            vector_best, vector_three = best_three(scores.cosines, *shape)
            first = np.minimum(segment.first_rows[here], max(len(lexical.body) - 1, 0))
            has_rows = segment.row_counts[here] > 0
            columns = {
                "chunks": best_three(lexical.chunk, *shape)[1],
                "bodies": best_three(lexical.body, *shape)[1],
                "best_chunk_cover": best_three(lexical.cover, *shape)[0] / total,
                "file_cover": lexical.file_cover[here] / total,
                "file": lexical.file[here],
                "definitions": lexical.definitions[here],
                "path": lexical.path[here],
                "head": np.where(has_rows, lexical.body[first] if len(lexical.body) else 0.0, 0.0),
                "vector_best": vector_best,
                "vector_three": vector_three,
                "vector_names": _file_cosines(query, segment, "name", here),
                "vector_path": _file_cosines(query, segment, "path", here),
                "size": np.log1p(segment.file_column("size")[here].astype(np.float64)),
                **names,
            }
            blocks.append(feature_matrix(columns))
        return np.concatenate(blocks), defined

    def _embedder(self) -> Embedder:
        if self._embedder_name not in self._embedders:
            self._embedders[self._embedder_name] = embedder_for(self._embedder_name)
        return self._embedders[self._embedder_name]

    def _check_embedder(self) -> None:
        if not self._fingerprint:  # nothing is committed yet
            return
        wanted = self._embedder().fingerprint
        if wanted != self._fingerprint:
            raise FingerprintMismatch(self._collection.name, "the embedder", self._fingerprint, wanted)

    def _current(self) -> View:
        identity = self._collection.identity()
        if identity != self._identity:
            self.clear()
            self._identity = identity
        if self._newest in self._views and not self._collection.has_version(self._newest + 1):
            return self._views[self._newest]
        return self._open(None)

    def _view(self, version: int) -> View:
        return self._views[version] if version in self._views else self._open(version)

    def _open(self, version: int | None) -> View:
        for attempt in range(OPEN_ATTEMPTS):
            try:
                manifest = self._collection.latest() if version is None else self._collection.manifest(version)
                view = View(manifest, self._open_segments(manifest))
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


def _file_cosines(query: QueryVector, segment: Segment, of: str, files: NDArray[np.int64]) -> NDArray[np.float64]:
    all_codes, all_scales = segment.file_vectors(of)
    codes, scales = all_codes[files], all_scales[files]
    codes.flags.writeable = scales.flags.writeable = False  # as mapped ones are: else a kernel is compiled anew
    similarities = np.zeros(len(files), np.float64)
    cosines(query, codes, scales, similarities)
    return similarities


def _describe(segment: Segment, row: int) -> Description:
    chunks = segment.chunks
    return Description(
        start_line=int(segment.chunk_column("start_line")[row]),
        end_line=int(segment.chunk_column("end_line")[row]),
        kind=chunks.column("kind")[row].as_py(),
        symbol=chunks.column("symbol")[row].as_py(),
        scope=chunks.column("scope")[row].as_py(),
        text=segment.text(row),
    )


def _best_rows(
    view: View,
    scored: Sequence[_PartScores],
    defined: Sequence[NDArray[np.float64]],
    files: NDArray[np.int64],
    count: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """The chunks of each file that may be hits: rows of the view, their lexical scores, cosines and matches of their
    definitions, and the offsets of each file's chunks."""
    rows: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    counts: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
    columns: list[NDArray[np.float64]] = [np.empty((3, 0), np.float64)]
    for part, scores, matches in zip(view.parts, scored, defined, strict=True):
        here = part.ordinals(files)
        evidence = np.stack([scores.lexical.chunk, scores.cosines, matches])
        chosen, found = best_rows_of_files(
            evidence, scores.eligible, here, part.segment.first_rows, part.segment.row_counts, count
        )
        rows.append(chosen + part.first_row)
        counts.append(found)
        columns.append(evidence[:, chosen])
    lexical, vector, definition = np.concatenate(columns, axis=1)
    return np.concatenate(rows), lexical, vector, definition, np.cumsum(np.concatenate(counts))


def _cosine_sums(view: View, scored: Sequence[_PartScores]) -> tuple[int, int, int]:
    """Live rows, sum of their cosines, sum of the squares: whole numbers (see `Candidates.cosine_sums`)."""
    count = total = squares = 0
    for part, scores in zip(view.parts, scored, strict=True):
        units = np.rint(scores.cosines[part.alive_rows] / COSINE_UNIT).astype(np.int64)
        count += len(units)
        total += int(units.sum())
        squares += int((units * units).sum())
    return count, total, squares
