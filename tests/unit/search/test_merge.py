"""The last step of a query: which chunks of the candidate files answer, in which order, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from raycontext.analyse.path_kinds import PATH_KINDS
from raycontext.models import ChunkKind, SearchFilters
from raycontext.search.query import FEATURES, PROPOSERS, Candidates, Description, SearchRequest
from raycontext.search.ranking.chunk_choice import FLATNESS, LEXICAL, chunk_shares
from raycontext.search.ranking.merge import RankedChunk, finish, hits_of
from raycontext.search.ranking.ranker import CollectionFacts
from raycontext.search.signals.chunk_priors import priors_of_kinds

NAMES = ("words", "meaning", "place")


class GivenRanker:
    """The first features are the contributions, their sum is the score."""

    names = NAMES

    def contributions(
        self, query: str, features: NDArray[np.float64], kinds: NDArray[np.uint16], collection: CollectionFacts
    ) -> NDArray[np.float64]:
        return features[:, : len(NAMES)]

    def scores(self, contributions: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(contributions.sum(axis=1))


@dataclass(frozen=True)
class File:
    """A candidate: its tie breaker, what it contributes, and lexical score, cosine and definition of its chunks."""

    order: int
    contributions: tuple[float, ...]
    chunks: Sequence[tuple[float, float, float]] = ((1.0, 0.0, 0.0),)
    proposed: float = 1.0


def candidates(*files: File, shard: int = 0) -> Candidates:
    """A shard whose chunks are numbered file by file."""
    features = np.zeros((len(files), len(FEATURES)))
    proposals = np.zeros((len(PROPOSERS), len(files)))
    for number, file in enumerate(files):
        features[number, : len(file.contributions)] = file.contributions
        proposals[0, number] = file.proposed
    chunks = np.array([chunk for file in files for chunk in file.chunks], np.float64).reshape(-1, 3)
    return Candidates(
        shard=shard,
        version=1,
        files=np.arange(len(files)),
        order=np.array([file.order for file in files], np.uint64),
        kinds=np.zeros(len(files), np.uint16),
        proposals=proposals,
        quoted=np.zeros(len(files)),
        features=features,
        row_offsets=np.cumsum([0, *(len(file.chunks) for file in files)]),
        rows=np.arange(len(chunks)),
        lexical=chunks[:, 0],
        vector=chunks[:, 1],
        defined=chunks[:, 2],
        priors=np.zeros(len(chunks)),
        kind_counts=np.zeros(1 + len(PATH_KINDS), np.int64),
        cosine_sums=(0, 0, 0),
    )


def ranked(
    *parts: Candidates,
    limit: int = 100,
    min_score: float = 0.0,
    files: int = 100,
    repeat_factor: float = 0.0,
    explain: bool = False,
) -> list[RankedChunk]:
    request = SearchRequest("query", SearchFilters(), files, limit, repeat_factor, explain)
    return finish(GivenRanker(), request, parts, limit, min_score)


def places(chunks: Sequence[RankedChunk]) -> list[tuple[int, int]]:
    """Shard and row of each."""
    return [(chunk.shard, chunk.row) for chunk in chunks]


TWO_CHUNKS = ((1.0, 0.0, 0.0), (3.0, 0.0, 0.0))
THREE_CHUNKS = (*TWO_CHUNKS, (2.0, 0.0, 0.0))
SECOND, THIRD = (math.exp(-FLATNESS * LEXICAL * behind) for behind in (1 / 3, 2 / 3))
"""Scores of the second and third of three chunks, as shares of the best one's."""


def test_files_of_all_shards_are_ranked_together() -> None:
    first = candidates(File(1, (0.3,)), File(2, (0.9,)))
    second = candidates(File(3, (0.5,)), File(4, (0.7,)), shard=1)
    found = ranked(first, second)
    assert places(found) == [(0, 1), (1, 1), (1, 0), (0, 0)]
    assert [chunk.score for chunk in found] == pytest.approx([0.9, 0.7, 0.5, 0.3])


