"""Pool of worker processes, which run tasks without Ray. They are started when needed, and end when idle.

Each worker is a Python interpreter that imports nothing from the caller's folder (see `worker_process`). The pool
belongs to one event loop, and nothing in it blocks.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import platform
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

from raycontext.errors import RuntimeUnavailable
from raycontext.runtime.base import WorkerDied, WorkerLost
from raycontext.runtime.worker_process import LENGTH_BYTES, Answer, Ask, Problem, Task, framed

__all__ = ["FROM_OUTSIDE", "PROGRAM", "WorkerPool", "cause_of"]

IDLE_SECONDS = 60.0
"""Time in seconds without a task after which a worker ends."""

PROGRAM = ("-P", "-c", "from raycontext.runtime.worker_process import main; main()")
"""Arguments of the interpreter. `-P` keeps the current folder off its module path."""

FROM_OUTSIDE = frozenset(
    getattr(signal, name) for name in ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)
)
"""Signals that are no fault of the task: a user sends them, or the kernel when the machine runs out of memory."""


class WorkerPool:
    """Pool of at most `size` worker processes, each with one task at a time.

    ask: coroutine function that calls an actor of this process for a task. It takes the actor's name, the method's
    name, positional and named arguments.
    """

    def __init__(
        self, size: int, ask: Callable[[str, str, tuple[Any, ...], Mapping[str, Any]], Awaitable[Any]]
    ) -> None:
        self._ask = ask
        self._free = size
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._idle: list[_Worker] = []
        self._ending: set[asyncio.Task[None]] = set()

    async def run(self, task: Task) -> Any:
        """Run a task in a worker and return its result. Cancelling the call ends the worker and so the task.

        Raises what the task raises, `WorkerDied` where its process died, `WorkerLost` where a signal from outside
        ended it, and `RuntimeUnavailable` where no process can be started.
        """
        message = framed(task)
        await self._place()
        try:
            worker = self._taken() or await _Worker.started()
            try:
                found = await self._outcome(worker, message)
            except BaseException:
                worker.kill()
                self._in_background(worker.ended())
                raise
            self._keep(worker)
        finally:
            self._give_back()
        if isinstance(found, Problem):
            raise found.error
        return found.value

    async def close(self) -> None:
        """End all idle workers and wait until all ended workers are gone."""
        while (worker := self._taken()) is not None:
            worker.leave()
            self._in_background(worker.ended())
        while self._ending:
            await asyncio.wait(self._ending)

    async def _outcome(self, worker: _Worker, message: bytes) -> Answer | Problem:
        """Give a worker its task, answer its calls of actors, and return the result or the error of the task."""
        while True:
            found = await worker.exchange(message)
            if isinstance(found, Answer | Problem):
                return found
            message = await self._answer(found)

    async def _answer(self, asked: Ask) -> bytes:
        """Call an actor for a task, and return the message with its result or its error."""
        try:
            return framed(Answer(await self._ask(asked.actor, asked.method, asked.arguments, asked.named)))
        except Exception as error:  # the task decides what to do about it
            return framed(Problem(error))

    async def _place(self) -> None:
        """Wait until one more task may run."""
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()
            raise

    def _give_back(self) -> None:
        """Let the next waiting task run, or count one more free place."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # a done turn belongs to a caller that was cancelled
                turn.set_result(None)
                return
        self._free += 1

    def _taken(self) -> _Worker | None:
        """Take the worker that has been idle for the shortest time out of the pool; None where none is idle."""
        while self._idle:
            worker = self._idle.pop()
            worker.wakes()
            if worker.is_alive:
                return worker
            self._in_background(worker.ended())
        return None

    def _keep(self, worker: _Worker) -> None:
        """Put a worker back into the pool, and end it after `IDLE_SECONDS` without a task."""
        self._idle.append(worker)
        worker.sleeps(IDLE_SECONDS, self._dismiss)

    def _dismiss(self, worker: _Worker) -> None:
        """End a worker that has been idle for too long."""
        self._idle.remove(worker)
        worker.leave()
        self._in_background(worker.ended())

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a coroutine that `close` waits for."""
        task = asyncio.ensure_future(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


class _Worker:
    """Worker process, seen from its parent."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def started(cls) -> _Worker:
        """Return a new worker process. Raises `RuntimeUnavailable` where it cannot be started."""
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *PROGRAM,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,  # so that Ctrl-C in a terminal does not reach the workers
            )
        except OSError as error:
            raise RuntimeUnavailable(
                f"A worker process cannot be started ({type(error).__name__}: {error})",
                "Look for free memory and for the limit of processes, and try again.",
            ) from error
        return cls(process)

    @property
    def is_alive(self) -> bool:
        """Whether the process has not been seen to end."""
        return self._process.returncode is None

    async def exchange(self, message: bytes) -> Answer | Problem | Ask:
        """Send a message and return the next message of the worker. Raises `WorkerDied` or `WorkerLost`."""
        try:
            self._stdin.write(message)
            await self._stdin.drain()
            length = int.from_bytes(await self._stdout.readexactly(LENGTH_BYTES), "big")
            content = await self._stdout.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            code = await self._process.wait()
            cause = cause_of(code)
            raise (WorkerLost if -code in FROM_OUTSIDE else WorkerDied)(cause, platform.node()) from None
        found = await asyncio.to_thread(pickle.loads, content)
        assert isinstance(found, Answer | Problem | Ask)
        return found

    def sleeps(self, seconds: float, dismiss: Callable[[_Worker], None]) -> None:
        """Call `dismiss` in `seconds` seconds unless `wakes` is called before."""
        self._timer = asyncio.get_running_loop().call_later(seconds, dismiss, self)

    def wakes(self) -> None:
        """Cancel the call that `sleeps` has planned."""
        if self._timer is not None:
            self._timer.cancel()

    def leave(self) -> None:
        """Close the pipe to the process, which makes it end."""
        self._stdin.close()

    def kill(self) -> None:
        """Kill the process and the programs that its task has started."""
        if not self.is_alive:
            return
        with suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    async def ended(self) -> None:
        """Wait until the process has ended."""
        await self._process.wait()


def cause_of(code: int) -> str:
    """Return in words how a process ended. A negative exit code is the number of a signal."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
