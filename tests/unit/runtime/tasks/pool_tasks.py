"""Tasks that behave badly, for workers that find this module on their path."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from raycontext.errors import InvalidInput
from raycontext.runtime.base import ActorHandle
from raycontext.runtime.task import task


class Unsendable(Exception):
    """An error that cannot be read back: `Unsendable(one, two)`, of which it keeps one."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)


class Counter:
    """An actor."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, number: int) -> int:
        """Add to the count and return it."""
        if number < 0:
            raise InvalidInput("a count only grows")
        self.count += number
        return self.count


class Counts(Protocol):
    """The actor, as a task sees it."""

    def add(self, number: int) -> int:
        """Add to the count and return it."""
        ...


@contextmanager
def marked(*arguments: Any) -> Iterator[None]:
    """Say in the environment that a task is under way."""
    os.environ["TEST_AROUND"] = "inside"
    yield
    del os.environ["TEST_AROUND"]


@task(priority="background", around=marked)
def surroundings() -> dict[str, Any]:
    """Return what a task sees of its process."""
    return {
        "pid": os.getpid(),
        "folder": str(Path.cwd()),
        "path": sys.path,
        "around": os.environ.get("TEST_AROUND"),
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
    }


@task()
def printed(text: str) -> str:
    """Write to stdout, in Python and beside it, and return the text."""
    print(text, flush=True)
    os.write(1, text.encode())
    return text


@task()
def read_stdin() -> str:
    """Return what there is to be read."""
    return sys.stdin.read()


@task(retries=0)
def crash() -> None:
    """End the process by a fault of memory."""
    ctypes.string_at(0)


@task(retries=0)
def leave(code: int) -> None:
    """End the process without a word."""
    os._exit(code)


@task(retries=0)
def struck() -> None:
    """End the process by a signal that comes from outside."""
    os.kill(os.getpid(), signal.SIGKILL)


@task(retries=1)
def crash_for_a_while(place: str, times: int) -> int:
    """End the process the first times; returns the number of the run."""
    runs = Path(place).read_text() if Path(place).exists() else ""
    Path(place).write_text(runs + "x")
    if len(runs) < times:
        ctypes.string_at(0)
    return len(runs) + 1


@task()
def fail(kind: str) -> None:
    """Raise an error."""
    if kind == "ours":
        raise InvalidInput("the disk is full")
    if kind == "memory":
        raise MemoryError("no more")
    if kind == "unsendable":
        raise Unsendable("first", "second")
    raise SystemExit(3)


@task()
def wait(started: str, seconds: float = 600.0) -> None:
    """Start a program, write its process id and ours to a file, and wait."""
    program = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({seconds})"])
    place = Path(started)
    place.with_suffix(".part").write_text(f"{os.getpid()} {program.pid}")
    place.with_suffix(".part").replace(place)
    time.sleep(seconds)


@task()
def counted(counter: ActorHandle[Counts], numbers: list[int]) -> list[int]:
    """Have an actor of the parent count."""
    return [counter.wait(Counts.add, number) for number in numbers]
