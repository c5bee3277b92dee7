"""Rows of a file, and cuts between rows at places that the layout suggests."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import numpy as np

__all__ = ["Lines"]

MAX_START_BYTES = 500
"""Largest part of a row that `Lines.start_of` returns, in bytes."""
BLANK = b" \t\r\f\v\n"
"""Bytes that count as white space."""


class Lines:
    """Rows of a file, counted from 0. Each row ends with b"\\n" or at the end of the file.

    `starts` has the offset of each row and, as its last entry, the end of the file. Row `r` with its line end is
    `data[starts[r]:starts[r + 1]]`. A row is a line of the file unless `split` has made several rows of a line.
    """

    __slots__ = ("_line_starts", "data", "starts")

    def __init__(self, data: bytes) -> None:
        self.data = data
        ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10) + 1
        starts: list[int] = [0, *ends.tolist()]
        if len(starts) == 1 or starts[-1] != len(data):
            starts.append(len(data))
        self.starts = starts
        self._line_starts: list[int] | None = None

    def __len__(self) -> int:
        return len(self.starts) - 1

    def split(self, offsets: Iterable[int]) -> None:
        """Let further rows begin at some offsets. The numbers of lines stay."""
        starts = sorted({*self.starts[:-1], *(offset for offset in offsets if 0 < offset < len(self.data))})
        if len(starts) + 1 > len(self.starts):
            self._line_starts = self._line_starts or self.starts
            self.starts = [*starts, self.starts[-1]]

    def number(self, row: int) -> int:
        """Return the number of the line, from 1, in which a row begins."""
        if self._line_starts is None:
            return row + 1
        return bisect_right(self._line_starts, self.starts[row])

    def size(self, first: int, last: int) -> int:
        """Return the size of the rows `first` to `last` (inclusive), in bytes."""
        return self.starts[last + 1] - self.starts[first]

    def row(self, index: int) -> bytes:
        """Return one row with its line end."""
        return self.data[self.starts[index] : self.starts[index + 1]]

    def start_of(self, index: int) -> bytes:
        """Return the first bytes of a row without its line end. They suffice to tell what kind of line it is."""
        start = self.starts[index]
        return self.data[start : min(self.starts[index + 1], start + MAX_START_BYTES)].rstrip(b"\r\n")

    def is_blank(self, index: int) -> bool:
        """Return whether a row holds nothing but white space."""
        return not self.row(index).strip(BLANK)

    def trimmed(self, first: int, last: int) -> tuple[int, int] | None:
        """Return the range of rows without blank rows at both ends; None when all rows are blank."""
        while first <= last and self.is_blank(first):
            first += 1
        while last >= first and self.is_blank(last):
            last -= 1
        return (first, last) if first <= last else None

    def indent(self, index: int) -> int:
        """Return the width of a row's leading white space. A space counts 1, a tab counts 4."""
        row = self.row(index)
        stripped = row.lstrip(b" \t")
        return len(row) - len(stripped) + 3 * row[: len(row) - len(stripped)].count(b"\t")

    def cut(self, first: int, last: int, target: int) -> list[tuple[int, int]]:
        """Cut the rows `first` to `last` into runs of about `target` bytes. Return the ends of each run (inclusive).

        A run has more than half of the target where possible. A single row may be larger than the target. The best cut
        is before the least indented row that follows a blank row, then before the least indented row. Among equal cuts,
        the latest wins.
        """
        runs: list[tuple[int, int]] = []
        starts = self.starts
        begin = first
        while begin <= last:
            if (
                starts[last + 1] - starts[begin] <= target + target // 8
            ):  # a little more than the target is better than a tiny rest
                runs.append((begin, last))
                break
            end = begin
            while end < last and starts[end + 2] - starts[begin] <= target:
                end += 1
            end = self._best_end(begin, end, target)
            runs.append((begin, end))
            begin = end + 1
        return runs

    def _best_end(self, begin: int, end: int, target: int) -> int:
        """Return the row from `begin` to `end` after which to cut."""
        best = end
        best_score = -1
        for row in range(end, begin, -1):
            if self.starts[row] - self.starts[begin] < target // 2:
                break
            if self.is_blank(row):
                continue
            score = max(0, 64 - self.indent(row)) + (100 if self.is_blank(row - 1) else 0)
            if score > best_score:
                best, best_score = row - 1, score
        following = end + 1
        if following < len(self) and not self.is_blank(following):
            score = max(0, 64 - self.indent(following)) + (100 if self.is_blank(end) else 0)
            if score >= best_score:
                return end
        return best

    def longest(self) -> int:
        """Return the size of the longest row with its line end, in bytes."""
        return max((self.starts[index + 1] - self.starts[index] for index in range(len(self))), default=0)

    def row_at(self, offset: int) -> int:
        """Return the row that holds the byte at `offset`."""
        return min(max(0, bisect_right(self.starts, offset) - 1), len(self) - 1)
