"""Batches as jobs of a Ray cluster, submitted to its dashboard.

The id of a job follows from its work, `raycontext-batch-<identity>-<number>`: who submits what is already running joins
it. Once it has ended, the next submission takes the next number, for Ray does not want an id twice.
"""

from __future__ import annotations

import asyncio
import logging
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
from ray.job_submission import JobStatus, JobSubmissionClient

from raycontext.errors import RuntimeUnavailable
from raycontext.runtime.ray_process import check_reachable

__all__ = ["BatchJob", "SubmittedJob", "submit_batch"]

LIST_NAME = "batch.json"
POLL_SECONDS = 0.5
SUBMIT_SECONDS = 60.0
"""How long a cluster that has just started may say that it cannot run jobs yet."""
EXIT_FAILED = 6
"""Of a job that ended without an exit code of its own: it was stopped, or its node is lost."""


class BatchJob(NamedTuple):
    """What to submit."""

    submission_id: str  # without the number
    root: str
    content: bytes  # of the list, which travels with the job


class SubmittedJob(NamedTuple):
    """What has come of it."""

    submission_id: str
    joined: bool  # it was running already
    status: str  # as Ray calls it: PENDING, RUNNING, STOPPED, SUCCEEDED, FAILED
    exit_code: int  # of the job; 0 where it is not waited for


def submit_batch(address: str, job: BatchJob, *, wait: bool, on_log: Callable[[str], None]) -> SubmittedJob:
    """Submit a job, or join it where it runs. `address`: http://HOST:PORT of the dashboard.

    wait: until it ends; `on_log` is then called with what it writes. Raises `RuntimeUnavailable`.
    """
    logging.getLogger("ray").setLevel(logging.WARNING)
    check_reachable(re.sub(r"^https?://", "", address).rstrip("/"))
    try:
        client: Any = JobSubmissionClient(address)
        submission_id, joined = _submitted(client, job)
        if wait:
            asyncio.run(_follow(client, submission_id, on_log))
            while not client.get_job_status(submission_id).is_terminal():
                time.sleep(POLL_SECONDS)
        details = client.get_job_info(submission_id)
    except (RuntimeError, ConnectionError, aiohttp.ClientError) as error:
        told = " ".join(str(error).split())[:300]
        raise RuntimeUnavailable(
            f"The job cannot be submitted to {address} ({told})",
            "Check the address of the dashboard, and the token in RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH.",
        ) from error
    ended = details.status.is_terminal()
    code = details.driver_exit_code
    if not ended or details.status is JobStatus.SUCCEEDED:
        code = 0
    elif code is None or code <= 0:  # less than 0: ended by a signal
        code = EXIT_FAILED
    return SubmittedJob(submission_id, joined, details.status.value, code)


def _submitted(client: Any, job: BatchJob) -> tuple[str, bool]:
    """Id of the job, and whether it was there before."""
    deadline = time.monotonic() + SUBMIT_SECONDS
    while True:
        number, running = _newest(client, job.submission_id)
        if running:
            return f"{job.submission_id}-{number}", True
        submission_id = f"{job.submission_id}-{number + 1}"
        with tempfile.TemporaryDirectory(prefix="raycontext-job-") as folder:
            Path(folder, LIST_NAME).write_bytes(job.content)
            try:
                client.submit_job(
                    submission_id=submission_id,
                    entrypoint=f"python -m raycontext batch {LIST_NAME}",
                    runtime_env={
                        "working_dir": folder,
                        "env_vars": {"RAYCONTEXT_ROOT": job.root, "RAYCONTEXT_ADDRESS": "auto"},
                    },
                )
            except RuntimeError as error:
                # Another one was quicker, so that it is running now; or no node is ready yet.
                passing = any(told in str(error) for told in ("already exists", "No available agent"))
                if not passing or time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)
            else:
                return submission_id, False


def _newest(client: Any, base: str) -> tuple[int, bool]:
    """The highest number of the jobs of this work, 0 where there is none, and whether that one has not ended."""
    newest, running = 0, False
    for details in client.list_jobs():
        found = re.fullmatch(rf"{re.escape(base)}-(\d+)", details.submission_id or "")
        if found and int(found[1]) > newest:
            newest, running = int(found[1]), not details.status.is_terminal()
    return newest, running


async def _follow(client: Any, submission_id: str, on_log: Callable[[str], None]) -> None:
    """Pass on what the job writes."""
    async for text in client.tail_job_logs(submission_id):
        on_log(text)
