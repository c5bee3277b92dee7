"""Folder for small files of the processes of one machine, which goes with the Ray that they belong to."""

from __future__ import annotations

import sys
import tempfile
from typing import Any

__all__ = ["scratch_folder"]


def scratch_folder() -> str:
    """Return the folder of the session of Ray on this node; without Ray, the user's folder for temporary files.

    Ray is not imported here: a process that belongs to one has done so.
    """
    ray: Any = sys.modules.get("ray")
    node = None if ray is None else getattr(ray._private.worker, "_global_node", None)
    return tempfile.gettempdir() if node is None else str(node.get_session_dir_path())
