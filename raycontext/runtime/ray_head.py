"""Calls of a Ray cluster that end with an error when the head of the cluster is lost.

Without them a caller would wait for an answer that never comes. Ray itself ends every process, without a warning, that
cannot reach the global control service (GCS) of its head for 60 s. The calls here notice the loss earlier: they raise
`RuntimeUnavailable`, and this process leaves the cluster and stays alive.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar, cast

import ray

from raycontext.errors import RuntimeUnavailable

__all__ = ["asked", "while_head_answers"]

Result = TypeVar("Result")

HEAD_LOST_SECONDS = 15.0
"""Time in seconds that the head may be away before it counts as lost.

A head with an external store may come back. The limit is well below the 60 s of Ray.
"""
LOOK_SECONDS = 5.0
"""Time in seconds between two checks of the head while a call waits for its answer."""
PROBE_PAUSE_SECONDS = 0.5
"""Pause in seconds between two tries to connect to a head that does not answer."""
CONNECT_SECONDS = 5.0
"""Time in seconds that the head may take to accept a connection."""
LEAVE_SECONDS = 10.0
"""Time in seconds that this process waits until it has left the cluster."""


async def while_head_answers(begin: Callable[[], Awaitable[Result]]) -> Result:
    """Await `begin()` and return its result.

    Raises what it raises, and `RuntimeUnavailable` where the head of the cluster is lost meanwhile.
    """
    if not ray.is_initialized():  # the call would start a new Ray
        raise _lost("")
    answer = asyncio.ensure_future(begin())
    try:
        while True:
            done, _ = await asyncio.wait([answer], timeout=LOOK_SECONDS)
            if done:
                return answer.result()
            await _until_head_answers()
    finally:
        answer.cancel()


async def asked(question: Callable[[], Result]) -> Result:
    """Call the blocking `question`, which asks the head, in a thread, and await its result.

    Raises what `question` raises, and `RuntimeUnavailable` where the head of the cluster is lost.
    """
    await _until_head_answers()
    answer: Future[Result] = Future()

    def ask() -> None:
        answer.set_running_or_notify_cancel()  # from now on it cannot be cancelled
        try:
            found = question()
        except BaseException as error:
            answer.set_exception(error)
        else:
            answer.set_result(found)

    # A daemon thread: nothing can interrupt the call, and it must not keep the event loop from closing.
    threading.Thread(target=ask, name="raycontext-ask", daemon=True).start()
    return await while_head_answers(lambda: asyncio.wrap_future(answer))


async def _until_head_answers() -> None:
    """Return when the head of the cluster accepts a connection.

    Raises `RuntimeUnavailable` where it has not accepted one for `HEAD_LOST_SECONDS`, or where this process is in no
    cluster. A process that is not an actor has left the cluster then.
    """
    if not ray.is_initialized():
        raise _lost("")
    if cast(Any, ray).util.client.ray.is_connected():  # the server of the client watches the head and reports its loss
        return
    address = str(cast(Any, ray).get_runtime_context().gcs_address)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + HEAD_LOST_SECONDS
    while not await asyncio.to_thread(lambda: _listens(address)):
        if loop.time() >= deadline:
            if cast(Any, ray).get_runtime_context().get_actor_id() is None:  # Ray ends its actors by itself
                await asyncio.to_thread(_leave)
            raise _lost(address)
        await asyncio.sleep(PROBE_PAUSE_SECONDS)


def _leave() -> None:
    """Leave the cluster, and wait for it up to `LEAVE_SECONDS`."""
    # A daemon thread: `ray.shutdown` may never return without a head.
    leaving = threading.Thread(target=ray.shutdown, name="raycontext-leave", daemon=True)
    leaving.start()
    leaving.join(LEAVE_SECONDS)


def _listens(address: str) -> bool:
    """Return whether a program accepts connections at `address`, "HOST:PORT"."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def _lost(address: str) -> RuntimeUnavailable:
    """Return the error to raise for a head at `address` that is lost; "" where this process is in no cluster."""
    return RuntimeUnavailable(
        f"The head of the Ray cluster at {address} is lost" if address else "This process has left its Ray cluster",
        "Start the cluster again and connect anew; what was committed is in the root.",
    )
