"""Task in a child process of the calling one, which waits for it and tells how it ended.

A worker of Ray uses it for a file that may have crashed a worker: Ray says that a worker has died, and not of what.
"""

from __future__ import annotations

import io
import os
import pickle
import platform
import signal
import subprocess
import sys
from contextlib import suppress
from typing import IO, Any

from raycontext.runtime.base import ActorHandle, WorkerDied, WorkerLost
from raycontext.runtime.worker_pool import FROM_OUTSIDE, PROGRAM, cause_of
from raycontext.runtime.worker_process import LENGTH_BYTES, Answer, Ask, ParentActor, Problem, Task, framed

__all__ = ["run_in_child"]


def run_in_child(task: Task) -> Any:
    """Run a task in a new process, block until it has ended, and return its result.

    The task may call the actors whose handles are among its arguments. Raises what the task raises, `WorkerDied` with
    the signal that ended the process, and `WorkerLost` where a signal from outside did.
    """
    content = io.BytesIO()
    pickler = _TaskPickler(content)
    pickler.dump(task)
    child = subprocess.Popen(
        [sys.executable, *PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        message = len(content.getvalue()).to_bytes(LENGTH_BYTES, "big") + content.getvalue()
        while True:
            found = _exchange(child.stdin, child.stdout, message)
            if found is None:
                code = child.wait()
                raise (WorkerLost if -code in FROM_OUTSIDE else WorkerDied)(cause_of(code), platform.node())
            if isinstance(found, Problem):
                raise found.error
            if isinstance(found, Answer):
                return found.value
            message = _answer(pickler.actors, found)
    finally:
        if child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


class _TaskPickler(pickle.Pickler):
    """Pickler of a task that gives the child a handle of its own kind for each actor, and remembers the actors."""

    def __init__(self, content: io.BytesIO) -> None:
        super().__init__(content, protocol=pickle.HIGHEST_PROTOCOL)
        self.actors: dict[str, ActorHandle[Any]] = {}

    def reducer_override(self, value: Any) -> Any:
        """Return how a handle is pickled; `NotImplemented` for all else."""
        if not isinstance(value, ActorHandle):
            return NotImplemented
        name = f"{len(self.actors)}"
        self.actors[name] = value
        return ParentActor, (name,)


def _exchange(stdin: IO[bytes], stdout: IO[bytes], message: bytes) -> Answer | Problem | Ask | None:
    """Send a message to the child and return its next one; None where the child has ended."""
    try:
        stdin.write(message)
        stdin.flush()
    except OSError:
        return None
    length = stdout.read(LENGTH_BYTES)
    size = int.from_bytes(length, "big")
    content = stdout.read(size) if len(length) == LENGTH_BYTES else b""
    if len(length) != LENGTH_BYTES or len(content) != size:
        return None
    found = pickle.loads(content)
    assert isinstance(found, Answer | Problem | Ask)
    return found


def _answer(actors: dict[str, ActorHandle[Any]], asked: Ask) -> bytes:
    """Call an actor for the task, and return the message with its result or its error."""
    try:
        return framed(Answer(actors[asked.actor].send_and_block(asked.method, asked.arguments, asked.named)))
    except Exception as error:  # the task decides what to do about it
        return framed(Problem(error))
