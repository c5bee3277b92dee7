"""Stateless tasks: what a plain function says of how it wants to run, and how a worker process runs it."""

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

BACKGROUND_NICE, LOWEST_NICE = 15, 19
"""Process priorities of background tasks, below that of a search actor. Ray may have started that one at the first."""

_ATTRIBUTE = "_task_options"


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """How a function runs as a task. Plain data: each runtime makes of it what it can."""

    cpus: float = 1
    """Number of cores that one run is placed on."""
    memory_bytes: int = 0
    """Memory that a node must have free for one run; 0 asks for none."""
    retries: int = 1
    """Number of further runs after its process or node was lost."""
    priority: Priority = "search"
    """Priority of its process: "background" runs after searches."""
    around: Callable[..., AbstractContextManager[object]] | None = None
    """Context that a worker process enters for one run. It gets the arguments of the function."""


def task(
    *,
    cpus: float = 1,
    memory_bytes: int = 0,
    retries: int = 1,
    priority: Priority = "search",
    around: Callable[..., AbstractContextManager[object]] | None = None,
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Return a decorator that marks a module-level function as a task; the function itself stays as it is.

    The parameters are those of `TaskOptions`.
    """
    options = TaskOptions(cpus, memory_bytes, retries, priority, around)

    def marked(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        setattr(function, _ATTRIBUTE, options)
        return function

    return marked


def options_of(function: Callable[..., object]) -> TaskOptions:
    """Return what `task` noted of a function. Raises `TypeError` where it is no task."""
    options = getattr(function, _ATTRIBUTE, None)
    if not isinstance(options, TaskOptions):
        raise TypeError(f"{function!r} is not marked with @task")
    return options


def in_worker(function: Callable[..., Result]) -> Callable[..., Result]:
    """Return a task in the form that a worker process runs: at its priority and inside of its context."""
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
    if hasattr(os, "setpriority"):
        now = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, 0, BACKGROUND_NICE if now < BACKGROUND_NICE else LOWEST_NICE)
