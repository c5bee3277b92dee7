"""Guard of all calls of Ray: they end with an error when the head of the cluster is lost, and none begins afterwards.

Without it a caller would wait for an answer that never comes, and a call after this process has left its cluster would
start a new Ray by itself. Ray ends every process, without a warning, that cannot reach the global control service (GCS)
of its head for 60 s. The calls here notice the loss earlier: they raise `RuntimeUnavailable`, and this process leaves
the cluster and stays alive.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

import ray
from ray._private import auto_init_hook

from raycontext.errors import RuntimeUnavailable

__all__ = ["asked", "check_present", "is_present", "while_head_answers"]

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

_looks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = WeakKeyDictionary()
"""Check of the head that is under way on each event loop. All calls that wait there share it."""
_leaving: list[threading.Thread] = []
"""Thread that leaves the cluster; empty while this process is in one."""


def check_present() -> None:
    """Raise `RuntimeUnavailable` where this process is in no cluster, or leaves it. No call of Ray may begin then."""
    if _leaving:
        if _leaving[0].is_alive() or not ray.is_initialized():
            raise _lost("")
        _leaving.clear()  # it has joined a cluster again
        auto_init_hook.enable_auto_connect = True
    if not ray.is_initialized():  # the call would start a new Ray
        raise _lost("")


def is_present() -> bool:
    """Return whether this process is in a cluster and does not leave it."""
    try:
        check_present()
    except RuntimeUnavailable:
        return False
    return True


async def while_head_answers(begin: Callable[[], Awaitable[Result]]) -> Result:
    """Await `begin()` and return its result.

    Raises what it raises, and `RuntimeUnavailable` where the head of the cluster is lost meanwhile.
    """
    check_present()
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
            check_present()
            found = question()
        except BaseException as error:
            answer.set_exception(error)
        else:
            answer.set_result(found)

    # A daemon thread: nothing can interrupt the call, and it must not keep the event loop from closing.
    threading.Thread(target=ask, name="raycontext-ask", daemon=True).start()
    return await while_head_answers(lambda: asyncio.wrap_future(answer))


async def _until_head_answers() -> None:
    """Return when the head of the cluster accepts a connection. Raises the errors of `_look`."""
    loop = asyncio.get_running_loop()
    look = _looks.get(loop)
    if look is None or look.done():
        look = _looks[loop] = loop.create_task(_look())
        look.add_done_callback(lambda done: done.cancelled() or done.exception())  # a caller may be gone
    await asyncio.shield(look)


async def _look() -> None:
    """Return when the head of the cluster accepts a connection.

    Raises `RuntimeUnavailable` where it has not accepted one for `HEAD_LOST_SECONDS`, or where this process is in no
    cluster. A process that is not an actor has left the cluster then.
    """
    check_present()
    context: Any = cast(Any, ray).get_runtime_context()  # read before the first pause: afterwards Ray may be left
    address, is_actor = str(context.gcs_address), context.get_actor_id() is not None
    loop = asyncio.get_running_loop()
    deadline = loop.time() + HEAD_LOST_SECONDS
    while not await asyncio.to_thread(lambda: _listens(address)):
        check_present()
        if loop.time() >= deadline:
            if not is_actor:  # Ray ends its actors by itself
                await asyncio.to_thread(_leave)
            raise _lost(address)
        await asyncio.sleep(PROBE_PAUSE_SECONDS)


def _leave() -> None:
    """Leave the cluster, and wait for it up to `LEAVE_SECONDS`. From its begin on no call of Ray begins."""
    if not _leaving:
        auto_init_hook.enable_auto_connect = False
        # A daemon thread: `ray.shutdown` may never return without a head.
        thread = threading.Thread(target=ray.shutdown, name="raycontext-leave", daemon=True)
        thread.start()
        _leaving.append(thread)
    for leaving in _leaving:
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
