"""Removal of segments that a failed index run has written and that no version names."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from raycontext.errors import RaycontextError
from raycontext.store.collection import Collection
from raycontext.store.manifest import SegmentReference

__all__ = ["remove_loose_segments"]

_log = logging.getLogger("raycontext")


def remove_loose_segments(
    collection: Collection, untried: Iterable[SegmentReference], tried: Iterable[SegmentReference], base: int
) -> int:
    """Remove segments of a run that has failed, and return their number.

    untried: segments that no commit has named; they go at once. tried: segments of a commit whose result is not known:
    its reply may be lost. They stay where any version above `base` names them, and also where versions cannot be read.
    What cannot be removed now is left to garbage collection.
    """
    loose = [*untried, *_not_named(collection, list(tried), base)]
    removed = 0
    for segment in loose:
        try:
            removed += collection.storage.remove(f"{collection.name}/segments/{segment.name}")
        except RaycontextError as error:
            _log.warning("a segment of a failed run stays: %s", error)
    return removed


def _not_named(collection: Collection, tried: list[SegmentReference], base: int) -> list[SegmentReference]:
    if not tried:
        return []
    try:
        later = [collection.manifest(version) for version in collection.versions() if version > base]
    except (RaycontextError, FileNotFoundError):
        return []
    named = {name for manifest in later for name in manifest.segment_names()}
    return [segment for segment in tried if segment.name not in named]
