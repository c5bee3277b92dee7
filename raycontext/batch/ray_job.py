"""Batches as jobs of a Ray cluster, submitted to its dashboard.

The id of a job follows from its work: `raycontext-batch-<identity>-<number>`. A submission of work that runs already
joins the running job. Once that has ended, the next submission takes the next number, since Ray refuses an id twice.
"""

from __future__ import annotations

import asyncio
import logging
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import aiohttp
import requests
from ray.exceptions import RayError
from ray.job_submission import JobStatus, JobSubmissionClient

from raycontext.errors import RuntimeUnavailable
from raycontext.errors.exit_codes import MEANINGS, ExitCode
from raycontext.retrying import Retries
from raycontext.runtime.ray_process import check_reachable

__all__ = ["BatchJob", "SubmittedJob", "stop_command", "submit_batch"]

LIST_NAME = "batch.json"
"""Name of the file with the list, in the working folder of the job."""
POLL_SECONDS = 0.5
"""Pause between two tries of a request, in seconds."""
SUBMIT_SECONDS = 300.0
"""Longest time that a cluster which has just started may refuse jobs, in seconds. It is told at the first refusal."""
START_SECONDS = 60.0
"""Time in seconds after which a job that has not started is told."""
PATIENCE_SECONDS = 20.0
"""Longest time that a dashboard may drop connections before the command gives up, in seconds."""

DROPPED: tuple[type[Exception], ...] = (ConnectionError, requests.ConnectionError, requests.Timeout)
"""Errors after which a request is worth another try. Errors of requests are not of the class `ConnectionError`."""
ERRORS = (RuntimeError, OSError, LookupError, TypeError, ValueError, aiohttp.ClientError, RayError)
"""Errors that Ray's client raises, also when something other than Ray's dashboard answers."""

_Result = TypeVar("_Result")


class BatchJob(NamedTuple):
    """Batch to submit as a job."""

    submission_id: str  # without the number
    root: str | None  # None: the root that the nodes of the cluster are set up with
    content: bytes  # the list, which travels with the job


class SubmittedJob(NamedTuple):
    """State of a submitted job."""

    submission_id: str
    joined: bool  # someone else had submitted it
    status: str  # Ray's own word: PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED
    exit_code: int  # exit code of the job; 0 while it has not ended


def stop_command(address: str, submission_id: str) -> str:
    """Return the command that stops a job, to be shown."""
    return f"ray job stop --address {address} {submission_id}"


def submit_batch(
    address: str,
    job: BatchJob,
    *,
    wait: bool,
    on_log: Callable[[str], None],
    on_submitted: Callable[[str], None] = lambda _: None,
    on_note: Callable[[str], None] = lambda _: None,
) -> SubmittedJob:
    """Submit a job, or join it when it runs already, and return its state.

    address: address of the dashboard, http://HOST:PORT.
    wait: True waits until the job has ended.
    on_log: function that is called with what the job writes while it is waited for.
    on_submitted: function that is called with the id of the job as soon as the cluster has it.
    on_note: function that is called with what a user should know while the job is waited for: that it does not start.

    Raises `RuntimeUnavailable` when the dashboard cannot be reached or refuses the job.
    """
    logging.getLogger("ray").setLevel(logging.WARNING)
    check_reachable(re.sub(r"^https?://", "", address).rstrip("/"))
    try:
        client: Any = _asked(lambda: JobSubmissionClient(address))
        logging.getLogger("ray").setLevel(logging.WARNING)  # making a client sets it to INFO
        submission_id, joined = _submitted(client, job, on_note)
        on_submitted(submission_id)
        if wait:
            _wait_for_start(client, submission_id, lambda: on_note(_not_started(address, submission_id)))
            follow(client, submission_id, on_log)
        details = _asked(lambda: client.get_job_info(submission_id))
    except ERRORS as error:
        told = " ".join(str(error).split())[:300]
        raise RuntimeUnavailable(
            f"The job cannot be submitted to {address} ({told})",
            "Check the address of the dashboard, and the token in RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH.",
        ) from error
    ended = details.status.is_terminal()
    code = details.driver_exit_code
    if not ended or details.status is JobStatus.SUCCEEDED:
        code = 0
    elif code not in MEANINGS or code in (ExitCode.DONE, ExitCode.NOTHING_FOUND):
        code = ExitCode.RUN_STOPPED  # killed by a signal, lost with its node, or failed before raycontext began
    return SubmittedJob(submission_id, joined, details.status.value, code)


