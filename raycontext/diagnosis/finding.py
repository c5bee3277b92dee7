"""What a look at something has found."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Finding", "Level"]

Level = Literal["ok", "note", "warning", "fault"]
"""`note`: worth knowing, nothing to do. `warning`: works, but not as it should. `fault`: something does not work."""


class Finding(BaseModel):
    """One thing that was looked at."""

    model_config = ConfigDict(frozen=True)

    check: str
    """What was looked at: versions, disk, shared-memory, memory, inotify, ports, git, storage, collections, embedder,
    cluster, actors."""
    level: Level
    what: str
    advice: str = ""
    """What to do; empty where there is nothing."""

    @property
    def is_problem(self) -> bool:
        return self.level in ("warning", "fault")
