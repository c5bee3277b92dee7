"""Where values stand in a column: an order that is made once and finds each value by binary search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raycontext.store.segments.columns import numbers

__all__ = ["ImportColumns", "NumberPlaces", "WordPlaces", "Words"]


class NumberPlaces:
    """Rows of a numeric column by their values. It takes four bytes a row."""

    def __init__(self, values: NDArray[np.integer[Any]]) -> None:
        self._values = values
        self._order = np.argsort(values).astype(np.uint32)

    def find(self, wanted: NDArray[np.integer[Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows that hold some values: the place of the value in `wanted`, and the row, in this order."""
        values = wanted.astype(self._values.dtype)
        first, last = (np.searchsorted(self._values, values, side, sorter=self._order) for side in ("left", "right"))
        each = np.repeat(np.arange(len(values)), last - first)
        if not len(each):
            return each, each
        begins = np.repeat(first - (np.cumsum(last - first) - (last - first)), last - first)
        rows = self._order[np.arange(len(each)) + begins].astype(np.int64)
        return each, rows[np.lexsort((rows, each))]


class Words:
    """Column of words that is stored as a dictionary. A word is decoded when it is first asked for."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._dictionary: Any = None
        self.codes: NDArray[np.int32] = np.empty(0, np.int32)
        if column.num_chunks:
            self._dictionary = column.chunk(0).dictionary
            self.codes = column.chunk(0).indices.to_numpy(zero_copy_only=True)
        self._known: dict[int, str] = {}

    def word(self, code: int) -> str:
        """Return the word of a code."""
        if code not in self._known:
            self._known[code] = self._dictionary[code].as_py()
        return self._known[code]

    def read(self, first: int, last: int) -> list[str]:
        """Return the words of some rows."""
        return [self.word(code) for code in self.codes[first:last].tolist()]


class WordPlaces:
    """Rows of a column of words by their words."""

    def __init__(self, words: Words, dictionary: Sequence[str]) -> None:
        self._numbers: dict[str, list[int]] = {}
        for number, word in enumerate(dictionary):  # whoever makes a segment can store a word twice
            self._numbers.setdefault(word, []).append(number)
        self._places = NumberPlaces(words.codes)

    def find(self, words: Iterable[str]) -> NDArray[np.int64]:
        """Return the rows that hold one of some words, ascending, int64[found]."""
        numbers = [number for word in words for number in self._numbers.get(word, ())]
        if not numbers:
            return np.empty(0, np.int64)
        return np.sort(self._places.find(np.array(numbers))[1])


class ImportColumns:
    """Columns of a table of imports, each read when it is first asked for."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._words: dict[str, Words] = {}

    @cached_property
    def files(self) -> NDArray[np.uint32]:
        """File of each import, ascending, uint32[imports]."""
        return numbers(self._table, "file")

    @cached_property
    def names(self) -> WordPlaces:
        """Imports by the names that they import."""
        column = self._table.column("name")
        return WordPlaces(self.words("name"), column.chunk(0).dictionary.to_pylist() if column.num_chunks else [])

    def words(self, column: str) -> Words:
        """Return a column of words: module, name or alias."""
        if column not in self._words:
            self._words[column] = Words(self._table.column(column))
        return self._words[column]
