"""Names for new collections: what a folder is called, and in which repository or folder it lies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePath

import xxhash

from raycontext.discover.private_places import why_private
from raycontext.discover.repository import enclosing_repository

__all__ = ["names_for"]

PART_CHARACTERS = 45
"""Longest part of a name, in characters. A name of two parts and a digest fits into what a collection may be called."""


def names_for(source: str, path_type: type[PurePath] = PurePath) -> Iterator[str]:
    """Yield names for the collection of the absolute folder `source`, best first. All but the last may be taken.

    A folder below a repository has the repository's name before its own, since many of them are called `src`. Other
    folders have their own name; where that is taken, with the name of the folder above.
    """
    place = path_type(source)
    own = _part(place.name) or "root"
    repository = _repository_of(source)
    above = _part(repository if repository else place.parent.name)
    both = f"{above}-{own}" if above else own
    names = [both] if repository else [own, both]
    yield from dict.fromkeys(names)
    yield f"{names[0]}-{xxhash.xxh3_64_hexdigest(source.encode(errors='surrogateescape'))[:8]}"


def _repository_of(source: str) -> str:
    """Return the name of the repository that a folder lies in; "" where it lies in none, or is a repository itself.

    A home folder that is kept in git is none: all projects of its user lie there.
    """
    folder = Path(source)
    found = enclosing_repository(folder) if folder.is_absolute() else None
    return "" if found is None or found == folder or why_private(str(found)) else found.name


def _part(name: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:PART_CHARACTERS].strip("-._")