def test_further_hits_of_a_file_fall_behind_by_the_repeat_factor_and_by_their_evidence() -> None:
    found = ranked(candidates(File(1, (0.8,), THREE_CHUNKS), File(2, (0.5,)), File(3, (0.1,))), repeat_factor=0.5)
    assert places(found) == [(0, 1), (0, 3), (0, 2), (0, 0), (0, 4)]
    assert [chunk.score for chunk in found] == pytest.approx([0.8, 0.5, 0.4 * SECOND, 0.2 * THIRD, 0.1])


def test_repeat_factor_of_zero_gives_one_hit_a_file() -> None:
    found = ranked(candidates(File(1, (0.8,), THREE_CHUNKS), File(2, (0.5,), TWO_CHUNKS)))
    assert places(found) == [(0, 1), (0, 4)]


def test_repeat_factor_of_one_ranks_chunks_by_their_evidence_alone() -> None:
    found = ranked(candidates(File(2, (0.8,), THREE_CHUNKS), File(1, (0.5,), TWO_CHUNKS)), repeat_factor=1.0)
    assert places(found) == [(0, 1), (0, 2), (0, 0), (0, 4), (0, 3)]
    assert [chunk.score for chunk in found] == pytest.approx([0.8, 0.8 * SECOND, 0.8 * THIRD, 0.5, 0.5 * THIRD])


@pytest.mark.parametrize("repeat_factor", [0.0, 0.25, 0.9, 1.0])
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 20])
def test_limit_takes_the_first_of_what_there_is(limit: int, repeat_factor: float) -> None:
    shard = candidates(*(File(number, (1.0 / (number + 1),), THREE_CHUNKS) for number in range(5)))
    everything = ranked(shard, repeat_factor=repeat_factor)
    assert len(everything) == (5 if repeat_factor == 0.0 else 15)
    found = ranked(shard, repeat_factor=repeat_factor, limit=limit)
    assert [chunk._replace(more=()) for chunk in found] == [chunk._replace(more=()) for chunk in everything[:limit]]


def test_the_best_hit_of_a_file_names_its_further_places_that_are_no_hits() -> None:
    shard = candidates(File(1, (0.8,), THREE_CHUNKS), File(2, (0.4,)))
    first, second = ranked(shard)
    assert first.more == ((2, pytest.approx(0.8 * SECOND)),)  # the other one is too far behind to be worth a line
    assert second.more == ()
    both = ranked(shard, repeat_factor=1.0, limit=2)
    assert places(both) == [(0, 1), (0, 2)]
    assert [chunk.more for chunk in both] == [(), ()]


def test_a_hit_names_at_most_four_further_places() -> None:
    (found,) = ranked(candidates(File(1, (0.8,), [(1.0, 0.0, 0.0)] * 9)))
    assert [row for row, _ in found.more] == [1, 2, 3, 4]


@pytest.mark.parametrize("repeat_factor", [0.0, 0.25, 0.9])
@pytest.mark.parametrize("min_score", [0.0, 0.2, 0.5, 0.95, 2.0])
def test_minimum_score_holds_for_every_chunk(min_score: float, repeat_factor: float) -> None:
    shard = candidates(*(File(number, (1.0 / (number + 1),), THREE_CHUNKS) for number in range(5)))
    everything = ranked(shard, repeat_factor=repeat_factor)
    found = ranked(shard, repeat_factor=repeat_factor, min_score=min_score)
    assert places(found) == [(chunk.shard, chunk.row) for chunk in everything if chunk.score >= min_score]


def test_explanation_comes_only_if_asked_for() -> None:
    shard = candidates(File(1, (0.1, -0.4, 0.9)))
    assert [chunk.explanation for chunk in ranked(shard)] == [()]
    (found,) = ranked(shard, explain=True)
    assert [(part.feature, part.contribution) for part in found.explanation] == [
        ("place", 0.9),
        ("meaning", -0.4),
        ("words", 0.1),
    ]


