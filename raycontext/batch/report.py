"""Results of a batch: a value for each source, and one for the whole batch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from raycontext.models import IndexReport

__all__ = ["BatchReport", "EntryOutcome", "EntryPlan"]


class EntryPlan(BaseModel):
    """Plan of a batch for one source."""

    model_config = ConfigDict(frozen=True)

    collection: str
    """Name of the collection."""
    source: str
    """Source as in the list, without passwords."""
    tree: str
    """Folder that is indexed."""
    action: Literal["index", "update", "skip"]
    """`index`: the collection does not exist yet. `update`: it exists. `skip`: the source is done in this run."""
    version: int
    """Newest version of the collection; 0 when it does not exist."""
    priority: int
    """Priority of the source. Those with a higher one begin first."""


class EntryOutcome(BaseModel):
    """Outcome of one source of a batch."""

    model_config = ConfigDict(frozen=True)

    collection: str
    """Name of the collection."""
    source: str
    """Source as in the list, without passwords."""
    state: Literal["indexed", "unchanged", "failed", "interrupted"]
    """`interrupted`: the run was stopped before this source was done."""
    revision: str = ""
    """Commit of a git repository, or digest of an archive. Empty for a folder."""
    left_out: tuple[str, ...] = ()
    """Names in an archive that lead out of it or that no file can have, each with the reason. They are not indexed."""
    report: IndexReport | None = None
    """Report of the index run; None when the source failed or was not reached."""
    error: str = ""
    """Message of the error; empty when the source succeeded."""
    error_type: str = ""
    """Name of the error's class; empty when the source succeeded."""
    seconds: float = 0.0
    """Time to fetch and index the source, in seconds."""
    earlier: bool = False
    """True when another process indexed the source in this run: one that was killed, or one that runs at the same time.
    """

    @property
    def succeeded(self) -> bool:
        """True when the source is up to date, without pending files."""
        return self.state in ("indexed", "unchanged") and not self.pending

    @property
    def pending(self) -> int:
        """Number of files that could not be indexed without any fault of theirs, and that the next run tries again."""
        return len(self.report.pending_files) if self.report is not None else 0


class BatchReport(BaseModel):
    """Outcome of a batch."""

    model_config = ConfigDict(frozen=True)

    identity: str
    """Identity of the work: the list and the root."""
    run: int
    """Number of the run, from 1. It grows by one each time that the list is worked off."""
    root: str
    """Root of the collections."""
    succeeded: Literal["all", "some", "none"]
    """How many of the sources are up to date. A source with pending files counts in part."""
    interrupted: bool
    """True when the run was stopped before its end. The next run of this list continues here."""
    outcomes: tuple[EntryOutcome, ...]
    """Outcomes of all sources, in the order in which they begin."""
    seconds: float
    """Duration of the run, in seconds."""
