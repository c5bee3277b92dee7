"""Result of one check."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Finding", "Level"]

Level = Literal["ok", "note", "warning", "fault"]
"""Level of a finding.

`ok`: all is well. `note`: worth knowing, but there is nothing to do. `warning`: something works, but not as it should.
`fault`: something does not work.
"""


class Finding(BaseModel):
    """Finding of one check: what was found, how serious it is, and what to do."""

    model_config = ConfigDict(frozen=True)

    check: str
    """Name of the check: versions, disk, shared-memory, memory, inotify, ports, daemon, git, storage, collections,
    embedder, cluster or actors."""
    level: Level
    """Severity of the finding."""
    what: str
    """Description of what was found."""
    advice: str = ""
    """Advice on what to do; empty when there is nothing to do."""

    @property
    def is_problem(self) -> bool:
        """Whether the finding is a warning or a fault."""
        return self.level in ("warning", "fault")
