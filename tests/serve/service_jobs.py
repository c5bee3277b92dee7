"""Waiting for the jobs of a service."""

from __future__ import annotations

from raycontext.serve.messages import JobState
from raycontext.serve.service import Service

from ..waiting import until_async


async def ended_job(service: Service, collection: str) -> JobState:
    """Return the state of the last job of a collection as soon as it has ended."""

    def ended() -> JobState | None:
        job = service.job(collection)
        return job if job is not None and job.state != "running" else None

    found = await until_async(ended)
    assert found is not None
    return found
