"""Searches by regular expression that a `Context` answers, over what the index stores."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from raycontext.errors import InvalidInput
from raycontext.grep.engine import compiled
from raycontext.grep.pattern import GrepPattern
from raycontext.grep.required import ANY
from raycontext.relations.grep_answer import GrepAnswer
from raycontext.sdk.access.map import MapAccess
from raycontext.sdk.arguments import check_limits, check_offset
from raycontext.sdk.clients.search import SearchClient
from raycontext.sdk.filters import search_filters
from raycontext.search.grep.shard import GrepOf, GrepOutput, Grepped, merged_greps

__all__ = ["GREP_OUTPUTS", "MAX_CONTEXT_LINES", "GrepAccess", "notes_on_pattern"]

GREP_OUTPUTS = ("lines", "files", "counts")
"""What `grep` can return."""

MAX_CONTEXT_LINES = 50
"""Largest number of lines before or after a match."""

DEADLINE_SHARE = 0.8
"""Share of a query's time at which the shards end a search, so that what they have found still arrives."""


class GrepAccess(MapAccess):
    """Searches by regular expression."""

    async def grep(
        self,
        pattern: str,
        *,
        collection: str | None = None,
        path: str | Path | None = None,
        ref: str | None = None,
        ignore_case: bool = False,
        word: bool = False,
        fixed_string: bool = False,
        output: GrepOutput = "lines",
        before: int = 0,
        after: int = 0,
        limit: int = 100,
        offset: int = 0,
        totals: bool = True,
        languages: Iterable[str] = (),
        paths: Iterable[str] = (),
        hidden: bool = False,
        refresh: bool | None = None,
    ) -> GrepAnswer:
        """Return the lines of indexed files that match a regular expression, by path and line.

        The texts of the index are searched, so the source need not be there. Secrets that the index does not show, and
        files that are not indexed, have no matches; `GrepAnswer.not_indexed` counts those files.

        pattern: regular expression of one line, in the syntax of ripgrep: that of Rust's regex crate, with Unicode.
        collection, path, ref: like those of `search`; `path` chooses the collection and limits the search to what is in
        it.
        ignore_case: whether case does not matter. word: whether a match must begin and end where a word does.
        fixed_string: whether the pattern is a text and not an expression.
        output: "lines", "files" for the files that match, or "counts" for these files with their numbers of lines.
        before, after: number of lines to add before and after each line, 0 to 50.
        limit, offset: largest number of lines or files, 1 to 1000, and number of them to leave out from the start, at
        most 100,000.
        totals: whether all matches are counted. False ends the search at the limit, which is quicker.
        languages, paths: filters of the files, like those of `search`.
        hidden: whether files count whose path has a name that begins with a dot. ripgrep leaves them out too.
        refresh: like that of `search`.

        Raises what `search` raises, and `InvalidInput` when the pattern is none or nothing at `path` is in the index.
        """
        check_limits(limit, 0.0)
        check_offset(offset)
        _check(pattern, output, before, after)
        place = await self._place(collection, path, ref, search_filters(languages, paths, ()), refresh)
        end = offset + limit
        wanted = GrepPattern(pattern, ignore_case, word, fixed_string)
        question = GrepOf(wanted, place.filters, hidden, output, end, before, after, totals)
        search = self._client(place.identity.name)
        return await self._answer_about(place, search.repeatedly(lambda: self._grepped(search, question, offset, end)))

    async def _grepped(self, search: SearchClient, question: GrepOf, offset: int, end: int) -> GrepAnswer | None:
        """Ask all shards; None where all have answered and nothing at the place is indexed."""
        timed = question.until(time.time() + DEADLINE_SHARE * self._settings.search_seconds)
        version, answers = await search.relate(timed)
        merged = merged_greps(answers.values(), end)
        if not merged.is_indexed and len(answers) == search.shards:
            return None
        total = merged.matching_lines if question.output == "lines" else merged.matching_files
        return GrepAnswer(
            collection="",
            source="",
            pattern=question.pattern.pattern,
            lines=tuple(merged.lines[offset:end]),
            files=tuple(merged.files[offset:end]),
            matching_lines=merged.matching_lines,
            matching_files=merged.matching_files,
            is_exact=merged.is_exact,
            searched_files=merged.searched_files,
            read_files=merged.read_files,
            read_bytes=merged.read_bytes,
            not_indexed=merged.not_indexed,
            cut=total > end or not merged.is_exact,
            version=version,
            shards_answered=len(answers),
            shards_total=search.shards,
            notes=tuple(_notes(merged, question)),
        )


def notes_on_pattern(grep: str) -> tuple[str, ...]:
    """Return what the reader should know of the pattern of a search by meaning; nothing where it has none."""
    if not grep or compiled(GrepPattern(grep)).need != ANY:
        return ()
    return ("The pattern has no three characters that must be there: all files that the filters let pass were read.",)


def _check(pattern: str, output: str, before: int, after: int) -> None:
    """Raise `InvalidInput` unless the arguments are possible."""
    if not isinstance(pattern, str):
        raise InvalidInput(f"pattern is {pattern!r}", "Give a regular expression.")
    if output not in GREP_OUTPUTS:
        raise InvalidInput(f"output is {output!r}", f"Choose {', '.join(GREP_OUTPUTS)}.")
    for name, lines in (("before", before), ("after", after)):
        if isinstance(lines, bool) or not isinstance(lines, int) or not 0 <= lines <= MAX_CONTEXT_LINES:
            raise InvalidInput(f"{name} is {lines!r}", f"Give 0 to {MAX_CONTEXT_LINES} lines.")


def _notes(merged: Grepped, question: GrepOf) -> Iterable[str]:
    """Yield what the reader should know of how the answer came about."""
    if merged.old_files:
        yield (
            f"{merged.old_files:,} files are in segments of an older format, which have no trigrams: all of them were "
            "read, and their blank lines and line ends may differ. `raycontext index` builds them anew."
        )
    elif not merged.has_prefilter:
        yield (
            f"The pattern has no three characters that must be there: {merged.read_files:,} of "
            f"{merged.searched_files:,} files were read."
        )
    if not merged.is_exact and question.totals:
        yield "The time was over before all files were read: there are more matches, or may be. Narrow the search."
