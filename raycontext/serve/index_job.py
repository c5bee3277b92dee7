"""Index jobs of the daemon: each with its task, its progress and its result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from raycontext.errors import InvalidInput, JobCancelled, JobFailed, RaycontextError
from raycontext.models import IndexReport, JobProgress
from raycontext.models.options import RunOptions
from raycontext.serve.messages import JobState

__all__ = ["IndexJob", "IndexJobs"]

KEPT_JOBS = 200
"""Largest number of ended jobs that are remembered."""


@dataclass(slots=True)
class IndexJob:
    """Index run of a collection with its progress and its result."""

    collection: str
    source: str
    options: RunOptions = field(default_factory=RunOptions)
    force: bool = False
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


class Run(Protocol):
    """Index run: it gets the collection, its source, the options of the run, and where to report progress."""

    def __call__(
        self, name: str, source: str, *, on_progress: Callable[[JobProgress], None], **options: Any
    ) -> Coroutine[Any, Any, IndexReport]: ...


class IndexJobs:
    """The jobs of a daemon, by collection: those that run and the last that have ended. State of one event loop."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._jobs: dict[str, IndexJob] = {}

    def begin(self, name: str, source: str, options: RunOptions, *, force: bool) -> IndexJob:
        """Begin a job, or return the one that runs. Raises `InvalidInput` where that one has other options."""
        job = self._jobs.get(name)
        if job is not None and job.running and not job.stopping:
            if options.given().items() - job.options.given().items() or (force and not job.force):
                raise InvalidInput(f"'{name}' is being indexed with other options", "Wait for that job, or cancel it.")
            return job
        job = IndexJob(name, source, options, force)
        self._jobs.pop(name, None)
        self._jobs[name] = job
        job.task = asyncio.create_task(self._followed(job))
        job.task.add_done_callback(lambda task: task.cancelled() or task.exception())  # the job keeps the error
        self._forget()
        return job

    def newest_first(self) -> list[IndexJob]:
        """Return all jobs, the newest first."""
        return list(reversed(self._jobs.values()))

    def of(self, collection: str) -> IndexJob | None:
        """Return the running or last job of a collection; None when there was none."""
        return self._jobs.get(collection)

    def drop(self, collection: str) -> None:
        """Forget the job of a collection that was removed."""
        self._jobs.pop(collection, None)

    def is_running(self, collection: str) -> bool:
        """Return whether a job of a collection runs."""
        job = self._jobs.get(collection)
        return job is not None and job.running

    @property
    def any_running(self) -> bool:
        """Whether a job runs."""
        return any(job.running for job in self._jobs.values())

    async def close(self) -> None:
        """Stop all jobs. What they have committed stays."""
        running = [job.task for job in self._jobs.values() if job.task is not None and job.running]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _followed(self, job: IndexJob) -> IndexReport:
        """Run a job to its end and keep its report or its error."""

        def show(progress: JobProgress) -> None:
            job.progress = progress

        try:
            given = job.options.given()
            job.report = await self._run(job.collection, job.source, on_progress=show, force=job.force, **given)
        except RaycontextError as error:
            job.error = error
            raise
        except asyncio.CancelledError:
            job.error = JobCancelled(job.collection)
            raise
        except Exception as error:  # a fault of ours, which must not leave the job running for ever
            job.error = JobFailed(job.collection, f"{type(error).__name__}: {error}")
            raise job.error from error
        finally:
            job.ended = time.monotonic()
        return job.report

    def _forget(self) -> None:
        """Forget the oldest ended jobs beyond `KEPT_JOBS`."""
        ended = [name for name, job in self._jobs.items() if not job.running]
        for name in ended[: max(len(ended) - KEPT_JOBS, 0)]:
            del self._jobs[name]
