"""Search in one shard: it maps the segments of a version and answers the steps of a query."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from raycontext.embed.registry import embedder_for
from raycontext.embed.remote.providers import RemoteEmbedder
from raycontext.errors import (
    CorruptArrays,
    CorruptSegment,
    DeadlineExceeded,
    FingerprintMismatch,
    RaycontextError,
    StaleVersion,
)
from raycontext.models.hits import Hits, Searched
from raycontext.retrying import Retries
from raycontext.search.part_search import (
    description_of,
    gathered,
    part_evidence,
    part_proposals,
    with_matching_names,
)
from raycontext.search.prepared_query import FoundTerms, PreparedQuery
from raycontext.search.query import PROPOSERS, Candidates, Description, SearchRequest, Statistics
from raycontext.search.query_terms import SearchTerms, search_terms
from raycontext.search.ranking.likely import with_likely_hits
from raycontext.search.ranking.merge import RankedChunk, finish, hits_of
from raycontext.search.ranking.proposals import propose
from raycontext.search.ranking.ranker import ranker_of
from raycontext.search.related import (
    RelatedCandidates,
    RelatedRequest,
    Seed,
    related_candidates,
    related_terms,
    seed_at,
)
from raycontext.search.rows.view import View
from raycontext.search.rows.whole_segments import WholeSegments, notes_on_missing
from raycontext.search.signals.lexical import Bm25f
from raycontext.search.signals.vector import QueryVector
from raycontext.store.collection import Collection, CollectionIdentity
from raycontext.store.commits import open_history
from raycontext.store.segments.segment import path_hash

__all__ = ["ShardSearch"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Item = TypeVar("Item")

THREADED_ROWS = 100_000
"""Number of live chunks of a collection from which several threads search the parts of a shard."""

THREADS = min(2, os.cpu_count() or 1)
"""Number of threads that search the parts of a shard."""

KEPT_VERSIONS = 2
"""Number of views that stay open, so that a query that began before a commit can end on its version."""

KEPT_QUERIES = 32
"""Number of queries whose terms stay looked up between their two steps."""

OPEN_ATTEMPTS = 5
"""Number of tries to open the newest version while garbage collection removes files of older ones."""


def _reloading(
    method: Callable[Concatenate[ShardSearch, Parameters], Result],
) -> Callable[Concatenate[ShardSearch, Parameters], Result]:
    """Return the method with a missing or damaged file turned into `StaleVersion`.

    A file is missing when garbage collection has removed the version of a query. The shard drops its views, and the
    caller begins the query anew. The same happens where a segment turns out to be damaged: it is left out then.
    """

    @functools.wraps(method)
    def step(self: ShardSearch, /, *arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        try:
            return method(self, *arguments, **options)
        except FileNotFoundError as error:
            version = self.newest
            self.clear()
            raise StaleVersion(self.name, version) from error
        except (CorruptSegment, CorruptArrays) as error:  # some columns are checked where they are read
            raise self._without_damaged(error) from error

    return step


class ShardSearch:
    """Search in one shard of a collection. It notices new versions by itself.

    Rows are numbered through a version's view. All methods raise `UnknownCollection` where the collection is gone.
    Methods that take a request raise `DeadlineExceeded` where its deadline has passed.
    """

    def __init__(self, collection: Collection, shard: int) -> None:
        self._collection = collection
        self._shard = shard
        self._parameters = Bm25f()
        self._views: dict[int, View] = {}
        self._newest = -1
        self._identity: CollectionIdentity | None = None
        self._terms: dict[tuple[int, str], FoundTerms] = {}  # of queries between their steps, by version and text
        self._threads: ThreadPoolExecutor | None = None
        self._whole = WholeSegments(collection, shard)

    @property
    def name(self) -> str:
        """Name of the collection."""
        return self._collection.name

    @property
    def newest(self) -> int:
        """Newest version that is open; 0 where none is."""
        return max(self._newest, 0)

    def refresh(self, version: int | None = None) -> int:
        """Open `version`, or the newest version there is, and return its number. Raises `StaleVersion`."""
        return (self._current() if version is None else self._view(version)).version

    def shape(self) -> tuple[int, str, str]:
        """Return the number of shards of the newest version, the name of its embedder, and the collection's id.

        The name is "" before the first commit.
        """
        view = self._current()
        return view.num_shards, view.embedder, (self._identity or self._collection.identity()).id

    def clear(self) -> None:
        """Close all views, so that their segments are no longer mapped."""
        self._views.clear()
        self._terms.clear()
        self._newest = -1
        self._identity = None

    @_reloading
    def statistics(self, request: SearchRequest, version: int | None = None) -> Statistics:
        """Return the shard's share of the statistics of a query, at `version` or the newest version.

        Raises `StaleVersion` where the version is gone, and `FingerprintMismatch` where its vectors are of another
        embedder than the installed one.
        """
        self._check_deadline(request)
        found = self._found(search_terms(request.text), version, compared=not request.words_only)
        self._terms[found.view.version, request.text] = found
        for old in list(self._terms)[:-KEPT_QUERIES]:
            del self._terms[old]
        return found.statistics()

    @_reloading
    def candidates(self, request: SearchRequest, statistics: Statistics) -> Candidates:
        """Return the shard's best files with raw features, and their best chunks, with the texts of the likeliest hits.

        `statistics` are those of the whole collection, at the version to search. Raises `StaleVersion` or
        `FingerprintMismatch`, like `statistics`.
        """
        self._check_deadline(request)
        version = statistics.version
        terms = self._terms.pop((version, request.text), None)
        found = terms or FoundTerms.find(self._view(version), search_terms(request.text))
        candidates = self._candidates(self._prepared(request, found, statistics))
        if not request.hits:
            return candidates
        describe = functools.partial(self._described, version, query=request.text)
        return with_likely_hits(candidates, request, statistics.num_shards, describe)

    @_reloading
    def describe(self, version: int, chunks: Sequence[RankedChunk], query: str = "") -> list[Description]:
        """Return what hits show of the given chunks of a version. Raises `StaleVersion` where the version is gone.

        query: text that the chunks answer; what matches it best is shown first. "" for chunks that answer none.
        """
        return self._described(version, chunks, query)

    def _described(self, version: int, chunks: Sequence[RankedChunk], query: str) -> list[Description]:
        view = self._view(version)
        source = (self._identity or self._collection.identity()).source
        described = [
            description_of(
                source,
                view.chunk_bytes,
                *view.locate_row(chunk.row),
                [view.locate_row(further.row) for further in chunk.more],
                query,
            )
            for chunk in chunks
        ]
        return with_matching_names(described, query)

    def path(self, version: int, file: int) -> str:
        """Return the path of a file by its number in `Candidates.files`."""
        view = self._view(version)
        part, ordinal = view.locate_file(file)
        return view.parts[part].segment.path(ordinal)

    @_reloading
    def lines(self, version: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the first and the last line of rows of a version, [2, n]. Raises `StaleVersion` where it is gone."""
        view = self._view(version)
        found = np.empty((2, len(rows)), np.int64)
        owners = np.searchsorted([part.first_row for part in view.parts], rows, side="right") - 1
        for number in np.unique(owners).tolist():
            part, mine = view.parts[number], owners == number
            for line, name in enumerate(("start_line", "end_line")):
                found[line, mine] = part.segment.chunk_column(name)[rows[mine] - part.first_row]
        return found

    @_reloading
    def search(self, request: SearchRequest, limit: int, min_score: float) -> Hits:
        """Answer a whole query of a collection with a single shard: one call instead of three.

        Return at most `limit` hits of at least `min_score`, best first. Raises `StaleVersion` where the collection has
        more shards by now, and `FingerprintMismatch` like `statistics`.
        """
        self._check_deadline(request)
        found = FoundTerms.find(self._current(), search_terms(request.text))
        statistics = found.statistics()
        if statistics.num_shards != 1:
            raise StaleVersion(self._collection.name, statistics.version)
        candidates = self._candidates(self._prepared(request, found, statistics))
        ranked = finish(ranker_of(request.weights), request, [candidates], limit, min_score)
        described = self.describe(statistics.version, ranked, request.text)
        searched = Searched(collection=self._collection.name, version=statistics.version)
        notes = notes_on_missing(self._collection.name, statistics.missing_files)
        return Hits(hits_of(self._collection.name, ranked, described), notes=notes, searched=[searched])

    @_reloading
    def look(self, work: Callable[[View], Result], version: int | None = None) -> tuple[int, Result]:
        """Return the version that was looked at and what `work` finds there. Raises `StaleVersion`.

        `version` is the version to look at; None stands for the newest.
        """
        view = self._current() if version is None else self._view(version)
        return view.version, work(view)

    @_reloading
    def seed(self, path: str, line: int) -> Seed | None:
        """Return the chunk at a line of a file in the newest version; None where this shard has no such file."""
        return seed_at(self._current(), path, path_hash(path), line)

    @_reloading
    def related_statistics(self, request: RelatedRequest, version: int | None = None) -> Statistics:
        """Return the shard's share of the statistics of the terms of a seed. Raises the errors of `statistics`."""
        self._check_deadline(request)
        return self._found(related_terms(request.seed.text), version).statistics()

    @_reloading
    def related_candidates(self, request: RelatedRequest, statistics: Statistics) -> RelatedCandidates:
        """Return the rows of this shard that are most similar to the seed.

        `statistics` are those of the whole collection, at the version to search. Raises `StaleVersion` where it is
        gone, or another embedder has rebuilt the collection.
        """
        self._check_deadline(request)
        view = self._view(statistics.version)
        if view.fingerprint != request.seed.fingerprint:  # another embedder has rebuilt the collection
            raise StaleVersion(self._collection.name, request.seed.version)
        found = FoundTerms.find(view, related_terms(request.seed.text))
        return related_candidates(self._shard, request, found, statistics, self._parameters)

    def _found(self, terms: SearchTerms, version: int | None, *, compared: bool = False) -> FoundTerms:
        """Return the terms with their postings, at `version` or the newest version."""
        view = self._current() if version is None else self._view(version)
        if compared:
            self._check_embedder(view)
        return FoundTerms.find(view, terms)

    def _prepared(self, request: SearchRequest, found: FoundTerms, statistics: Statistics) -> PreparedQuery:
        """Return the query with its vector and its weights."""
        vector = self._vector(found.view, request)
        return PreparedQuery.prepare(request, found, statistics, vector, self._parameters)

    def _candidates(self, query: PreparedQuery) -> Candidates:
        """Return the candidates of all parts of the view."""
        view, parts, rows = query.view, query.parts(), query.statistics.rows
        found_files = self._in_threads(part_proposals, parts, rows)
        proposals = np.concatenate([np.empty((len(PROPOSERS), 0), np.float64), *found_files], axis=1)
        files = propose(proposals, view.order, query.request.files)
        found = self._in_threads(lambda part: part_evidence(part, files), parts, rows)
        return gathered(self._shard, query, files, proposals, found)

    def _in_threads(self, work: Callable[[Item], Result], items: Sequence[Item], rows: int) -> list[Result]:
        """Apply `work` to each item and return the results in order.

        Threads do the work where the collection has at least `THREADED_ROWS` rows; `rows` is their number.
        """
        if rows < THREADED_ROWS or len(items) == 1:
            return [work(item) for item in items]
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="raycontext-search")
        return list(self._threads.map(work, items))

    def _check_deadline(self, request: SearchRequest | RelatedRequest) -> None:
        """Raise `DeadlineExceeded` if the deadline of the request has passed.

        A caller that stops waiting cancels nothing, so a step that comes too late must not begin.
        """
        if time.time() > request.deadline:
            raise DeadlineExceeded(self._collection.name)

    def _check_embedder(self, view: View) -> None:
        """Raise `FingerprintMismatch` if the installed embedder cannot be compared with the vectors of a version."""
        if view.fingerprint:  # else nothing is committed yet
            current = embedder_for(view.embedder).fingerprint
            if current != view.fingerprint:
                raise FingerprintMismatch(self._collection.name, "the embedder", view.fingerprint, current)

    def _vector(self, view: View, request: SearchRequest) -> QueryVector:
        """Return the vector of the query's text. A server's vector comes with the request.

        Raises `FingerprintMismatch`, and `StaleVersion` where the vector of the request is of another embedder.
        """
        if request.words_only:
            return QueryVector(np.zeros(0, np.float32))
        self._check_embedder(view)
        if not view.fingerprint:
            return QueryVector(np.zeros(0, np.float32))
        embedder = embedder_for(view.embedder)
        if not isinstance(embedder, RemoteEmbedder):
            return QueryVector(embedder.embed_query(request.text))
        if (
            request.vector is None or request.vector[0] != view.fingerprint
        ):  # another embedder has rebuilt the collection
            raise StaleVersion(self._collection.name, view.version)
        return QueryVector(request.vector[1])

    def _current(self) -> View:
        """Return the view of the newest version. Close all views first if the collection was made anew."""
        identity = self._collection.identity()
        if identity != self._identity:
            self.clear()
            self._identity = identity
        # If our version is gone, the next ones may be gone as well: then only a listing finds the newest one.
        if (
            self._newest in self._views
            and self._collection.has_version(self._newest)
            and not self._collection.has_version(self._newest + 1)
        ):
            return self._views[self._newest]
        return self._open(None)

    def _view(self, version: int) -> View:
        """Return the view of a version, opened where it is not open yet."""
        return self._views[version] if version in self._views else self._open(version)

    def _open(self, version: int | None) -> View:
        """Open a version, or the newest there is, and close the oldest views.

        Raises `StaleVersion` where it is gone.
        """
        retries = Retries((FileNotFoundError,), attempts=OPEN_ATTEMPTS if version is None else 1)
        try:
            view = retries.run_blocking(lambda: self._read_view(version))
        except FileNotFoundError:
            raise StaleVersion(self._collection.name, version or 0) from None
        self._views[view.version] = view
        self._newest = max(self._newest, view.version)
        for old in sorted(self._views)[:-KEPT_VERSIONS]:
            del self._views[old]
        self._terms = {key: found for key, found in self._terms.items() if key[0] in self._views}
        return view

    def _read_view(self, version: int | None) -> View:
        """Read a manifest and open its segments. Raises `FileNotFoundError` where a file is gone."""
        manifest = self._collection.latest() if version is None else self._collection.manifest(version)
        if manifest is None or self._shard >= len(manifest.shards):
            return View(manifest, [])
        opened = {part.segment.reference.name: part.segment for view in self._views.values() for part in view.parts}
        segments, first_rows, missing = self._whole.open(manifest, opened)
        history = functools.partial(open_history, self._collection, manifest.history)
        return View(manifest, segments, first_rows, missing, lambda: self._collection.skipped(manifest), history)

    def _without_damaged(self, error: CorruptSegment | CorruptArrays) -> RaycontextError:
        """Leave out the segments that are damaged, and return the error to raise: `StaleVersion` where another try
        answers without them, else `CorruptSegment`."""
        parts = [part for view in self._views.values() for part in view.parts]
        several = any(view.num_shards > 1 for view in self._views.values())
        left_out = self._whole.leave_out(error, {part.segment.reference.name: part.segment for part in parts}.values())
        is_whole = several or any(not self._whole.is_left_out(part.segment.reference.name) for part in parts)
        version = self.newest
        self.clear()
        if left_out and is_whole:
            return StaleVersion(self.name, version)
        if isinstance(error, CorruptSegment):
            return error
        return CorruptSegment(self.name, f"{self.name}/segments", str(error.problem))
