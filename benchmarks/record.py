"""The form in which results are kept: figures, with the day, the machine and the versions that they are of."""

from __future__ import annotations

import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

PACKAGES = ("raycontext", "ray", "numpy", "cffi", "pyarrow", "tree-sitter", "tree-sitter-language-pack")


def machine() -> dict[str, Any]:
    """What this machine is, without its name."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = (line.partition(":") for line in information.read_text().splitlines())
        model = next((value.strip() for key, _, value in lines if key.strip() == "model name"), model)
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": platform.system(),
    }


def versions(*more: str) -> dict[str, str]:
    """Of Python and of the packages that matter, those that are installed."""
    found = {"python": platform.python_version()}
    for package in (*PACKAGES, *more):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def show(figures: Any, place: Path | None) -> None:
    """Print the figures as JSON, and write them to a file where one is given."""
    text = json.dumps(figures, indent=2)
    sys.stdout.write(text + "\n")
    if place:
        place.write_text(text)


def write(place: Path, benchmark: str, figures: dict[str, Any], *more: str) -> None:
    """Write a result; `more` names further packages whose version matters."""
    result = {
        "benchmark": benchmark,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "versions": versions(*more),
        "figures": figures,
    }
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def read(place: Path) -> dict[str, Any]:
    """A result. Raises `ValueError` where the file is none."""
    result: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    missing = {"benchmark", "date", "machine", "versions", "figures"} - set(result)
    if missing:
        raise ValueError(f"{place} is no result: it has no {', '.join(sorted(missing))}")
    return result