def test_explanation_names_what_counted_alone() -> None:
    (found,) = ranked(candidates(File(1, (0.2, 0.0, 0.7))), explain=True)
    assert [part.feature for part in found.explanation] == ["place", "words"]
    assert sum(part.contribution for part in found.explanation) == pytest.approx(found.score)


def test_equal_scores_are_cut_by_the_tie_breaker_whatever_the_shard() -> None:
    files = [File(order, (0.5,)) for order in (5, 2**64 - 1, 3, 2**63, 4)]
    found = ranked(candidates(*files), limit=3)
    assert [chunk.order for chunk in found] == [3, 4, 5]
    spread = ranked(candidates(*files[:2]), candidates(shard=1), candidates(*files[2:], shard=2), limit=3)
    assert [chunk.order for chunk in spread] == [3, 4, 5]


def test_equal_scores_are_shown_by_path_and_within_a_file_as_they_were_ranked() -> None:
    def shown(score: float, path: str, line: int) -> tuple[RankedChunk, Description]:
        return (
            RankedChunk(0, 0, 0, score, 0.0, 0.0, ()),
            Description("/src", path, "", "python", line, line, "block", "", "", "text"),
        )

    pairs = [shown(0.5, "b.py", 3), shown(0.5, "a.py", 20), shown(0.7, "c.py", 1), shown(0.5, "a.py", 4)]
    hits = hits_of("shop", [chunk for chunk, _ in pairs], [description for _, description in pairs])
    assert [(hit.path, hit.start_line) for hit in hits] == [("c.py", 1), ("a.py", 20), ("a.py", 4), ("b.py", 3)]


@pytest.mark.parametrize("limit", [1, 2])
def test_file_without_an_eligible_chunk_never_answers(limit: int) -> None:
    shard = candidates(File(1, (0.9,), chunks=()), File(2, (0.5,)), File(3, (0.8,), chunks=()), File(4, (0.4,)))
    assert [chunk.order for chunk in ranked(shard, limit=limit)] == [2, 4][:limit]


def test_only_what_one_shard_would_have_proposed_is_ranked() -> None:
    first = candidates(File(1, (0.9,), proposed=1.0), File(2, (0.2,), proposed=3.0))
    second = candidates(File(3, (0.1,), proposed=2.0), File(4, (0.8,), proposed=0.5), shard=1)
    assert [chunk.order for chunk in ranked(first, second, files=2)] == [2, 3]


def test_best_chunk_of_a_file_is_that_of_most_evidence() -> None:
    chunks = ((2.0, 0.9, 0.0), (4.0, 0.0, 0.0), (1.0, 0.0, 1.0), (4.0, -0.5, 0.0), (0.0, 0.0, 0.0))
    found = ranked(candidates(File(1, (0.8,), chunks)), repeat_factor=0.9)
    # 0.5 / 2 + 0.2 * 0.9; 0.5; 0.5 / 4 + 0.6; 0.5 again, a cosine below zero counts as zero; nothing
    assert [chunk.row for chunk in found] == [2, 1, 3, 0, 4]
    assert (found[0].lexical, found[3].vector) == (1.0, 0.9)


def test_nothing_proposed_is_no_answer() -> None:
    assert ranked(candidates(), candidates(shard=1)) == []


def test_of_chunks_with_the_same_words_definitions_are_chosen_before_blocks_and_test_code() -> None:
    kinds = ChunkKind.BLOCK, ChunkKind.TEST, ChunkKind.METHOD, ChunkKind.CONSTANT
    rows = np.arange(len(kinds))
    column = pa.chunked_array([pa.array(list(kinds)).dictionary_encode()])
    shares = chunk_shares([1.0] * 4, [0.0] * 4, [0.0] * 4, priors_of_kinds(column, rows).tolist(), (0.0, 0.0))
    assert sorted(rows.tolist(), key=lambda row: -shares[row]) == [2, 3, 1, 0]
    assert shares[2] == 1.0
