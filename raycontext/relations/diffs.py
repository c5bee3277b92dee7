"""Definitions that differ between two commits, found from the chunks with changed lines and the outlines of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from raycontext.models import FrozenModel, Hit
from raycontext.relations.values import OutlineEntry

__all__ = ["ChangedDefinition", "CodeDiff", "Side", "changed_definitions"]


class ChangedDefinition(FrozenModel):
    """Definition that differs between two commits; lines of a file that are in no definition have no name."""

    change: Literal["added", "modified", "removed"]
    path: str
    """Path of the file, relative to the folder that was asked about."""
    line: int
    """Line of the name, from 1: in the later commit, of a removed definition in the earlier one."""
    end_line: int
    kind: str
    name: str
    scope: str
    signature: str
    """Its header on one line, without its body."""
    score: float
    """Score of the best chunk of it with changed lines."""


class CodeDiff(FrozenModel):
    """Answer to a question for what differs between two commits, best first."""

    source: str
    """Folder whose commits were compared."""
    before: str
    """Full hash of the earlier commit."""
    after: str
    """Full hash of the later commit."""
    definitions: tuple[ChangedDefinition, ...]
    files: int
    """Number of files that differ, whatever they are about. Removed files do not count."""
    cut: bool = False
    """Whether more definitions differ than are listed."""
    notes: tuple[str, ...] = ()


class Side(NamedTuple):
    """One of the two commits, with what it has and the other one has not."""

    hits: Sequence[Hit]
    """Chunks with changed lines, best first."""
    lines: Mapping[str, Sequence[tuple[int, int]]]
    """Ranges of changed lines by path, first and last."""
    outlines: Mapping[str, Sequence[OutlineEntry]]
    """Definitions of the files of the hits of both sides, by path. A file that the commit has not is missing."""


class _Place(NamedTuple):
    """Changed definition within one commit."""

    path: str
    entry: OutlineEntry | None
    line: int
    score: float

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells that two commits have the same definition."""
        return self.path, self.entry.scope if self.entry else "", self.entry.name if self.entry else ""


def changed_definitions(before: Side, after: Side, kinds: Sequence[str], limit: int) -> list[ChangedDefinition]:
    """Return at most `limit` definitions that differ, best first. kinds: kinds that count; empty for all."""
    earlier, later = _best(before), _best(after)
    found: dict[tuple[str, str, str], ChangedDefinition] = {}
    for place in later.values():
        known = place.path in before.outlines and (place.entry is None or _named(before, place.key) is not None)
        found[place.key] = _told(place, "modified" if known else "added")
    for place in earlier.values():
        there = _named(after, place.key)
        if place.key in found:
            best = max(found[place.key].score, place.score)
            found[place.key] = found[place.key].model_copy(update={"score": best})
        elif there is not None:
            found[place.key] = _told(place._replace(entry=there, line=there.line), "modified")
        elif place.entry is not None or place.path not in after.outlines:
            found[place.key] = _told(place, "removed")
    wanted = [one for one in found.values() if not kinds or one.kind in kinds]
    return sorted(wanted, key=lambda one: (-one.score, one.path, one.line, one.name))[:limit]


def _best(side: Side) -> dict[tuple[str, str, str], _Place]:
    """Return the changed definitions of one commit, each with its best score."""
    found: dict[tuple[str, str, str], _Place] = {}
    for hit in side.hits:
        for place in _changed_in(hit, side):
            if place.key not in found or found[place.key].score < place.score:
                found[place.key] = place
    return found


def _changed_in(hit: Hit, side: Side) -> Iterator[_Place]:
    """Yield the definitions of a hit that have a changed line, the innermost ones; blank lines do not count."""
    texts = hit.text.split("\n")
    entries = side.outlines.get(hit.path, ())
    for first, last in side.lines.get(hit.path, ()):
        for line in range(max(first, hit.start_line), min(last, hit.end_line, hit.start_line + len(texts) - 1) + 1):
            if texts[line - hit.start_line].strip():
                around = [entry for entry in entries if entry.line <= line <= entry.end_line]
                innermost = min(around, key=lambda entry: (entry.end_line - entry.line, -entry.line), default=None)
                yield _Place(hit.path, innermost, line, hit.score)


def _named(side: Side, key: tuple[str, str, str]) -> OutlineEntry | None:
    path, scope, name = key
    return next((one for one in side.outlines.get(path, ()) if (one.scope, one.name) == (scope, name)), None)


def _told(place: _Place, change: Literal["added", "modified", "removed"]) -> ChangedDefinition:
    entry = place.entry
    return ChangedDefinition(
        change=change,
        path=place.path,
        line=entry.line if entry else place.line,
        end_line=entry.end_line if entry else place.line,
        kind=entry.kind if entry else "block",
        name=entry.name if entry else "",
        scope=entry.scope if entry else "",
        signature=entry.signature if entry else "",
        score=place.score,
    )
