"""Rows of a file, and cutting a run of rows where the layout suggests it."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

__all__ = ["Lines"]

MAX_START_BYTES = 500
BLANK = b" \t\r\f\v\n"


class Lines:
    """Row starts of a file. A row is what stands between two b"\\n"; rows count from 0.

    `starts` has one entry per row and a last one for the end of the file, so that row `r` is
    `data[starts[r]:starts[r + 1]]` with its line end.
    """

    __slots__ = ("data", "starts")

    def __init__(self, data: bytes) -> None:
        self.data = data
        ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10) + 1
        starts: list[int] = [0, *ends.tolist()]
        if len(starts) == 1 or starts[-1] != len(data):
            starts.append(len(data))
        self.starts = starts

    def __len__(self) -> int:
        return len(self.starts) - 1

    def size(self, first: int, last: int) -> int:
        """Bytes of the rows `first` to `last`, both included."""
        return self.starts[last + 1] - self.starts[first]

    def row(self, index: int) -> bytes:
        """One row with its line end."""
        return self.data[self.starts[index] : self.starts[index + 1]]

    def start_of(self, index: int) -> bytes:
        """The first bytes of a row, without its line end: enough to tell what kind of line it is."""
        start = self.starts[index]
        return self.data[start : min(self.starts[index + 1], start + MAX_START_BYTES)].rstrip(b"\r\n")

    def is_blank(self, index: int) -> bool:
        """Whether a row holds nothing but white space."""
        return not self.row(index).strip(BLANK)

    def trimmed(self, first: int, last: int) -> tuple[int, int] | None:
        """The rows without blank ones at either end; None where all are blank."""
        while first <= last and self.is_blank(first):
            first += 1
        while last >= first and self.is_blank(last):
            last -= 1
        return (first, last) if first <= last else None

    def indent(self, index: int) -> int:
        """Leading white space of a row in bytes; a tab counts 4."""
        row = self.row(index)
        stripped = row.lstrip(b" \t")
        return len(row) - len(stripped) + 3 * row[: len(row) - len(stripped)].count(b"\t")

    def cut(self, first: int, last: int, target: int) -> list[tuple[int, int]]:
        """Cut rows into runs of about `target` bytes (one row may be larger), preferably of more than half of it.

        The best cut is before the least indented row after a blank one, then before the least
        indented row; the later of equal cuts wins.
        """
        runs: list[tuple[int, int]] = []
        starts = self.starts
        begin = first
        while begin <= last:
            if starts[last + 1] - starts[begin] <= target + target // 8:  # rather than leave a crumb
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
        """The row between `begin` and `end` after which to cut."""
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
        """Bytes of the longest row."""
        return max((self.starts[index + 1] - self.starts[index] for index in range(len(self))), default=0)

    def row_at(self, offset: int) -> int:
        """The row that holds the byte at `offset`."""
        return min(max(0, bisect_right(self.starts, offset) - 1), len(self) - 1)
