"""Calls of `lexical.c`: BM25F over the postings of one segment."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.kernel.arguments import BOOL, FLOAT64, INT64, UINT8, UINT32, checked
from raycontext.kernel.library import ffi, kernels

__all__ = ["FieldArrays", "PointedSlices", "count_rows", "propose_files", "score_chosen", "score_rows"]


class FieldArrays(NamedTuple):
    """Postings of a query's terms in one field of one segment. Term t has those from `starts[t]` to `ends[t]`."""

    starts: NDArray[np.int64]  # [terms]
    ends: NDArray[np.int64]  # [terms]; equal to the start where the term does not occur
    rows: NDArray[np.uint32]
    frequencies: NDArray[np.uint8]
    lengths: NDArray[np.uint32]


class PointedSlices:
    """Postings of a query's terms in all fields of one segment, checked once for all kernels.

    The arrays must not change while this object lives. Raises `CorruptArrays` where their types or sizes contradict
    each other.
    """

    def __init__(
        self,
        fields: tuple[FieldArrays, FieldArrays, FieldArrays],
        row_files: NDArray[np.uint32],
        first_rows: NDArray[np.uint32],
        row_counts: NDArray[np.uint32],
    ) -> None:
        self.terms, self.rows, self.files = fields[0].starts.size, row_files.size, first_rows.size
        self._kept: list[Any] = []  # pointers, which keep the memory alive
        self.pointer = ffi.new("term_slices *")
        pointer = self.pointer
        for field, arrays in zip((pointer.body, pointer.symbol, pointer.path), fields, strict=True):
            self._point(field, arrays)
        pointer.row_files = self._keep(UINT32.read(row_files, self.rows, "files of rows"))
        pointer.first_rows = self._keep(UINT32.read(first_rows, self.files, "first rows of files"))
        pointer.row_counts = self._keep(UINT32.read(row_counts, self.files, "numbers of rows of files"))
        pointer.terms, pointer.rows, pointer.files = self.terms, self.rows, self.files
        checked(kernels().check_slices(pointer), "postings of a query's terms")

    def _point(self, field: Any, arrays: FieldArrays) -> None:
        """Set the pointers of one field."""
        starts, ends, rows, frequencies, lengths = arrays
        field.starts = self._keep(INT64.read(starts, self.terms, "starts of postings"))
        field.ends = self._keep(INT64.read(ends, self.terms, "ends of postings"))
        field.rows = self._keep(UINT32.read(rows, rows.size, "rows of postings"))
        field.frequencies = self._keep(UINT8.read(frequencies, rows.size, "frequencies of postings"))
        field.lengths = self._keep(UINT32.read(lengths, lengths.size, "lengths of a field"))
        field.postings, field.row_count = rows.size, lengths.size

    def _keep(self, pointer: Any) -> Any:
        """Keep a pointer, which keeps its memory alive, and return it."""
        self._kept.append(pointer)
        return pointer


def count_rows(slices: PointedSlices, dead_files: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of live rows that have each term in the body, the symbol and the path, int64[3, terms].

    `dead_files` are ordinals, each once. Raises `CorruptArrays` where the segment has no such file.
    """
    counts = np.zeros((3, slices.terms), np.int64)
    dead = INT64.read(dead_files, dead_files.size, "tombstones")
    checked(kernels().count_rows(slices.pointer, dead, dead_files.size, INT64.write(counts)), "files of postings")
    return counts


def score_rows(norm: Any, weights: NDArray[np.float64], slices: PointedSlices) -> NDArray[np.float64]:
    """Return the BM25F of all rows of the segment, float64[rows].

    norm: a `search.lexical.Normalisation`. weights: [terms]. Raises `CorruptArrays` where postings name a row or a file
    that the segment does not have.
    """
    scores, touched = np.zeros(slices.rows, np.float64), np.zeros(slices.files, np.bool_)
    result = kernels().score_rows(
        ffi.new("normalisation *", _parameters(norm)), FLOAT64.read(weights, slices.terms, "weights of terms"),
        slices.pointer, FLOAT64.write(scores), BOOL.write(touched),
    )  # fmt: skip
    checked(result, "rows of postings")
    return scores


def propose_files(
    norm: Any,
    weights: NDArray[np.float64],
    chunk_weights: NDArray[np.float64],
    slices: PointedSlices,
    eligible: NDArray[np.bool_],
    symbol_lengths: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return for each file BM25F of its best three eligible chunks, BM25 of its symbols and of its path, [3, files].

    norm: a `search.lexical.Normalisation`. chunk_weights: weights for chunks, [terms]. weights: weights for symbols and
    path, [terms]. eligible: bool[rows]. symbol_lengths: [files]. All three are 0 where no chunk is eligible. Raises
    `CorruptArrays` where postings name a row or a file that the segment does not have.
    """
    found = np.zeros((3, slices.files), np.float64)
    chunks, definitions, paths = (FLOAT64.write(row) for row in found)
    scores, touched = np.zeros(slices.rows, np.float64), np.zeros(slices.files, np.bool_)
    result = kernels().propose_files(
        ffi.new("normalisation *", _parameters(norm)), FLOAT64.read(weights, slices.terms, "weights of terms"),
        FLOAT64.read(chunk_weights, slices.terms, "weights of terms"), slices.pointer,
        BOOL.read(eligible, slices.rows, "eligible rows"),
        INT64.read(symbol_lengths, slices.files, "lengths of symbols"),
        FLOAT64.write(scores), BOOL.write(touched), chunks, definitions, paths,
    )  # fmt: skip
    checked(result, "rows of postings")
    return found


def score_chosen(
    norm: Any,
    weights: NDArray[np.float64],
    slices: PointedSlices,
    files: NDArray[np.int64],
    offsets: NDArray[np.int64],
    rows: int,
) -> NDArray[np.float64]:
    """Return the BM25F of the rows of m files, float64[rows]. File i has those from `offsets[i]` to `offsets[i + 1]`.

    norm: a `search.lexical.Normalisation`. weights: [terms]. files: ordinals, ascending, [m]. offsets: [m + 1]. Raises
    `CorruptArrays` where a file, an offset or a row leads outside.
    """
    scores, frequencies = np.zeros(rows, np.float64), np.zeros(rows, np.float64)
    result = kernels().score_chosen(
        ffi.new("normalisation *", _parameters(norm)), FLOAT64.read(weights, slices.terms, "weights of terms"),
        slices.pointer, INT64.read(files, files.size, "chosen files"),
        INT64.read(offsets, files.size + 1, "offsets of chosen files"), files.size,
        FLOAT64.write(frequencies), FLOAT64.write(scores), rows,
    )  # fmt: skip
    checked(result, "rows of postings")
    return scores


def _parameters(norm: Any) -> tuple[Any, ...]:
    """Return the values of the C structure `normalisation`. All symbols of a file together have weight 1."""
    return (norm.k1, norm.body, norm.symbol, norm.path, (1.0, *norm.definitions))
