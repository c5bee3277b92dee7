"""An index job of the daemon: its task, its progress and its result."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from raycontext.errors import JobCancelled, RaycontextError
from raycontext.models import IndexReport, JobProgress
from raycontext.options import RunOptions
from raycontext.serve.messages import JobState

__all__ = ["IndexJob"]


@dataclass(slots=True)
class IndexJob:
    """Index run of a collection with its progress and its result."""

    collection: str
    source: str
    options: RunOptions = field(default_factory=RunOptions)
    task: asyncio.Task[IndexReport] | None = None
    progress: JobProgress | None = None
    begun: float = field(default_factory=time.monotonic)
    ended: float | None = None
    report: IndexReport | None = None
    error: RaycontextError | None = None
    stopping: bool = False
    """True after a cancellation until the end of the job. A caller that asks then gets a new job, which waits for that
    end.
    """

    @property
    def running(self) -> bool:
        """True until the job has ended."""
        return self.ended is None

    def state(self) -> JobState:
        """Return the state of the job as interfaces report it."""
        seconds = (self.ended or time.monotonic()) - self.begun
        done = JobState(collection=self.collection, source=self.source, state="running", seconds=seconds)
        if self.report is not None:
            return done.model_copy(update={"state": "done", "percent": 100.0, "report": self.report})
        if self.error is not None:
            state = "cancelled" if isinstance(self.error, JobCancelled) else "failed"
            return done.model_copy(
                update={
                    "state": state,
                    "error": str(self.error),
                    "exit_code": self.error.exit_code,
                    "progress": self.progress,
                }
            )
        if self.progress is None:
            return done
        told = ("percent", "files_per_second", "bytes_per_second", "seconds_left")
        return done.model_copy(
            update={"progress": self.progress} | {name: getattr(self.progress, name) for name in told}
        )
