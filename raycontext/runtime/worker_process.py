"""A worker process without Ray: it runs tasks that come in over its stdin, one at a time, and answers on its stdout.

A message is the length of its content (8 bytes, big-endian) and the content, which is pickled. A worker trusts its
parent, and nobody else can write to its pipes. It ends with its parent: at the end of its stdin, also in the middle of
a task.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any, BinaryIO, Generic, NamedTuple, TypeVar

from raycontext.runtime.base import ActorHandle
from raycontext.runtime.task import in_worker

__all__ = ["LENGTH_BYTES", "Answer", "Ask", "ParentActor", "Problem", "Task", "framed", "main"]

Kind = TypeVar("Kind")

LENGTH_BYTES = 8
"""Size of the length in front of each message, in bytes."""


class Task(NamedTuple):
    """A task for the worker."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]


class Ask(NamedTuple):
    """A call that a task makes to an actor of the parent."""

    actor: str
    method: str
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]


class Answer(NamedTuple):
    """Result of a task, or of a call."""

    value: Any


class Problem(NamedTuple):
    """Error that a task or a call has raised."""

    error: BaseException


def framed(message: object) -> bytes:
    """Return a message with its length in front. Raises what pickling it raises."""
    content = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return len(content).to_bytes(LENGTH_BYTES, "big") + content


class _Pipes:
    """The way to the parent and back, in the process of a worker."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._messages: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self._read_all, name="raycontext-parent", daemon=True).start()

    def receive(self) -> Any:
        """Wait for the next message."""
        return pickle.loads(self._messages.get())

    def send(self, message: bytes) -> None:
        """Send a message that is framed."""
        self._outgoing.write(message)
        self._outgoing.flush()

    def ask(self, question: Ask) -> Any:
        """Call an actor of the parent and wait for the result. Raises what the actor raises."""
        self.send(framed(question))
        found = self.receive()
        if isinstance(found, Problem):
            raise found.error
        return found.value

    def _read_all(self) -> None:
        while len(length := self._incoming.read(LENGTH_BYTES)) == LENGTH_BYTES:
            self._messages.put(self._incoming.read(int.from_bytes(length, "big")))
        _end()


_pipes: list[_Pipes] = []
"""The pipes of this process; empty where it is no worker."""


class ParentActor(ActorHandle[Kind], Generic[Kind]):
    """An actor of the parent, as a task reaches it."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def send(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        return await asyncio.to_thread(self.send_and_block, method, arguments, named)

    def send_and_block(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        (pipes,) = _pipes
        return pipes.ask(Ask(self._name, method, arguments, named))


def main() -> None:
    """Serve the parent until it closes the pipe, which ends the process."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")  # not inherited by programs of tasks
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # what anything prints must not come between the messages
    pipes = _Pipes(incoming, outgoing)
    _pipes.append(pipes)
    while True:
        pipes.send(_outcome(pipes.receive()))


def _outcome(task: Task) -> bytes:
    """Run a task; returns the message that says what came of it."""
    try:
        return framed(Answer(in_worker(task.function)(*task.arguments, **task.named)))
    except BaseException as error:
        return _told(error)


def _told(error: BaseException) -> bytes:
    """Return the message for an error. One that ends a process, or that cannot be sent, becomes text."""
    if isinstance(error, Exception):
        try:
            message = framed(Problem(error))
            pickle.loads(message[LENGTH_BYTES:])
        except Exception:
            pass
        else:
            return message
    return framed(Problem(RuntimeError(f"{type(error).__name__}: {error}")))


def _end() -> None:
    """End this process at once, with the programs that its task has started."""
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)
