"""Question for the lines that match a pattern, which travels to each shard, and the merging of the answers."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from raycontext.grep.engine import LineMatcher, compiled
from raycontext.grep.pattern import GrepPattern
from raycontext.grep.required import ANY
from raycontext.models import SearchFilters
from raycontext.search.grep.files import files_to_read
from raycontext.search.grep.shown_lines import shown_line
from raycontext.search.grep.values import GrepFile, GrepLine
from raycontext.search.rows.view import View
from raycontext.store.segments.file_texts import text_where
from raycontext.store.segments.segment import Segment

__all__ = ["GrepOf", "GrepOutput", "Grepped", "merged_greps"]

GrepOutput = Literal["lines", "files", "counts"]

THREADS = 2
"""Number of threads that read the files of a shard whose lines are only counted."""


class Grepped(NamedTuple):
    """Lines and files that match as one shard has them."""

    is_indexed: bool  # whether the shard has a file at the place that was asked for
    has_prefilter: bool  # whether the pattern has trigrams
    old_files: int  # files of segments without trigrams
    lines: list[GrepLine]  # by path and line, as many as were asked for
    files: list[GrepFile]  # by path, as many as were asked for
    matching_lines: int
    matching_files: int
    is_exact: bool
    searched_files: int
    read_files: int
    read_bytes: int
    not_indexed: dict[str, int]  # files at the place that are not in the index of any shard, by reason


@dataclass(frozen=True, slots=True)
class GrepOf:
    """Question for the first matching lines or files, in the order of paths and lines."""

    pattern: GrepPattern
    filters: SearchFilters = field(default_factory=SearchFilters)
    hidden: bool = False
    output: GrepOutput = "lines"
    most: int = 100
    before: int = 0
    after: int = 0
    totals: bool = True
    """Whether the search goes on after the last wanted line, to count all of them."""
    deadline: float | None = None
    """Time at which the search ends, in seconds since the epoch."""

    def until(self, deadline: float) -> GrepOf:
        """Return the question with a time at which the search ends."""
        return replace(self, deadline=deadline)

    def answer(self, view: View) -> Grepped:
        matcher = compiled(self.pattern)
        place = SearchFilters(inside=self.filters.inside)
        found = files_to_read(view, self.filters, matcher.need, matcher.words, hidden=self.hidden)
        run = _Run(self, matcher, view)
        run.read(found.files)
        is_indexed = not self.filters.inside or bool(
            found.admitted or files_to_read(view, place, ANY, hidden=True).admitted
        )
        return Grepped(
            is_indexed,
            matcher.need != ANY,
            sum(int(part.alive_files.sum()) for part in view.parts if not part.segment.has_trigrams),
            run.lines,
            run.files,
            run.tally.lines,
            run.tally.files,
            run.is_exact,
            found.admitted,
            run.tally.read_files,
            run.tally.read_bytes,
            self._not_indexed(view),
        )

    def _not_indexed(self, view: View) -> dict[str, int]:
        """Return how many files at the place are not in the index, by reason; hidden ones where they are wanted."""
        place = f"{self.filters.inside}/" if self.filters.inside else ""
        paths = {
            path[len(place) :]: reason
            for path, reason in view.skipped().items()
            if path.startswith(place) or path == self.filters.inside
        }
        is_hidden = re.compile(r"(?:^|/)\.").search
        return dict(Counter(str(reason) for path, reason in paths.items() if self.hidden or not is_hidden(path)))


@dataclass(slots=True)
class _Tally:
    """What was counted."""

    lines: int = 0
    files: int = 0
    read_files: int = 0
    read_bytes: int = 0

    def add(self, other: _Tally) -> None:
        self.lines += other.lines
        self.files += other.files
        self.read_files += other.read_files
        self.read_bytes += other.read_bytes


class _Run:
    """One search over the files of a view."""

    def __init__(self, asked: GrepOf, matcher: LineMatcher, view: View) -> None:
        self._asked = asked
        self._matcher = matcher
        self._view = view
        self.lines: list[GrepLine] = []
        self.files: list[GrepFile] = []
        self.tally = _Tally()
        self.is_exact = True

    def read(self, files: list[tuple[int, int]]) -> None:
        """Read files in the order of their paths until enough is found, then count in the order of the segments."""
        try:
            number = 0
            while number < len(files) and not self._is_full():
                self._take(*files[number])
                number += 1
            rest = files[number:]
            if rest and self._asked.totals:
                self._count(rest)
            elif rest:
                self.is_exact = False
        except TimeoutError:
            self.is_exact = False

    def _is_full(self) -> bool:
        return len(self.lines if self._asked.output == "lines" else self.files) >= self._asked.most

    def _check(self) -> None:
        """Raise `TimeoutError` where the time is over."""
        if self._asked.deadline is not None and time.time() > self._asked.deadline:
            raise TimeoutError

    def _take(self, part: int, ordinal: int) -> None:
        """Read one file and keep what is wanted of it."""
        self._check()
        segment = self._view.parts[part].segment
        self.tally.read_files += 1
        text = text_where(segment, ordinal, self._matcher.may_match)
        if text is None:
            self.tally.read_bytes += int(segment.file_column("text_bytes")[ordinal])
            return
        self.tally.read_bytes += len(text)
        if self._asked.output == "lines":
            places = list(self._matcher.lines(text, self._check))
            count = len(places)
            self.lines.extend(self._shown(segment, ordinal, text, places[: self._asked.most - len(self.lines)]))
        elif self._asked.output == "counts":
            count = self._matcher.count(text, self._check)
        else:
            count = int(self._matcher.matches(text, self._check))
        if not count:
            return
        self.tally.files += 1
        if self._asked.output != "lines":
            self.files.append(GrepFile(path=segment.path(ordinal), language=segment.language(ordinal), lines=count))
        if self._asked.output != "files":
            self.tally.lines += count

    def _count(self, files: list[tuple[int, int]]) -> None:
        """Count the matches of files. Each thread has whole segments, since a segment keeps what it has read."""
        by_part: dict[int, list[int]] = {}
        for part, ordinal in files:
            by_part.setdefault(part, []).append(ordinal)
        work = sorted(by_part.items(), key=lambda entry: -len(entry[1]))
        if len(work) == 1:
            outcomes: Iterator[tuple[_Tally, bool]] = map(self._counted, work)
        else:
            with ThreadPoolExecutor(THREADS) as threads:
                outcomes = iter(list(threads.map(self._counted, work)))
        for tally, is_whole in outcomes:
            self.tally.add(tally)
            self.is_exact = self.is_exact and is_whole

    def _counted(self, work: tuple[int, list[int]]) -> tuple[_Tally, bool]:
        """Return what files of one segment hold, and whether all were read before the time was over."""
        segment, tally = self._view.parts[work[0]].segment, _Tally()
        only_files = self._asked.output == "files"
        try:
            for ordinal in sorted(work[1]):
                self._check()
                text = text_where(segment, ordinal, self._matcher.may_match)
                tally.read_files += 1
                if text is None:
                    tally.read_bytes += int(segment.file_column("text_bytes")[ordinal])
                    continue
                tally.read_bytes += len(text)
                if only_files:
                    tally.files += self._matcher.matches(text, self._check)
                else:
                    count = self._matcher.count(text, self._check)
                    tally.lines += count
                    tally.files += count > 0
        except TimeoutError:
            return tally, False
        return tally, True

    def _shown(
        self, segment: Segment, ordinal: int, text: bytes, places: list[tuple[int, int, int]]
    ) -> Iterator[GrepLine]:
        path, language = segment.path(ordinal), segment.language(ordinal)
        number, counted = 1, 0
        for start, end, place in places:
            number += text.count(b"\n", counted, start)
            counted = start
            column = len(text[start:place].decode(errors="replace")) + 1
            line, is_cut = shown_line(text[start:end], place - start)
            yield GrepLine(
                path=path,
                line=number,
                column=column,
                text=line,
                text_cut=is_cut,
                language=language,
                before=_lines_before(text, start, self._asked.before),
                after=_lines_after(text, end, self._asked.after),
            )


def _lines_before(text: bytes, start: int, count: int) -> tuple[str, ...]:
    found: list[str] = []
    while len(found) < count and start > 0:
        first = text.rfind(b"\n", 0, start - 1) + 1
        found.append(shown_line(text[first : start - 1], 0)[0])
        start = first
    return tuple(reversed(found))


def _lines_after(text: bytes, end: int, count: int) -> tuple[str, ...]:
    found: list[str] = []
    while len(found) < count and end + 1 < len(text):
        last = text.find(b"\n", end + 1)
        last = len(text) if last < 0 else last
        found.append(shown_line(text[end + 1 : last], 0)[0])
        end = last
    return tuple(found)


def merged_greps(answers: Iterable[Grepped], most: int) -> Grepped:
    """Return what all shards have, in the order of paths and lines."""
    parts = list(answers)
    lines = sorted((line for part in parts for line in part.lines), key=lambda line: (_key(line.path), line.line))
    files = sorted((file for part in parts for file in part.files), key=lambda file: _key(file.path))
    return Grepped(
        any(part.is_indexed for part in parts),
        all(part.has_prefilter for part in parts),
        sum(part.old_files for part in parts),
        lines[:most],
        files[:most],
        sum(part.matching_lines for part in parts),
        sum(part.matching_files for part in parts),
        all(part.is_exact for part in parts),
        sum(part.searched_files for part in parts),
        sum(part.read_files for part in parts),
        sum(part.read_bytes for part in parts),
        next((part.not_indexed for part in parts), {}),
    )


def _key(path: str) -> bytes:
    """Return what orders paths: their bytes."""
    return path.encode(errors="surrogateescape")
