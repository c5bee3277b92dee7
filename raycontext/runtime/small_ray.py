"""What keeps a local Ray small: its configuration, and the helper processes that it does without."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import ray
from ray._private import ray_constants

__all__ = ["SMALL", "without_helpers"]

SMALL = {
    "num_workers_soft_limit": 0,
    "idle_worker_killing_time_threshold_ms": 60_000,
    "prestart_worker_first_driver": False,
    "task_events_report_interval_ms": 0,
    "worker_niceness": 0,
    "enable_metrics_collection": False,
    "enable_pipe_based_agent_to_parent_health_check": True,
}
"""Configuration that keeps a local Ray small and quiet.

It exports no metrics, since everyone who reaches the port for them could read the names of collections. It starts no
worker before it is needed. A worker that has nothing to do ends after a minute. Ray keeps no list of past
calls, which would grow by tens of MB in a minute of searches. Actors have the priority of ordinary programs; index
tasks lower their own. The raylet gives each agent a pipe that ends with the raylet, which `AGENT` waits for.
"""

AGENT = (sys.executable, "-I", "-S", "-c", "import os\nwhile os.read(0, 1): pass")
"""Program that stands for each of the two agents of a raylet, without which a raylet does not run.

It takes 3 MB, and waits until the raylet ends.
"""
AGENT_OPTIONS = ("--dashboard_agent_command=", "--runtime_env_agent_command=")
"""Beginnings of the arguments with which a raylet gets the commands of its agents."""
AGENT_PORTS = ("DASHBOARD_AGENT_LISTEN", "METRICS_AGENT", "METRICS_EXPORT", "RUNTIME_ENV_AGENT")
"""Ports that agents note for the raylet, by the names that Ray's constants for them begin with."""
RAYLET = ray_constants.PROCESS_TYPE_RAYLET
"""Name that Ray gives the raylet among the processes that it starts."""
NO_PORT = -1
"""Number that an agent notes where it listens at no port."""


@contextmanager
def without_helpers() -> Iterator[None]:
    """Have a local Ray that is started inside run without the processes that a single machine does not need.

    They are the autoscaler, the server of the dashboard, the collector of logs, and the two agents of the raylet. They
    would take 310 MB and several seconds of CPU time. Without the second agent, no task or actor can have a runtime
    environment of its own; ours have none.
    """
    private: Any = cast(Any, ray)._private
    start = private.services.start_ray_process

    def start_without_agents(command: list[str], kind: str, *arguments: Any, **named: Any) -> Any:
        return start(_without_agents(command) if kind == RAYLET else command, kind, *arguments, **named)

    with ExitStack() as stack:
        for owner, name, stand_in in (
            (private.node.Node, "start_monitor", _start_nothing),
            (private.node.Node, "start_api_server", _start_nothing),
            (private.node.Node, "start_log_monitor", _start_nothing),
            (private.services, "start_ray_process", start_without_agents),
            # Ray looks whether the packages of the dashboard work by loading all of them into this process, 15 MB.
            (private.utils, "get_dashboard_dependency_error", lambda: ImportError("not needed")),
        ):
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, stand_in)
        yield


def _start_nothing(*_: Any, **__: Any) -> None:
    """Stand for a method of Ray that starts a helper process."""


def _without_agents(command: list[str]) -> list[str]:
    """Return the command of a raylet with `AGENT` in the place of its agents. Note the ports that they would note."""
    raylet: Any = cast(Any, ray)._raylet
    options = dict(argument.removeprefix("--").split("=", 1) for argument in command if "=" in argument)
    for name in AGENT_PORTS:
        raylet.persist_port(options["session_dir"], options["node_id"], getattr(raylet, f"{name}_PORT_NAME"), NO_PORT)
    agent = subprocess.list2cmdline(AGENT)
    return [next((option + agent for option in AGENT_OPTIONS if it.startswith(option)), it) for it in command]
