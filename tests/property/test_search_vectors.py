"""Similarities by integer kernels agree with plain ones: exact by codes, estimated by counted sign bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from raycontext.embed.vectors import QuantizedVectors, quantize
from raycontext.search.query import COSINE_UNIT
from raycontext.search.signals.vector import (
    QueryVector,
    all_cosines,
    cosine_sums,
    cosines,
    cosines_by_file,
    estimates_by_file,
)

from ..unit.search.segments import three_best

dimensions = st.sampled_from((64, 128, 256))
files_of_rows = st.lists(st.lists(st.sampled_from(("random", "near", "opposite", "zero")), max_size=5), max_size=6)
seeds = st.integers(0, 2**32)
limits = st.sampled_from((0.0, 0.3, 0.6))
quickly = settings(deadline=None)


class Segment:
    """Vectors of some files' rows as a segment holds them, and a query."""

    def __init__(self, files: list[list[str]], dimension: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        query = unit(random.normal(size=dimension))
        kinds = [kind for of_file in files for kind in of_file]
        self.vectors = np.zeros((len(kinds), dimension), np.float32)
        for row, kind in enumerate(kinds):
            noise = unit(random.normal(size=dimension))
            towards = {"random": noise, "near": query + noise, "opposite": noise - query}
            self.vectors[row] = unit(towards[kind]) if kind != "zero" else 0.0
        self.query_vector = query.astype(np.float32)
        self.query = QueryVector(self.query_vector)
        quantized = quantize(self.vectors)
        codes, scales, signs = quantized.codes, quantized.scales, quantized.signs
        self.quantized = QuantizedVectors(read_only(codes), read_only(scales), read_only(signs))
        counts = np.array([len(of_file) for of_file in files], np.uint32)
        self.row_counts = read_only(counts)
        self.first_rows = read_only(np.cumsum([0, *counts], dtype=np.uint32)[:-1])
        self.eligible = random.random(len(kinds)) < 0.8

    def rows(self, file: int) -> range:
        return range(self.first_rows[file], self.first_rows[file] + self.row_counts[file])

    def cosine(self, row: int) -> float:
        """In float64, of the vectors that the codes stand for."""
        codes, scales = self.quantized.codes.astype(np.float64), self.quantized.scales.astype(np.float64)
        return float(np.dot(codes[row] * scales[row], self.query.codes.astype(np.float64) * self.query.scale))

    def estimate(self, row: int) -> float:
        if not self.vectors[row].any():
            return 0.0
        different = sum((a >= 0) != (b >= 0) for a, b in zip(self.vectors[row], self.query_vector, strict=True))
        return math.cos(math.pi * different / len(self.query_vector))


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / np.linalg.norm(vector)


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """As all columns of a segment are."""
    array.flags.writeable = False
    return array


def assert_best_of_files(
    segment: Segment, similarity: Callable[[int], float], least: float, three: NDArray[np.float64]
) -> None:
    """Of each file the best three of what its eligible rows have, if the best is at least `least`."""
    assert len(three) == len(segment.row_counts)
    for file in range(len(three)):
        similar = [similarity(row) for row in segment.rows(file) if segment.eligible[row]]
        expected = three_best(similar) if max([0.0, *similar]) >= least else 0.0
        assert math.isclose(three[file], expected, rel_tol=1e-9, abs_tol=1e-12)


@quickly
@given(files=files_of_rows, dimension=dimensions, seed=seeds)
def test_cosines_are_those_of_the_dequantised_vectors(files: list[list[str]], dimension: int, seed: int) -> None:
    segment = Segment(files, dimension, seed)
    codes, scales = segment.quantized.codes, segment.quantized.scales
    expected = [segment.cosine(row) for row in range(len(codes))]
    np.testing.assert_allclose(all_cosines(segment.query, codes, scales), expected, rtol=1e-9, atol=1e-12)
    some = np.flatnonzero(segment.eligible)[::-1]
    assert cosines(segment.query, codes, scales, some).tolist() == [
        all_cosines(segment.query, codes, scales)[row] for row in some
    ]


@quickly
@given(files=files_of_rows, dimension=dimensions, seed=seeds)
def test_quantising_moves_a_cosine_by_no_more_than_half_a_code_a_component(
    files: list[list[str]], dimension: int, seed: int
) -> None:
    segment = Segment(files, dimension, seed)
    found = all_cosines(segment.query, segment.quantized.codes, segment.quantized.scales)
    true = segment.vectors.astype(np.float64) @ segment.query_vector.astype(np.float64)
    half = math.sqrt(dimension) / 2
    of_rows, of_query = segment.quantized.scales * half, segment.query.scale * half
    assert np.all(np.abs(found - true) <= of_rows + of_query + of_rows * of_query + 1e-6)


@quickly
@given(files=files_of_rows, dimension=dimensions, seed=seeds, least=limits)
def test_files_are_compared_by_their_eligible_rows(
    files: list[list[str]], dimension: int, seed: int, least: float
) -> None:
    segment = Segment(files, dimension, seed)
    shape = segment.eligible, segment.first_rows, segment.row_counts, least
    three = cosines_by_file(segment.query, segment.quantized.codes, segment.quantized.scales, *shape)
    assert_best_of_files(segment, segment.cosine, least, three)


@quickly
@given(files=files_of_rows, dimension=dimensions, seed=seeds, least=limits)
def test_estimates_are_the_angle_by_signs_that_differ(
    files: list[list[str]], dimension: int, seed: int, least: float
) -> None:
    segment = Segment(files, dimension, seed)
    shape = segment.eligible, segment.first_rows, segment.row_counts, least
    three = estimates_by_file(segment.query, segment.quantized.signs, segment.quantized.scales, *shape)
    assert_best_of_files(segment, segment.estimate, least, three)


@quickly
@given(files=files_of_rows, dimension=dimensions, seed=seeds)
def test_query_without_a_known_word_is_like_nothing(files: list[list[str]], dimension: int, seed: int) -> None:
    segment = Segment(files, dimension, seed)
    query = QueryVector(np.zeros(dimension, np.float32))
    codes, scales, signs = segment.quantized.codes, segment.quantized.scales, segment.quantized.signs
    shape = segment.eligible, segment.first_rows, segment.row_counts, 0.0
    assert not all_cosines(query, codes, scales).any()
    assert not np.any(cosines_by_file(query, codes, scales, *shape))
    assert not np.any(estimates_by_file(query, signs, scales, *shape))


@quickly
@given(files=files_of_rows, dimension=dimensions, seed=seeds, shards=st.integers(1, 4))
def test_sums_of_cosines_are_the_same_however_files_are_spread(
    files: list[list[str]], dimension: int, seed: int, shards: int
) -> None:
    segment = Segment(files, dimension, seed)
    shard_of_file = np.random.default_rng(seed).integers(0, shards, len(files))

    def sums(sampled: NDArray[np.int64]) -> tuple[int, int, int]:
        columns = segment.quantized.codes, segment.quantized.scales
        return cosine_sums(segment.query, *columns, sampled, segment.first_rows, segment.row_counts, COSINE_UNIT)

    whole = sums(np.arange(len(files)))
    parts = [sums(np.flatnonzero(shard_of_file == shard)) for shard in range(shards)]
    assert tuple(map(sum, zip(*parts, strict=True))) == whole
    units = [round(segment.cosine(row) / COSINE_UNIT) for row in range(len(segment.vectors))]
    assert whole[0] == len(units)
    assert abs(whole[1] - sum(units)) <= len(units)  # a cosine may lie half way between two units
    assert math.isclose(whole[2], sum(value * value for value in units), rel_tol=1e-4, abs_tol=len(units))
