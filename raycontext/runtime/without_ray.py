"""What is told of where the work runs. Imports nothing: commands that must be quick tell it as well."""

from __future__ import annotations

__all__ = ["RUNTIMES", "without_ray"]

RUNTIMES = {
    "ray": "works on Ray",
    "processes": "works in processes of the daemon",
    "inline": "works in the daemon",
}
"""What is told of the runtime of a collection, by the name of the runtime."""


def without_ray(problem: str) -> str:
    """Return the line that says that the work goes on without Ray, why, and how to look into it."""
    return (
        f"{problem}: going on without Ray, in worker processes of our own. "
        "`raycontext doctor` and `raycontext logs` help to find the cause."
    )
