"""Stateless tasks: the options with which a plain function is marked, and how a worker process runs it."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, TypeVar

__all__ = ["TaskOptions", "in_worker", "options_of", "task"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

Priority = Literal["search", "background"]
"""Priority of a task against others on its machine. "background" gives way to searches."""

BACKGROUND_NICE = 15
"""Nice value of the process of a background task: lower than the priority of a search actor."""
LOWEST_NICE = 19
"""Nice value of a background task where Ray starts all workers, search actors too, at `BACKGROUND_NICE`."""

_ATTRIBUTE = "_task_options"
"""Name of the attribute of a function that holds its `TaskOptions`."""


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """Options of a task. Each runtime applies those that it knows."""

    cpus: float = 1
    """Number of cores that one run of the task takes."""
    memory_bytes: int = 0
    """Memory in bytes that a node must have free for one run. 0: any node will do."""
    retries: int = 1
    """Number of further runs after the process or the node of the task was lost."""
    priority: Priority = "search"
    """Priority of the process that runs the task."""
    around: Callable[..., AbstractContextManager[object]] | None = None
    """Context in which a worker process runs the function. It is called with the arguments of the function."""


def task(
    *,
    cpus: float = 1,
    memory_bytes: int = 0,
    retries: int = 1,
    priority: Priority = "search",
    around: Callable[..., AbstractContextManager[object]] | None = None,
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Return a decorator that marks a module-level function as a task. The function itself stays as it is.

    The parameters are the fields of `TaskOptions`.
    """
    options = TaskOptions(cpus, memory_bytes, retries, priority, around)

    def marked(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        setattr(function, _ATTRIBUTE, options)
        return function

    return marked


def options_of(function: Callable[..., object]) -> TaskOptions:
    """Return the options of a function that is marked as a task. Raises `TypeError` for any other function."""
    options = getattr(function, _ATTRIBUTE, None)
    if not isinstance(options, TaskOptions):
        raise TypeError(f"{function!r} is not marked with @task")
    return options


def in_worker(function: Callable[..., Result]) -> Callable[..., Result]:
    """Return the function that a worker process runs for a task: it sets the priority and enters the context."""
    options = options_of(function)

    @functools.wraps(function)
    def run(*arguments: Any, **named: Any) -> Result:
        if options.priority == "background":
            _let_searches_go_first()
        with nullcontext() if options.around is None else options.around(*arguments, **named):
            return function(*arguments, **named)

    return run


@functools.cache
def _let_searches_go_first() -> None:
    """Lower the priority of this process below that of search actors. Later calls do nothing."""
    if hasattr(os, "setpriority"):
        now = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, 0, BACKGROUND_NICE if now < BACKGROUND_NICE else LOWEST_NICE)
