"""Answers to queries without a daemon: its service runs in this process."""

from __future__ import annotations

import asyncio
import sys
from contextlib import redirect_stdout
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from raycontext.errors import RaycontextError, RemoteError
from raycontext.index.request import refused
from raycontext.sdk.connection import connect
from raycontext.serve.http.calls import CALLS
from raycontext.serve.service import Service

__all__ = ["answer"]


def answer(name: str, body: dict[str, Any], *, root: str | None, address: str | None) -> dict[str, Any]:
    """Return what the daemon answers to `/api/NAME`, from the inline runtime or from a cluster.

    name: name of an operation, such as "search" or "usages".
    body: the request, as the daemon's API takes it.

    Raises `RemoteError`, which has the name, message and exit code that the daemon would report.
    """
    # Without a cluster the segments are mapped in this process, so that nothing has to start before the answer.
    runtime: Literal["inline"] | None = None if address else "inline"
    try:
        # Ray prints messages of its processes on stdout, which is for results.
        with redirect_stdout(sys.stderr):
            found = asyncio.run(_answer(name, body, root, address, runtime))
    except RaycontextError as error:
        raise RemoteError(type(error).__name__, str(error), error.exit_code) from error
    return found.model_dump(mode="json")


async def _answer(
    name: str, body: dict[str, Any], root: str | None, address: str | None, runtime: Literal["inline"] | None
) -> BaseModel:
    call = next(call for call in CALLS if call.name == name)
    assert call.asks is not None
    try:
        asked = call.asks(**body)
    except ValidationError as error:
        raise refused(error, "`--help` says what each option takes.") from None
    async with connect(root=root, address=address, runtime=runtime) as context:
        return await call.work(Service(context), asked)
