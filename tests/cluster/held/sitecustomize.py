"""Makes index tasks wait, in every worker of Ray whose `PYTHONPATH` begins with this folder.

Each file that a task begins to read is noted in the file `$HELD_TASKS`, with the node; the task then waits for as long
as the file `$HELD_TASKS.hold` exists. Each number of places that the Coordinator has is noted there as well.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

if any(argument.endswith("default_worker.py") for argument in sys.orig_argv):
    from raycontext.discover import read
    from raycontext.index.governor import Governor, Places

    read_content = read.read_content
    noted = Path(os.environ["HELD_TASKS"])

    resize = Governor.resize

    def noting(self: Governor, places: Places) -> None:
        with noted.open("a") as file:
            file.write(f"places {places.tasks}\n")
        resize(self, places)

    def held(root: Path, path: str, *arguments: Any) -> Any:
        import ray

        with noted.open("a") as file:
            file.write(f"{ray.get_runtime_context().get_node_id()} {path}\n")
        while noted.with_suffix(".hold").exists():
            time.sleep(0.05)
        return read_content(root, path, *arguments)

    read.read_content = held
    Governor.resize = noting  # type: ignore[method-assign]
