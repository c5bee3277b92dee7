"""Search of commits: BM25F over message, subject and touched files, and the cosine of the message with the query.

The commits of a collection lie apart from its shards, so the number of shards changes no answer. A score depends on the
commit and on the statistics of all living commits alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from raycontext.discover.commits.log import LoggedCommit
from raycontext.models import CommitHit, SearchFilters
from raycontext.search.prepared_query import FoundTerms
from raycontext.search.query_terms import search_terms
from raycontext.search.rows.filters import admitting
from raycontext.search.rows.view import View
from raycontext.search.signals.lexical import Bm25f, score_rows
from raycontext.search.signals.vector import QueryVector, all_cosines
from raycontext.store.commits import commit_at, parts_of_message, text_embedder

__all__ = ["CommitAnswer", "CommitQuestion"]

WORDS = Bm25f(symbol_weight=1.5, path_weight=0.5)
"""Weights of the fields of a commit: its message, its subject, and the paths of the files that it touched."""
LEXICAL_SHARE = 0.6
"""Share of a score that comes from words. The rest comes from the vector."""
LEAST_COSINE = 0.2
"""Smallest cosine by which a commit without any word of the query is an answer."""

FIRST_BLOCK = 64
"""Number of the best commits whose files are looked at first where paths filter. Each next block is twice as large."""

LATEST = 253_402_300_799
"""Last second of the year 9999, since the epoch. A date of git can be later."""
EARLIEST = -62_135_596_800
"""First second of the year 1, since the epoch."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Time from which git counts seconds."""


class CommitAnswer(NamedTuple):
    """Commits that answer a question, best first, of all that there are."""

    hits: list[CommitHit]
    commits: int
    """Number of commits that were searched."""
    is_whole: bool = True
    """False where the time was over before enough commits were found that the filters admit."""


@dataclass(frozen=True, slots=True)
class CommitQuestion:
    """Question for the commits of a collection. Any shard can answer it."""

    collection: str
    text: str
    filters: SearchFilters
    """Only commits count that touch a file which `paths` and `inside` admit."""
    limit: int
    min_score: float
    deadline: float = math.inf
    """Time at which the search ends, in seconds since the epoch."""

    def until(self, deadline: float) -> CommitQuestion:
        """Return the question with a time at which the search ends."""
        return replace(self, deadline=deadline)

    def answer(self, view: View) -> CommitAnswer:
        """Return the answer at the version of a view. Raises `CorruptSegment` or `FileNotFoundError`."""
        segments = view.history()
        key = "commits:" + ",".join(f"{each.reference.name}-{len(each.reference.tombstones)}" for each in segments)
        commits = view.kept.get(key)
        if not isinstance(commits, View):
            commits = view.kept[key] = View(None, segments)
        rows = sum(part.live_rows for part in commits.parts)
        if not rows:
            return CommitAnswer([], 0)
        with_vectors = all(part.segment.embedder == text_embedder().fingerprint for part in commits.parts)
        hits: list[CommitHit] = []
        try:
            for hit in self._hits(commits, with_vectors=with_vectors):
                hits.append(hit)  # one by one: those before the end of the time are kept
        except TimeoutError:
            return CommitAnswer(hits, rows, is_whole=False)
        return CommitAnswer(hits, rows)

    def _hits(self, commits: View, *, with_vectors: bool) -> Iterator[CommitHit]:
        found = FoundTerms.find(commits, search_terms(self.text))
        statistics = found.statistics()
        weights = found.terms.weighted(WORDS.inverse_document_frequencies(statistics), statistics.document_frequencies)
        normalisation = WORDS.normalisation(statistics)
        most = float(weights.sum()) * (WORDS.k1 + 1.0) or 1.0
        vector = QueryVector(text_embedder().embed_query(self.text)) if with_vectors else None
        scored = []
        for number, (part, slices) in enumerate(zip(commits.parts, found.slices, strict=True)):
            lexical = score_rows(normalisation, weights, slices)
            cosines = all_cosines(vector, *part.segment.vectors) if vector is not None else np.zeros(len(lexical))
            scores = LEXICAL_SHARE * lexical / most + (1.0 - LEXICAL_SHARE) * np.maximum(cosines, 0.0)
            rows = np.flatnonzero(part.alive_rows & ((lexical > 0.0) | (cosines >= LEAST_COSINE)))
            scored.append((np.full(len(rows), number), rows, scores[rows], lexical[rows], cosines[rows]))
        numbers, rows, scores, lexical, cosines = (np.concatenate(each) for each in zip(*scored, strict=True))
        rows_of_parts = [(int(number), int(row)) for number, row in zip(numbers, rows, strict=True)]
        keys = commits.order[rows + np.array([part.first_file for part in commits.parts])[numbers]]
        best = [place for place in np.lexsort((keys, -scores)).tolist() if scores[place] >= self.min_score]
        left = self.limit
        for place in self._admitted(commits, best, rows_of_parts):
            if left == 0:
                return
            left -= 1
            commit = self._commit(commits, rows_of_parts[place])
            yield self._hit(commit, float(scores[place]), float(lexical[place]), float(cosines[place]))

    def _admitted(self, commits: View, best: Sequence[int], rows: Sequence[tuple[int, int]]) -> Iterator[int]:
        """Yield the places of commits that the filters admit, in the order of `best`. Raises `TimeoutError`.

        Texts are compressed in batches of rows: those of a block of commits are read in the order in which they lie.
        """
        if not (self.filters.paths or self.filters.inside):
            yield from best
            return
        admits = admitting(self.filters)
        begin, size = 0, FIRST_BLOCK
        while block := best[begin : begin + size]:
            admitted = {
                place
                for place in sorted(block, key=rows.__getitem__)
                if any(map(admits, self._commit(commits, rows[place]).files))
            }
            yield from (place for place in block if place in admitted)
            begin, size = begin + size, 2 * size

    def _commit(self, commits: View, row: tuple[int, int]) -> LoggedCommit:
        """Return the commit in a row of a part. Raises `TimeoutError` where the time is over."""
        if time.time() > self.deadline:
            raise TimeoutError
        number, place = row
        return commit_at(commits.parts[number].segment, place)

    def _hit(self, commit: LoggedCommit, score: float, lexical: float, vector: float) -> CommitHit:
        subject, body = parts_of_message(commit.message)
        return CommitHit(
            collection=self.collection,
            commit=commit.name,
            date=_date(commit.time),
            subject=subject,
            body=body,
            files=commit.files,
            files_total=commit.touched,
            score=score,
            lexical=lexical,
            vector=vector,
        )


def _date(seconds: int) -> str:
    """Return a time since the epoch in ISO 8601; the nearest one that can be written, of the years 1 to 9999."""
    nearest = min(max(seconds, EARLIEST), LATEST)
    return (EPOCH + timedelta(seconds=nearest)).isoformat(timespec="seconds")
