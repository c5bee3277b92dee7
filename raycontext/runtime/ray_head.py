"""Notices that the head of the cluster is lost while this process waits for something that it will never get.

Ray itself waits: it ends every process that has not reached the global control service (GCS) of its head for 60 s,
with all that is in it. Before that, who waits gets an error, and the process leaves the cluster.
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
"""How long the head may be away: with an external store it comes back. Well below the 60 s of Ray."""
LOOK_SECONDS = 5.0
"""How often someone who waits looks."""
PROBE_PAUSE_SECONDS = 0.5
CONNECT_SECONDS = 5.0
LEAVE_SECONDS = 10.0


async def while_head_answers(begin: Callable[[], Awaitable[Result]]) -> Result:
    """What the awaitable that `begin` makes comes to. Raises what it raises, and as `_until_head_answers`."""
    if not ray.is_initialized():  # Ray would start one by itself
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
    """What a blocking call says that asks the head. Raises as `while_head_answers`."""
    await _until_head_answers()
    answer: Future[Result] = Future()

    def ask() -> None:
        answer.set_running_or_notify_cancel()  # from here on no one can cancel it
        try:
            found = question()
        except BaseException as error:
            answer.set_exception(error)
        else:
            answer.set_result(found)

    # A daemon, for nothing interrupts the call: it must not keep an event loop from being closed.
    threading.Thread(target=ask, name="raycontext-ask", daemon=True).start()
    return await while_head_answers(lambda: asyncio.wrap_future(answer))


async def _until_head_answers() -> None:
    """Wait for the head where it does not answer.

    Raises `RuntimeUnavailable` where it has gone for `HEAD_LOST_SECONDS`; this process, if it is no actor, has left the
    cluster then.
    """
    if not ray.is_initialized():
        raise _lost("")
    if cast(Any, ray).util.client.ray.is_connected():  # its server is what asks the head, and tells when that is lost
        return
    address = str(cast(Any, ray).get_runtime_context().gcs_address)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + HEAD_LOST_SECONDS
    while not await asyncio.to_thread(lambda: _listens(address)):
        if loop.time() >= deadline:
            if cast(Any, ray).get_runtime_context().get_actor_id() is None:  # actors are Ray's own affair
                await asyncio.to_thread(_leave)
            raise _lost(address)
        await asyncio.sleep(PROBE_PAUSE_SECONDS)


def _leave() -> None:
    # A daemon as well.
    leaving = threading.Thread(target=ray.shutdown, name="raycontext-leave", daemon=True)
    leaving.start()
    leaving.join(LEAVE_SECONDS)


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def _lost(address: str) -> RuntimeUnavailable:
    return RuntimeUnavailable(
        f"The head of the Ray cluster at {address} is lost" if address else "This process has left its Ray cluster",
        "Start the cluster again and connect anew; what was committed is in the root.",
    )
