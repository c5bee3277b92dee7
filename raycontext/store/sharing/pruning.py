"""Pruning of a target: old publications go, with the segments and signatures that no other publication names.

Publishers run at the same time, in other processes and on other machines, and one may reuse a folder that is about to
go. So what goes is marked first, then publications are listed again, then folders are removed. A publisher looks for
marks once its publication is there, and then for its folders. Whichever of the two comes first, the other one sees it:
the pruning keeps what is named, or the publisher withdraws its publication and puts its segments anew.

An age is the difference of two times of the target; no clock of a machine counts. Nothing goes where a publication
cannot be read, and nothing that is not named as publishers name it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from itertools import pairwise
from typing import NamedTuple

from raycontext.errors import PublicationRefused, StorageError
from raycontext.files.foreign_json import read_json
from raycontext.store.garbage import Grace, grace_of
from raycontext.store.sharing.publication import (
    MOST_PUBLICATION_BYTES,
    SEGMENTS,
    Publication,
    is_segment_folder,
    numbers_of,
    publication_place,
    signature_place,
)
from raycontext.store.storage.base import Storage
from raycontext.ulid import is_ulid, new_ulid

__all__ = ["Pruned", "condemned_folders", "is_undermined", "prune"]

CONDEMNED = "condemned"
"""Folder of the target with the marks: each is a list of folders that a pruning is about to remove."""
MOST_MARK_BYTES = 64 << 20
"""Largest size of a mark in bytes."""
CLOCK = "clock"
"""Folder of the target with empty objects that tell the time of its storage."""


class Pruned(NamedTuple):
    """Numbers of publications and segments that were removed, and the size of these segments in bytes."""

    publications: int = 0
    segments: int = 0
    bytes: int = 0


class _Listed(NamedTuple):
    """Publication as it lies in the target."""

    publication: Publication
    data: bytes

    def folders(self) -> set[str]:
        """Return the names of the folders that it names."""
        return {segment.folder for segment in self.publication.segments}


def prune(target: Storage, keep: int, grace: Grace | None = None) -> Pruned:
    """Remove all publications but the newest `keep`, from 1, with what only they name, and return what was removed.

    A publication stays while the one after it is younger than the readers' grace time, for pulls that use it. A segment
    that no publication names goes after the writers' grace time, since it may belong to a publisher that has yet to
    name it. grace: these times; None takes those of garbage collection. Raises `StorageError`.
    """
    grace = grace or grace_of(target.location)
    begun, moment = time.monotonic(), _now(target)
    listed = _read(target, numbers_of(target))
    if moment is None or listed is None:
        return Pruned()
    numbers = list(listed)
    doomed = [
        number
        for number, after in pairwise(numbers)
        if number not in numbers[-keep:] and _is_older(target, publication_place(after), moment - grace.readers)
    ]
    for number in doomed:  # ascending; those that stay find all that they name
        target.delete(publication_place(number))
        target.delete(signature_place(listed[number].data))
    named = {folder for number in numbers if number not in doomed for folder in listed[number].folders()}
    superseded = {folder for number in doomed for folder in listed[number].folders()}
    garbage = [
        folder
        for folder in target.list(SEGMENTS)
        if folder not in named
        and is_segment_folder(folder)
        and (folder in superseded or _is_older(target, f"{SEGMENTS}/{folder}", moment - grace.writers))
    ]
    _sweep(target, moment - grace.writers)
    if not garbage:
        return Pruned(len(doomed))
    mark = f"{CONDEMNED}/{new_ulid()}"
    target.create(mark, json.dumps(garbage).encode())
    removed: list[int] = []
    since = _read(target, set(numbers_of(target)).difference(numbers))
    for folder in garbage if since is not None else ():
        if time.monotonic() - begun > grace.writers / 2:  # others may take the mark for one that is left over
            break
        if any(folder in entry.folders() for entry in (since or {}).values()):
            continue
        place = f"{SEGMENTS}/{folder}"
        size = target.size(place)
        if target.remove(place):
            removed.append(size)
    target.delete(mark)
    return Pruned(len(doomed), len(removed), sum(removed))


def condemned_folders(target: Storage) -> set[str]:
    """Return the names of the folders that prunings are about to remove: a publisher does not reuse them."""
    found: set[str] = set()
    for name in filter(is_ulid, target.list(CONDEMNED)):
        try:
            folders = read_json(target.read(f"{CONDEMNED}/{name}", MOST_MARK_BYTES))
        except (FileNotFoundError, ValueError):  # removed meanwhile, or no mark
            continue
        found.update(map(str, folders if isinstance(folders, list) else ()))
    return found


def is_undermined(target: Storage, folders: Collection[str]) -> bool:
    """Return whether a pruning removes, or has removed, folders that a publication names which is there by now.

    The marks are read first: a pruning that has taken its mark away has removed what it removes.
    """
    if condemned_folders(target).intersection(folders):
        return True
    return not set(folders) <= set(target.list(SEGMENTS))


def _read(target: Storage, numbers: Collection[int]) -> dict[int, _Listed] | None:
    """Return publications by their numbers, without those that are withdrawn meanwhile; None where one cannot be read,
    so that nobody knows what it names."""
    found: dict[int, _Listed] = {}
    for number in sorted(numbers):
        place = publication_place(number)
        try:
            data = target.read(place, MOST_PUBLICATION_BYTES)
            found[number] = _Listed(Publication.decode(f"{target.location}/{place}", data), data)
        except FileNotFoundError:
            continue
        except (PublicationRefused, StorageError):
            return None
    return found


def _is_older(target: Storage, name: str, moment: float) -> bool:
    """Return whether an object or folder has last changed before a time of the storage in Unix seconds."""
    try:
        return target.modified(name) < moment
    except FileNotFoundError:
        return False


def _now(target: Storage) -> float | None:
    """Return the time of the target in Unix seconds; None where others remove what tells it."""
    place = f"{CLOCK}/{new_ulid()}"
    target.create(place, b"")
    try:
        return target.modified(place)
    except FileNotFoundError:
        return None
    finally:
        target.delete(place)


def _sweep(target: Storage, before: float) -> None:
    """Remove marks and clocks of killed prunings that are older than a time of the storage in Unix seconds."""
    for folder in (CONDEMNED, CLOCK):
        for name in filter(is_ulid, target.list(folder)):
            if _is_older(target, f"{folder}/{name}", before):
                target.delete(f"{folder}/{name}")
