"""Lines and files that match a regular expression."""

from __future__ import annotations

from raycontext.models import FrozenModel

__all__ = ["GrepFile", "GrepLine"]


class GrepLine(FrozenModel):
    """Line that matches."""

    path: str
    """Path of the file, relative to the source of the collection."""
    line: int
    """Number of the line, from 1."""
    column: int
    """Place of the first match in the line, in characters, from 1."""
    text: str
    """The line without its end."""
    text_cut: bool = False
    """Whether `text` is only a part of a long line, around the first match."""
    language: str
    before: tuple[str, ...] = ()
    """Lines before it, in their order, as many as were asked for."""
    after: tuple[str, ...] = ()
    """Lines after it."""


class GrepFile(FrozenModel):
    """File that has a match."""

    path: str
    language: str
    lines: int
    """Number of lines that match; 1 where only files were asked for."""
