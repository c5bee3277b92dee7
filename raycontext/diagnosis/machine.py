"""Checks of this machine: versions, disk, memory, limits of the kernel, and programs."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import psutil

from raycontext.diagnosis.finding import Finding

__all__ = [
    "check_disk",
    "check_git",
    "check_inotify",
    "check_memory",
    "check_shared_memory",
    "check_versions",
]

LEAST_FREE_BYTES = 200 << 20
"""Free space on a disk below which `check_disk` reports a fault, in bytes."""
FEW_FREE_BYTES = 2 << 30
"""Free space on a disk below which `check_disk` reports a warning, in bytes."""
RAY_FULL_SHARE = 0.95
"""Used share of a disk above which Ray does not spill objects to it any more."""
LEAST_MEMORY_BYTES = 1 << 30
"""Available memory below which `check_memory` reports a warning, in bytes. A local Ray and its actors need about this
much."""
LEAST_WATCHES = 8192
"""Smallest limit of inotify watches that suffices for a usual tree."""
LEAST_INSTANCES = 64
"""Smallest limit of inotify instances that suffices."""
INOTIFY = Path("/proc/sys/fs/inotify")
"""Folder in which the kernel shows its limits of inotify."""


def check_versions(package: str = "raycontext") -> Iterator[Finding]:
    """Check that the packages that raycontext requires are installed in versions that it can use."""
    from packaging.requirements import Requirement

    problems = []
    for line in metadata.requires(package) or []:
        needed = Requirement(line)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            found = metadata.version(needed.name)
        except metadata.PackageNotFoundError:
            problems.append(f"{needed.name} is not installed, {needed.specifier or 'any version'} is needed")
            continue
        if not needed.specifier.contains(found, prereleases=True):
            problems.append(f"{needed.name} {found} is installed, {needed.specifier} is needed")
    if problems:
        yield Finding(
            check="versions",
            level="fault",
            what="; ".join(problems),
            advice=f"Install {package} again in a separate environment: pip install --upgrade {package}",
        )
        return
    versions = f"Python {platform.python_version()}, Ray {_version('ray')}, raycontext {_version(package)}"
    yield Finding(check="versions", level="ok", what=versions)


def check_disk(
    place: Path, purpose: str, least: int = LEAST_FREE_BYTES, few: int = FEW_FREE_BYTES, full: float = 1.0
) -> Iterator[Finding]:
    """Check the free space of the disk that holds a path. The path need not exist yet.

    Less than `least` free bytes is a fault. Less than `few` free bytes is a warning, and so is a used share of the disk
    above `full` (from 0 to 1). `purpose` says in the message what the space is for.
    """
    while not place.exists():
        place = place.parent
    usage = shutil.disk_usage(place)
    what = f"{usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB are free at {place}, for {purpose}"
    advice = "Free some space there, or choose another place."
    if usage.free < least:
        yield Finding(check="disk", level="fault", what=what, advice=advice)
    elif usage.free < few or 1 - usage.free / usage.total > full:
        yield Finding(check="disk", level="warning", what=what, advice=advice)
    else:
        yield Finding(check="disk", level="ok", what=what)


def check_shared_memory(needed: int, place: Path = Path("/dev/shm")) -> Iterator[Finding]:
    """Check that shared memory has room for the object store of a local Ray, which takes `needed` bytes."""
    free = shutil.disk_usage(place).free if place.is_dir() else 0
    what = f"{free / 2**20:.0f} MiB are free in {place}, the object store of a local Ray takes {needed / 2**20:.0f}"
    if free >= needed:
        yield Finding(check="shared-memory", level="ok", what=what)
        return
    advice = "Give the container more (docker run --shm-size=1g), or set RAYCONTEXT_OBJECT_STORE_BYTES lower."
    yield Finding(check="shared-memory", level="warning", what=what, advice=advice)


def check_memory(least: int = LEAST_MEMORY_BYTES) -> Iterator[Finding]:
    """Check that memory suffices for a local Ray, which ends workers when memory runs out. `least` is in bytes."""
    available = psutil.virtual_memory().available
    what = f"{available / 1e9:.1f} GB of memory are available"
    if available >= least:
        yield Finding(check="memory", level="ok", what=what)
    else:
        advice = "End other programs, set RAYCONTEXT_WORKERS lower, or use RAYCONTEXT_RUNTIME=processes."
        yield Finding(check="memory", level="warning", what=what, advice=advice)


def check_inotify(folder: Path = INOTIFY) -> Iterator[Finding]:
    """Check that the limits of inotify suffice to watch the folders of a usual tree."""
    for name, least in (("max_user_watches", LEAST_WATCHES), ("max_user_instances", LEAST_INSTANCES)):
        try:
            found = int((folder / name).read_text())
        except (OSError, ValueError):
            yield Finding(check="inotify", level="note", what=f"{folder / name} cannot be read")
            continue
        what = f"fs.inotify.{name} is {found}"
        if found >= least:
            yield Finding(check="inotify", level="ok", what=what)
        else:
            advice = f"Watching a large tree may fail: sysctl fs.inotify.{name}={least * 16}"
            yield Finding(check="inotify", level="warning", what=what, advice=advice)


def check_git() -> Iterator[Finding]:
    """Check that the program git, which batches need to fetch repositories, is installed."""
    place = shutil.which("git")
    if place is None:
        what = "the program git is not installed: batches cannot fetch repositories"
        yield Finding(check="git", level="note", what=what)
    else:
        yield Finding(check="git", level="ok", what=f"git is {place}")


def _version(package: str) -> str:
    """Return the version of an installed package, or "none"."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
