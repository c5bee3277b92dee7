"""Makes index tasks wait, in every worker of Ray whose `PYTHONPATH` begins with this folder.

Each file that a task begins to read is noted in the file `$HELD_TASKS`, with the node and the task, which then waits
for as long as the file `$HELD_TASKS.hold` exists. Each number of places that the Coordinator has is noted there, too.
The nodes of the cluster start without Ray's agents, which a busy machine may not start in time.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

if any(argument.endswith("default_worker.py") for argument in sys.orig_argv):
    from raycontext.discover import read
    from raycontext.index.work.governor import Governor, Places

    read_content = read.read_content
    noted = Path(os.environ["HELD_TASKS"])

    resize = Governor.resize

    def noting(self: Governor, places: Places) -> None:
        with noted.open("a") as file:
            file.write(f"places {places.tasks}\n")
        resize(self, places)

    def held(root: Path, path: str, *arguments: Any) -> Any:
        import ray

        context = ray.get_runtime_context()
        with noted.open("a") as file:
            file.write(f"{context.get_node_id()} {context.get_task_id()}\n")
        while noted.with_suffix(".hold").exists():
            time.sleep(0.05)
        return read_content(root, path, *arguments)

    read.read_content = held
    Governor.resize = noting  # type: ignore[method-assign]

elif any(argument.endswith(("/ray", "/monitor.py")) for argument in sys.orig_argv):  # what starts a raylet
    from ray._private import services

    from raycontext.runtime.small_ray import RAYLET, _without_agents

    start = services.start_ray_process

    def start_without_agents(command: list[str], kind: str, *arguments: Any, **named: Any) -> Any:
        return start(_without_agents(command) if kind == RAYLET else command, kind, *arguments, **named)

    services.start_ray_process = start_without_agents
