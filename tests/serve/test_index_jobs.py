"""Jobs of the daemon by themselves: how each end of a run is kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from raycontext.errors import InvalidInput, JobFailed
from raycontext.models import IndexReport
from raycontext.models.options import RunOptions
from raycontext.serve.index_job import IndexJobs


@pytest.mark.parametrize(
    "error, told",
    [(KeyError("lost"), "KeyError"), (OSError("no room"), "no room"), (InvalidInput("bad", "Mend it."), "Mend it.")],
)
async def test_a_run_that_ends_with_any_error_has_failed(error: Exception, told: str) -> None:
    async def run(*_: Any, **__: Any) -> IndexReport:
        raise error

    jobs = IndexJobs(run)
    job = jobs.begin("shop", "/shop", RunOptions(), force=False)
    assert job.task is not None
    await asyncio.wait([job.task])
    state = job.state()
    assert state.state == "failed"
    assert state.error is not None
    assert told in state.error
    assert state.exit_code == (error if isinstance(error, InvalidInput) else JobFailed("shop", "")).exit_code
    assert not jobs.is_running("shop")
