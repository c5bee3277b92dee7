"""Answer of a query: its hits, how complete they are, and how old is what they know."""

from __future__ import annotations

from collections.abc import Iterable

from raycontext.models import CommitHit, FrozenModel, Hit

__all__ = ["Hits", "Searched", "Surrounding"]


class Searched(FrozenModel):
    """Collection that a query was answered from: its version, and the age of what the answer knows of its source."""

    collection: str
    version: int
    """Version of the collection that was searched."""
    age_seconds: float | None = None
    """Age in seconds of the state of the source that the answer knows: later changes may be missing. None: unknown,
    since nothing has looked at the source."""
    may_miss_files: bool = True
    """Whether new or changed files may be missing from the answer. False: it knows all that was there `age_seconds`
    ago."""


class Surrounding(FrozenModel):
    """Definition around the hits of a search with context. Lines are from 1 and inclusive."""

    collection: str
    path: str
    """Path of the file, relative to the source of the collection."""
    line: int
    """Line of the name."""
    end_line: int
    kind: str
    name: str
    scope: str
    signature: str
    """Its header on one line, without its body."""
    relation: str
    """Why it is here: `callee` or `caller` of a hit, or `outline` of a hit's file."""
    of: str
    """Name of the definition that it calls or that calls it; "" for an outline."""


class Hits(list[Hit]):
    """List of a query's hits, best first, which also tells how complete and how old it is.

    `shards_answered` and `shards_total` count shards. A shard that did not answer in time contributes no hits; then
    `shards_answered` is less than `shards_total`. `notes` are sentences that say what limits the answer, and what to do
    about it. `searched` describes each collection that the answer comes from. `look_seconds` is the time in seconds
    that looking for changes, and indexing a few of them, took before the search. `surroundings` has the definitions
    around the hits of a search with context: those that they call, those that call them, and those of their files.
    `commits` has the answer of a search of commits, best first, in place of hits.
    """

    def __init__(
        self,
        hits: Iterable[Hit] = (),
        *,
        shards_answered: int = 1,
        shards_total: int = 1,
        notes: Iterable[str] = (),
        searched: Iterable[Searched] = (),
        look_seconds: float = 0.0,
        surroundings: Iterable[Surrounding] = (),
        commits: Iterable[CommitHit] = (),
    ) -> None:
        super().__init__(hits)
        self.shards_answered = shards_answered
        self.shards_total = shards_total
        self.notes = tuple(dict.fromkeys(notes))
        self.searched = tuple(searched)
        self.look_seconds = look_seconds
        self.surroundings = tuple(surroundings)
        self.commits = tuple(commits)

    @property
    def complete(self) -> bool:
        """Whether every shard has answered."""
        return self.shards_answered == self.shards_total

    @property
    def version(self) -> int | None:
        """Version of the collection that was searched; None when there were several collections."""
        return self.searched[0].version if len(self.searched) == 1 else None

    @property
    def age_seconds(self) -> float | None:
        """Age in seconds of what the answer knows of the sources: the largest of `searched`. None: unknown."""
        ages = [searched.age_seconds for searched in self.searched]
        known = [age for age in ages if age is not None]
        return max(known) if known and len(known) == len(ages) else None

    @property
    def may_miss_files(self) -> bool:
        """Whether new or changed files of a source may be missing; see `Searched`."""
        return any(searched.may_miss_files for searched in self.searched)

    def replaced(
        self, hits: Iterable[Hit], notes: Iterable[str] = (), searched: Iterable[Searched] | None = None
    ) -> Hits:
        """Return `hits` with what else this list tells, with further `notes`, and with `searched` unless it is None."""
        return Hits(
            hits,
            shards_answered=self.shards_answered,
            shards_total=self.shards_total,
            notes=(*self.notes, *notes),
            searched=self.searched if searched is None else searched,
            look_seconds=self.look_seconds,
            surroundings=self.surroundings,
            commits=self.commits,
        )
