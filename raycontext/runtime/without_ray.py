"""What is told where a local Ray cannot be started. Imports nothing: commands that must be quick tell it as well."""

from __future__ import annotations

__all__ = ["without_ray"]


def without_ray(problem: str) -> str:
    """Return the line that says that the work goes on without Ray, why, and how to look into it."""
    return (
        f"{problem}: going on without Ray, in worker processes of our own. "
        "`raycontext doctor` and `raycontext logs` help to find the cause."
    )
