"""Worker process without Ray: it reads tasks from its standard input, runs one at a time, and writes the results back.

A message is the length of its content (8 bytes, big-endian) followed by the content, which is pickled. A worker trusts
its parent, and nobody else can write to its pipes. It ends when its parent closes the input, even in the middle of a
task.
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
    """Message to a worker: a function to run, with its arguments."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]


class Ask(NamedTuple):
    """Message to the parent: a call of one of its actors by a task."""

    actor: str
    method: str
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]


class Answer(NamedTuple):
    """Message with the result of a task or of a call."""

    value: Any


class Problem(NamedTuple):
    """Message with the error that a task or a call has raised."""

    error: BaseException


def framed(message: object) -> bytes:
    """Return a pickled message with its length in front. Raises what pickling raises."""
    content = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return len(content).to_bytes(LENGTH_BYTES, "big") + content


class _Pipes:
    """Pair of pipes from a worker to its parent. A thread reads the incoming one."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._messages: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self._read_all, name="raycontext-parent", daemon=True).start()

    def receive(self) -> Any:
        """Block until the next message, and return it."""
        return pickle.loads(self._messages.get())

    def send(self, message: bytes) -> None:
        """Send a message that `framed` has made."""
        self._outgoing.write(message)
        self._outgoing.flush()

    def ask(self, question: Ask) -> Any:
        """Call an actor of the parent and block until its result is there. Raises what the actor raises."""
        self.send(framed(question))
        found = self.receive()
        if isinstance(found, Problem):
            raise found.error
        return found.value

    def _read_all(self) -> None:
        """Read messages until the parent closes the pipe, then end this process."""
        while len(length := self._incoming.read(LENGTH_BYTES)) == LENGTH_BYTES:
            self._messages.put(self._incoming.read(int.from_bytes(length, "big")))
        _end()


_pipes: list[_Pipes] = []
"""Pipes of this process to its parent. Empty where this process is not a worker."""


class ParentActor(ActorHandle[Kind], Generic[Kind]):
    """Handle, in a worker process, of an actor that lives in the parent."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def send(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Call a method of the actor in a thread, and await its result. Raises what the method raises."""
        return await asyncio.to_thread(self.send_and_block, method, arguments, named)

    def send_and_block(self, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        """Call a method of the actor, and block until its result is there. Raises what the method raises."""
        (pipes,) = _pipes
        return pipes.ask(Ask(self._name, method, arguments, named))


def main() -> None:
    """Run tasks for the parent until it closes the pipe, which ends this process."""
    incoming, outgoing = (
        os.fdopen(os.dup(0), "rb"),
        os.fdopen(os.dup(1), "wb"),
    )  # programs that tasks start do not inherit them
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # prints go to stderr, not between the messages
    pipes = _Pipes(incoming, outgoing)
    _pipes.append(pipes)
    while True:
        pipes.send(_outcome(pipes.receive()))


def _outcome(task: Task) -> bytes:
    """Run a task, and return the message with its result or its error."""
    try:
        return framed(Answer(in_worker(task.function)(*task.arguments, **task.named)))
    except BaseException as error:
        return _told(error)


def _told(error: BaseException) -> bytes:
    """Return the message with an error.

    An error that would end a process, or that cannot be pickled, becomes a `RuntimeError` with its text.
    """
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
    """End this process at once, together with the programs that its task has started."""
    if hasattr(os, "killpg") and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)
