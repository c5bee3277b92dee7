"""Lexical scores of compiled kernels over segments agree with BM25F computed from the texts, on any tree."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raycontext.search.query import Statistics
from raycontext.search.query_terms import search_terms
from raycontext.search.rows.view import View
from raycontext.search.signals.evidence import RowsOfFiles, best_three, lexical_evidence
from raycontext.search.signals.lexical import Bm25f, lexical_proposals, proposing
from raycontext.store.segments.segment import Segment

from ..unit.search.segments import NaiveIndex, three_best, write_segments

WORDS = ("card", "charge", "ledger", "Booking", "running", "runs", "payment", "x2")

words = st.sampled_from(WORDS)
names = st.one_of(words, st.builds("{}_{}".format, words, words), st.builds("{}{}".format, words, words))
functions = st.builds(
    "def {}({}):\n    return {}\n\n\n".format, names, words, st.lists(names, min_size=1, max_size=6).map(" + ".join)
)
sources = st.lists(functions, max_size=4).map("".join)
paths = st.one_of(names.map("{}.py".format), st.builds("{}/{}.py".format, words, names), names.map("{}.md".format))
batches = st.lists(st.dictionaries(paths, sources, min_size=1, max_size=4), min_size=1, max_size=3)
queries = st.lists(st.one_of(names, st.just("zebra"), st.just("where is")), min_size=1, max_size=4).map(" ".join)

small_trees = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Asked:
    """A query of some segments, as a shard prepares it, and the same segments for the plain computation."""

    def __init__(self, segments: list[Segment], query: str) -> None:
        self.view, self.naive = View(None, segments), NaiveIndex(segments)
        self.terms = search_terms(query)
        self.slices = self.view.slices(self.terms.terms)
        statistics = self.view.statistics(self.slices, len(self.terms.terms))
        parameters = Bm25f()
        self.normalisation = parameters.normalisation(statistics)
        inverse = parameters.inverse_document_frequencies(statistics)
        self.weights = self.terms.weighted(inverse, statistics.document_frequencies)


@small_trees
@given(files=batches, removed=st.sets(paths, max_size=2), query=queries)
def test_statistics_count_the_live_chunks(files: list[dict[str, str]], removed: set[str], query: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        segments = write_segments(Path(folder), files, removed)
        view, naive = View(None, segments), NaiveIndex(segments)
        terms = search_terms(query).terms
        statistics = view.statistics(view.slices(terms), len(terms))
    assert (statistics.files, statistics.rows) == (len(naive.files), len(naive.chunks))
    assert statistics.body_length == naive.body_length
    assert statistics.symbol_length == naive.symbol_length
    assert statistics.path_length == naive.path_length
    assert statistics.field_frequencies.T.tolist() == [naive.field_frequencies(term) for term in terms.tolist()]


@small_trees
@given(files=batches, removed=st.sets(paths, max_size=2), query=queries, choice=st.randoms(use_true_random=False))
def test_proposals_are_bm25f_of_the_eligible_chunks(
    files: list[dict[str, str]], removed: set[str], query: str, choice: Random
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asked = Asked(write_segments(Path(folder), files, removed), query)
        naive, terms, weights = asked.naive, asked.terms, asked.weights
        expected_weights = naive.weights(terms)
        assert dict(zip(terms.terms.tolist(), weights, strict=True)) == pytest.approx(expected_weights)
        kept = [choice.random() < 0.8 for _ in weights]  # terms that propose chunks
        of_chunks = {term: weight for (term, weight), keep in zip(expected_weights.items(), kept, strict=True) if keep}
        for part, of_part, live in zip(asked.view.parts, asked.slices, naive.by_segment, strict=True):
            eligible = part.alive_rows & np.array([choice.random() < 0.8 for _ in part.alive_rows], np.bool_)
            found = lexical_proposals(
                asked.normalisation,
                weights,
                np.where(kept, weights, 0.0),
                of_part,
                eligible,
                part.symbol_lengths,
            )
            expected = np.zeros((3, len(part.alive_files)))
            for ordinal, file in live.items():
                chunks = [
                    naive.chunk(file, chunk, of_chunks)
                    for row, chunk in zip(file.rows, file.chunks, strict=True)
                    if eligible[row]
                ]
                if chunks:
                    symbols, path = naive.symbols(file, expected_weights), naive.path(file, expected_weights)
                    expected[:, ordinal] = three_best(chunks), symbols, path
            np.testing.assert_allclose(np.stack(found), expected, rtol=1e-9, atol=1e-12)


@small_trees
@given(files=batches, removed=st.sets(paths, max_size=2), query=queries, choice=st.randoms(use_true_random=False))
def test_evidence_is_bm25f_of_each_chunk_of_the_candidates(
    files: list[dict[str, str]], removed: set[str], query: str, choice: Random
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asked = Asked(write_segments(Path(folder), files, removed), query)
        naive, by_term = asked.naive, asked.naive.weights(asked.terms)
        for part, of_part, live in zip(asked.view.parts, asked.slices, naive.by_segment, strict=True):
            some = [(ordinal, file) for ordinal, file in live.items() if file.chunks and choice.random() < 0.8]
            ordinals = np.array([ordinal for ordinal, _ in some], np.int64)
            chosen = RowsOfFiles.of(ordinals, part.segment.first_rows, part.segment.row_counts)
            assert chosen.rows.tolist() == [row for _, file in some for row in file.rows]
            found = lexical_evidence(asked.normalisation, asked.weights, of_part, chosen)
            expected = [naive.chunk(file, chunk, by_term) for _, file in some for chunk in file.chunks]
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@given(scores=st.lists(st.lists(st.sampled_from((-1.0, 0.0, 0.5, 0.75, 1.0, 3.0)), max_size=6), max_size=5))
@settings(deadline=None)
def test_best_three_are_summed_with_falling_weights(scores: list[list[float]]) -> None:
    offsets = np.cumsum([0, *map(len, scores)])
    best, three = best_three(np.array([score for of_file in scores for score in of_file], np.float64), offsets)
    assert best.tolist() == [max([0.0, *of_file]) for of_file in scores]
    assert three.tolist() == [three_best(of_file) for of_file in scores]


@given(
    terms=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=8),
    limit=st.integers(0, 40),
)
def test_rarest_terms_propose_as_long_as_their_postings_are_few(
    terms: list[tuple[int, int, int, bool]], limit: int
) -> None:
    """A term is the number of its postings in each field, and whether it has a weight."""
    frequencies = np.array([term[:3] for term in terms], np.int64).reshape(-1, 3).T
    weights = np.array([float(number + 1) * term[3] for number, term in enumerate(terms)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("raycontext.search.signals.lexical.PROPOSING_POSTINGS", limit)
        found = proposing(Statistics(1, 1, 9, 9, 1, 1, 1, frequencies), weights)
    weighted = [number for number in range(len(terms)) if weights[number] > 0]
    sizes = {number: sum(terms[number][:3]) for number in weighted}
    kept = {number for number in weighted if found[number] > 0}
    assert np.array_equal(found, [weight if number in kept else 0.0 for number, weight in enumerate(weights)])
    occurring = [number for number in weighted if sizes[number] > 0]
    if sum(sizes.values()) <= limit:
        assert kept == set(weighted)
    if occurring:  # the rarest term that occurs proposes whatever it costs, all others only within the limit
        assert min(sizes[number] for number in occurring) in {sizes[number] for number in kept}
        used = sum(sizes[number] for number in kept)
        assert used <= limit or len(kept & set(occurring)) == 1
        left_out = [sizes[number] for number in occurring if number not in kept]
        assert all(size >= max(sizes[number] for number in kept) for size in left_out)
        assert not left_out or used + min(left_out) > limit
