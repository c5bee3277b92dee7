"""What shards propose and the merge chooses among is what one shard that held everything would have proposed."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from raycontext.search.ranking.proposals import best_by_score, propose

COLUMNS = 3

few_values = st.sampled_from((0.5, 0.25, 1.0, 0.0, -0.5))
rows = st.tuples(*([few_values] * COLUMNS))
files_of_shards = st.tuples(rows, st.integers(0, 3))  # scores of a file, and its shard
scored = st.lists(files_of_shards, max_size=6) | st.lists(files_of_shards, min_size=6, max_size=40)
tied = [((0.25,) * COLUMNS, 0), ((0.5,) * COLUMNS, 0), ((0.25,) * COLUMNS, 1)]


def orders(count: int, seed: int) -> NDArray[np.uint64]:
    """One tie breaker for each file, all different, half of them beyond the range of signed integers."""
    step = np.uint64(2**64 // 41)  # there are at most 40
    return np.random.default_rng(seed).permutation(40)[:count].astype(np.uint64) * step


@settings(max_examples=300)
@given(files=scored, count=st.integers(1, 6), seed=st.integers(0, 2**32))
@example(files=tied, count=2, seed=0)
def test_best_of_the_shards_is_the_best_of_all(
    files: list[tuple[tuple[float, ...], int]], count: int, seed: int
) -> None:
    scores = np.array([row for row, _ in files], np.float64).reshape(-1, COLUMNS)
    shards = np.array([shard for _, shard in files], np.int64)
    order = orders(len(files), seed)
    proposed = []
    for shard in range(4):
        members = np.flatnonzero(shards == shard)
        proposed.append(members[propose(scores[members].T, order[members], count)])
    union = np.concatenate(proposed)
    merged = union[propose(scores[union].T, order[union], count)]
    assert sorted(merged.tolist()) == propose(scores.T, order, count).tolist()


@settings(max_examples=300)
@given(files=scored, count=st.integers(1, 6), seed=st.integers(0, 2**32))
@example(files=tied, count=2, seed=0)
def test_equal_scores_are_taken_in_the_order_of_the_tie_breaker(
    files: list[tuple[tuple[float, ...], int]], count: int, seed: int
) -> None:
    scores = np.array([row[0] for row, _ in files], np.float64)
    order = orders(len(files), seed)
    ranked = sorted(range(len(files)), key=lambda file: (-scores[file], order[file]))
    expected = [file for file in ranked if scores[file] > 0][:count]
    assert sorted(best_by_score(scores, order, count).tolist()) == sorted(expected)