def _submitted(client: Any, job: BatchJob, on_note: Callable[[str], None]) -> tuple[str, bool]:
    """Return the id of the job, and whether someone else had submitted it. Tell `on_note` where no node is ready."""
    deadline = time.monotonic() + SUBMIT_SECONDS
    is_told = False
    unanswered = ""  # id of a submission that may or may not have arrived
    while True:
        number, running = _asked(lambda: _newest(client, job.submission_id))
        newest = f"{job.submission_id}-{number}"
        if running or newest == unanswered:
            return newest, newest != unanswered
        submission_id = f"{job.submission_id}-{number + 1}"
        with tempfile.TemporaryDirectory(prefix="raycontext-job-") as folder:
            Path(folder, LIST_NAME).write_bytes(job.content)
            try:
                client.submit_job(
                    submission_id=submission_id,
                    entrypoint=f"python -m raycontext batch {LIST_NAME}",
                    runtime_env={
                        "working_dir": folder,
                        "env_vars": {
                            "RAYCONTEXT_ADDRESS": "auto",
                            **({"RAYCONTEXT_ROOT": job.root} if job.root is not None else {}),
                        },
                    },
                )
            except RuntimeError as error:
                # Someone else was faster, so that the job runs now; or no node is ready yet.
                is_unready = "No available agent" in str(error)
                if not (is_unready or "already exists" in str(error)) or time.monotonic() > deadline:
                    raise
                if is_unready and not is_told:
                    on_note(f"no node of the cluster takes jobs yet; trying for {SUBMIT_SECONDS / 60:.0f} minutes")
                    is_told = True
                time.sleep(POLL_SECONDS)
            except DROPPED:  # the next look at the jobs tells whether it has arrived
                if time.monotonic() > deadline:
                    raise
                unanswered = submission_id
                time.sleep(POLL_SECONDS)
            else:
                return submission_id, False


def _wait_for_start(client: Any, submission_id: str, tell: Callable[[], None]) -> None:
    """Return when a job has started or ended. Call `tell` once where it has not after `START_SECONDS`."""
    deadline, told = time.monotonic() + START_SECONDS, False
    while _asked(lambda: client.get_job_status(submission_id)) is JobStatus.PENDING:
        if not told and time.monotonic() >= deadline:
            tell()
            told = True
        time.sleep(POLL_SECONDS)


def _not_started(address: str, submission_id: str) -> str:
    """Return what to say of a job that does not start."""
    return (
        f"the job {submission_id} has not started after {START_SECONDS:.0f} s: no node has a free CPU for it, or its "
        f"environment cannot be set up; look at the dashboard ({address}). It is waited for; to give it up: "
        f"{stop_command(address, submission_id)}"
    )


def _asked(request: Callable[[], _Result]) -> _Result:
    """Repeat a request that is safe to repeat until the dashboard answers, for `PATIENCE_SECONDS` at most."""
    return Retries(DROPPED, seconds=PATIENCE_SECONDS, pause=lambda _: POLL_SECONDS).run_blocking(request)


def _newest(client: Any, base: str) -> tuple[int, bool]:
    """Return the highest number of a job for this work and whether that job still runs; 0 and False without a job."""
    newest, running = 0, False
    for details in client.list_jobs():
        found = re.fullmatch(rf"{re.escape(base)}-(\d+)", details.submission_id or "")
        if found and int(found[1]) > newest:
            newest, running = int(found[1]), not details.status.is_terminal()
    return newest, running


def follow(client: Any, submission_id: str, on_log: Callable[[str], None]) -> None:
    """Pass on what the job writes, each character once, and return when the job has ended.

    A stream that breaks is opened again. It then starts at the beginning of the log, so what was passed on is left out.
    """
    passed = 0

    async def pass_on() -> None:
        nonlocal passed
        position = 0
        async for text in client.tail_job_logs(submission_id):
            new = text[max(passed - position, 0) :]
            position += len(text)
            passed = max(passed, position)
            if new:
                on_log(new)

    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        before = passed
        try:
            asyncio.run(pass_on())
        except (RuntimeError, OSError, aiohttp.ClientError):
            if passed > before:
                deadline = time.monotonic() + PATIENCE_SECONDS
            if time.monotonic() > deadline:
                raise
        if _asked(lambda: client.get_job_status(submission_id)).is_terminal():
            return
        time.sleep(POLL_SECONDS)
