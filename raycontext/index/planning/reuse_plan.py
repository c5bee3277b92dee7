"""Part of the planner that has rows taken which exist already: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raycontext.index.planning.batches import reuse_batches
from raycontext.index.planning.instructions import FindKnown, Found, Reused, ReuseFiles
from raycontext.models import FileStat

__all__ = ["ReusePlan"]

SEARCHES = 3
"""Number of searches for the rows of a file. Whoever owns a segment may remove it before its rows are taken."""


class ReusePlan:
    """State of a run's search for rows that exist.

    digests: digest of the content of each file, by path.
    """

    def __init__(self, digests: Mapping[str, bytes]) -> None:
        self._digests = digests
        self.files = 0
        """Number of files whose rows were taken."""
        self.collections: set[str] = set()
        """Names of the collections that they came from."""

    def find(self, files: Sequence[FileStat], attempt: int = 1) -> FindKnown:
        """Return the instruction that finds rows for the files."""
        return FindKnown(tuple((file, self._digests[file.path]) for file in files), attempt)

    def found(self, event: Found) -> tuple[list[ReuseFiles], list[FileStat]]:
        """Return instructions that bring rows over, and the files that have none."""
        files = [file for file, _ in event.instruction.files]
        places = {place for entry in event.known for place in entry.places}
        reused = reuse_batches(event.known, files, event.instruction.attempt)
        return reused, [file for place, file in enumerate(files) if place not in places]

    def taken(self, event: Reused) -> list[FileStat]:
        """Count the rows that were brought over, and return their files."""
        self.files += len(event.batch.entries)
        self.collections.update(entry.collection for entry in event.instruction.known if event.batch.entries)
        return [file for file in event.instruction.files if file.path in event.batch.entries]

    def after_failure(self, instruction: FindKnown | ReuseFiles) -> tuple[list[FindKnown], list[FileStat]]:
        """Return what follows where rows could not be found or taken: a new search, or files that have to be indexed.

        A segment of others may be gone or damaged, and that is no trouble of this run.
        """
        if isinstance(instruction, FindKnown):
            return [], [file for file, _ in instruction.files]
        if instruction.attempt < SEARCHES:
            return [self.find(instruction.files, instruction.attempt + 1)], []
        return [], list(instruction.files)
