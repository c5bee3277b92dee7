"""Answer of `grep`, as the SDK returns it and every interface prints it."""

from __future__ import annotations

from pydantic import Field

from raycontext.relations.values import RelationAnswer
from raycontext.search.grep.values import GrepFile, GrepLine

__all__ = ["GrepAnswer"]


class GrepAnswer(RelationAnswer):
    """Answer of `grep`: lines or files that match, by path and line."""

    pattern: str
    lines: tuple[GrepLine, ...] = ()
    """Lines that match; none where files or counts were asked for."""
    files: tuple[GrepFile, ...] = ()
    """Files that match, where files or counts were asked for."""
    matching_lines: int
    """Number of all lines that match, also of those that the limit leaves out; 0 where only files were asked for."""
    matching_files: int
    """Number of all files that match."""
    is_exact: bool = True
    """Whether these two numbers are of all files. False: the search ended at the limit or at the time limit."""
    searched_files: int
    """Number of indexed files that the filters let pass."""
    read_files: int
    """Number of them whose text was read. The index says of all others that they have no match."""
    read_bytes: int
    """Size of what was read, in bytes."""
    not_indexed: dict[str, int] = Field(default_factory=dict)
    """Number of files in this place that are not in the index, by `SkipReason`: nobody knows whether they match."""
