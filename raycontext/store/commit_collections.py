"""Collections of commits, which nobody has asked to keep: which of them are removed when they take too much room."""

from __future__ import annotations

import time
from collections.abc import Iterable

from raycontext.errors import RaycontextError
from raycontext.store.collection import Collection
from raycontext.store.storage.base import Storage

__all__ = ["note_use", "unused_beyond"]

NOTED_SECONDS = 600.0
"""Time in seconds within which a second use is not noted."""


def note_use(storage: Storage, name: str) -> None:
    """Note that a collection of a commit is used now: the time of its newest snapshot tells of it."""
    try:
        snapshot = _snapshot(storage, name)
        if snapshot is not None and time.time() - storage.modified(snapshot) > NOTED_SECONDS:
            storage.renew(snapshot)
    except (RaycontextError, FileNotFoundError):  # removed or replaced meanwhile
        return


def unused_beyond(storage: Storage, names: Iterable[str], limit: int, kept: str) -> list[str]:
    """Return those of some collections that are to go so that the others take at most `limit` bytes of their own.

    The one that was not used for the longest time goes first. kept: name of one that stays in any case. One that has no
    version is left to whoever makes it. Bytes that other collections share do not count.
    """
    found: list[tuple[float, str, int]] = []
    for name in names:
        try:
            snapshot = _snapshot(storage, name)
            if snapshot is not None:
                found.append((storage.modified(snapshot), name, storage.size(name) - storage.shared_size(name)))
        except (RaycontextError, FileNotFoundError):
            continue
    total = sum(size for _, _, size in found)
    going: list[str] = []
    for _, name, size in sorted(found):
        if total <= limit:
            break
        if name != kept:
            going.append(name)
            total -= size
    return going


def _snapshot(storage: Storage, name: str) -> str | None:
    """Return the folder of a collection's newest snapshot; None before the first commit."""
    manifest = Collection(storage, name).latest()
    return None if manifest is None else f"{name}/snapshots/{manifest.snapshot}"
