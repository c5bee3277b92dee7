"""Worker processes of our own, which run tasks where there is no Ray: started when they are needed, ended when idle.

Each is an interpreter of its own that imports nothing from the caller's folder (`worker_process`). State of one event
loop; nothing blocks.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

from raycontext.errors import RuntimeUnavailable
from raycontext.runtime.base import WorkerDied, WorkerLost
from raycontext.runtime.worker_process import LENGTH_BYTES, Answer, Ask, Problem, Task, framed

__all__ = ["WorkerPool"]

IDLE_SECONDS = 60.0
"""Time without a task after which a worker ends, in seconds."""

PROGRAM = ("-P", "-c", "from raycontext.runtime.worker_process import main; main()")
"""Arguments of the interpreter: `-P` keeps the current folder off its path."""

FROM_OUTSIDE = frozenset(
    getattr(signal, name) for name in ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)
)
"""Signals that no task brings about: a user sends them, or the kernel where the memory of the machine is short."""


class WorkerPool:
    """So many workers, each with one task at a time.

    ask: calls an actor of this process for a task: name, method, arguments, named arguments.
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
        """Run a task in a worker and return its result. A caller that is cancelled ends the task and its worker.

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
        """End all workers."""
        while (worker := self._taken()) is not None:
            worker.leave()
            self._in_background(worker.ended())
        while self._ending:
            await asyncio.wait(self._ending)

    async def _outcome(self, worker: _Worker, message: bytes) -> Answer | Problem:
        """Give a worker its task, answer what it asks meanwhile, and return what came of the task."""
        while True:
            found = await worker.exchange(message)
            if isinstance(found, Answer | Problem):
                return found
            message = await self._answer(found)

    async def _answer(self, asked: Ask) -> bytes:
        try:
            return framed(Answer(await self._ask(asked.actor, asked.method, asked.arguments, asked.named)))
        except Exception as error:  # the task decides what it means
            return framed(Problem(error))

    async def _place(self) -> None:
        """Wait for the turn of one more task."""
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
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else its caller was cancelled
                turn.set_result(None)
                return
        self._free += 1

    def _taken(self) -> _Worker | None:
        """Return a worker that waits for a task, the one that has waited for the shortest time."""
        while self._idle:
            worker = self._idle.pop()
            worker.wakes()
            if worker.is_alive:
                return worker
            self._in_background(worker.ended())
        return None

    def _keep(self, worker: _Worker) -> None:
        self._idle.append(worker)
        worker.sleeps(IDLE_SECONDS, self._dismiss)

    def _dismiss(self, worker: _Worker) -> None:
        """End a worker that had nothing to do."""
        self._idle.remove(worker)
        worker.leave()
        self._in_background(worker.ended())

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


class _Worker:
    """One process, as its parent sees it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def started(cls) -> _Worker:
        """Start a process. Raises `RuntimeUnavailable`."""
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *PROGRAM,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,  # who interrupts the command interrupts its process alone
            )
        except OSError as error:
            raise RuntimeUnavailable(
                f"A worker process cannot be started ({type(error).__name__}: {error})",
                "Look for free memory and for the limit of processes, and try again.",
            ) from error
        return cls(process)

    @property
    def is_alive(self) -> bool:
        """Whether the process is not known to have ended."""
        return self._process.returncode is None

    async def exchange(self, message: bytes) -> Answer | Problem | Ask:
        """Send a message and wait for the next one. Raises `WorkerDied`, `WorkerLost`."""
        try:
            self._stdin.write(message)
            await self._stdin.drain()
            length = int.from_bytes(await self._stdout.readexactly(LENGTH_BYTES), "big")
            content = await self._stdout.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            code = await self._process.wait()
            cause = _cause(code)
            raise (WorkerLost if -code in FROM_OUTSIDE else WorkerDied)(cause) from None
        found = await asyncio.to_thread(pickle.loads, content)
        assert isinstance(found, Answer | Problem | Ask)
        return found

    def sleeps(self, seconds: float, dismiss: Callable[[_Worker], None]) -> None:
        """Call `dismiss` unless it is woken within so many seconds."""
        self._timer = asyncio.get_running_loop().call_later(seconds, dismiss, self)

    def wakes(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def leave(self) -> None:
        """Have the process end by itself."""
        self._stdin.close()

    def kill(self) -> None:
        """End the process, and the programs that its task has started."""
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


def _cause(code: int) -> str:
    """Return how a process ended, from its exit code; a negative one is the number of a signal."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
