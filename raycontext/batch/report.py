"""What came of a batch: a value for each source, and one for all."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from raycontext.models import IndexReport

__all__ = ["BatchReport", "EntryOutcome", "EntryPlan"]


class EntryPlan(BaseModel):
    """What a batch would do with one source."""

    model_config = ConfigDict(frozen=True)

    collection: str
    source: str
    tree: str
    """The folder that is indexed."""
    action: Literal["index", "update", "skip"]
    """`index`: there is no such collection yet; `update`: there is; `skip`: done earlier in this run."""
    version: int
    """Of the collection; 0 where there is none."""
    priority: int


class EntryOutcome(BaseModel):
    """What came of one source."""

    model_config = ConfigDict(frozen=True)

    collection: str
    source: str
    """As in the list, without passwords."""
    state: Literal["indexed", "unchanged", "failed", "interrupted"]
    revision: str = ""
    """Commit of a repository, digest of an archive."""
    report: IndexReport | None = None
    error: str = ""
    error_type: str = ""
    """Name of the error's class."""
    seconds: float = 0.0
    earlier: bool = False
    """It was done in this run by another process: one that was killed, or one that runs at the same time."""

    @property
    def succeeded(self) -> bool:
        return self.state in ("indexed", "unchanged")


class BatchReport(BaseModel):
    """What came of a batch."""

    model_config = ConfigDict(frozen=True)

    identity: str
    """Stands for the list and the root."""
    run: int
    """From 1; one more each time that the list is worked off."""
    root: str
    succeeded: Literal["all", "some", "none"]
    interrupted: bool
    """It was stopped; the same list goes on from here."""
    outcomes: tuple[EntryOutcome, ...]
    """By priority, then as in the list."""
    seconds: float
