"""Listing of the files of a commit by `git ls-tree`, and what its attributes files say about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from raycontext.discover.commits.conversion import CONVERSIONS, Conversion, LineEnds
from raycontext.discover.commits.program import Git, understood
from raycontext.discover.commits.repository import OutsideRules
from raycontext.discover.commits.tree_records import can_be_checked_out, tree_records
from raycontext.discover.repository import MAX_CONFIG_BYTES
from raycontext.discover.rules.attributes import (
    KNOWN,
    Line,
    Macros,
    is_attributes_file,
    parse_attributes,
    parse_macros,
    values_of,
)
from raycontext.discover.rules.ignore import CONTROL_NAMES
from raycontext.discover.rules.pattern import bytewise
from raycontext.errors import CommitUnreadable

__all__ = ["CommitAttributes", "Entry", "Listing", "Marks", "list_commit"]

LINK, SUBMODULE = "120000", "160000"
"""Modes of entries that are no files."""
KEPT_LISTINGS = 6
"""Number of listings that a process keeps."""
_BUILT_IN_MACROS: Macros = {"binary": {"text": "false"}}


class Entry(NamedTuple):
    """File, or symbolic link, of a commit."""

    mode: str
    blob: str
    """Hash of the content in git."""
    size: int | None
    """Size of the content in bytes; None where the repository does not have it, since it is a partial clone."""


class Listing(NamedTuple):
    """All files of a commit."""

    entries: Mapping[str, Entry]
    """Entries by path from the top of the repository. Submodules and names that no checkout can have are left out."""
    small: Mapping[str, bytes]
    """Contents of all ignore files and attributes files, by path."""


class Marks(NamedTuple):
    """What attributes say about one file."""

    declared: Mapping[str, str]
    """Attributes that are part of the file's digest, by name."""
    conversion: Conversion


def list_commit(git: Git, git_folder: str, commit: str) -> Listing:
    """Return the files of a commit. Raises `CommitUnreadable`.

    git_folder: git's own folder, by which this process keeps the newest listings: a commit never changes.
    """
    return _listed(_Place(git, git_folder), commit)


class _Place:
    """Repository as the key of a cache: equal where git's own folder is the same."""

    def __init__(self, git: Git, folder: str) -> None:
        self.git, self.folder = git, folder

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Place) and other.folder == self.folder

    def __hash__(self) -> int:
        return hash(self.folder)


@lru_cache(maxsize=KEPT_LISTINGS)
def _listed(place: _Place, commit: str) -> Listing:
    """Return the listing of a commit. Raises `CommitUnreadable`."""
    with understood(place.folder):
        return _read(place.git, commit)


def _read(git: Git, commit: str) -> Listing:
    """Read the listing of a commit, and the contents of its ignore and attributes files."""
    try:
        listed = git.run("ls-tree", "-r", "-z", "-l", "--full-tree", commit)
        sizes: Mapping[str, int] | None = None
    except CommitUnreadable:  # the size of a missing object cannot be told, in a partial clone
        listed = git.run("ls-tree", "-r", "-z", "--full-tree", commit)
        sizes = _sizes_of_present(git, commit, listed)
    entries: dict[str, Entry] = {}
    for mode, blob, size, path in tree_records(listed):
        if mode != SUBMODULE and can_be_checked_out(path):
            entries[path] = Entry(mode, blob, size if sizes is None else sizes.get(blob))
    return Listing(entries, _small_files(git, entries))


def _sizes_of_present(git: Git, commit: str, listed: bytes) -> dict[str, int]:
    """Return the sizes of those files of a commit that a partial clone has, by hash. Nothing is fetched."""
    told = git.run("rev-list", "--objects", "--no-walk", "--missing=print", "--no-object-names", commit)
    missing = {line[1:] for line in told.decode().split() if line.startswith("?")}
    names = {record.blob for record in tree_records(listed)}
    present = sorted(names - missing)
    told = git.run("cat-file", "--batch-check", given="".join(f"{name}\n" for name in present).encode())
    found = (line.split() for line in told.decode().splitlines())
    return {fields[0]: int(fields[2]) for fields in found if len(fields) == 3 and fields[1] == "blob"}


def _small_files(git: Git, entries: Mapping[str, Entry]) -> dict[str, bytes]:
    """Return the ignore files and attributes files of a commit. Links and larger files count as absent."""
    wanted = {
        path: entry.blob
        for path, entry in entries.items()
        if (path.rpartition("/")[2] in CONTROL_NAMES or is_attributes_file(path))
        and entry.mode != LINK
        and entry.size is not None
        and entry.size <= MAX_CONFIG_BYTES
    }
    blobs = git.blobs(list(wanted.values()))
    return {path: blob.content for path, blob in zip(wanted, blobs, strict=True) if blob.content is not None}


class CommitAttributes:
    """Attributes of the files of a tree, from its own attributes files and what is outside of it.

    files: contents of the attributes files by path.
    """

    def __init__(self, files: Mapping[str, bytes], outside: OutsideRules) -> None:
        contents = {path: content for path, content in files.items() if is_attributes_file(path)}
        macros: Macros = _BUILT_IN_MACROS
        for content in (*outside.attributes, contents.get(".gitattributes", b""), outside.info):
            macros = parse_macros(content, CONVERSIONS, macros)
        self._ends: LineEnds = outside.ends
        self._declared = _Sources(contents, [], outside.info, KNOWN, {})
        self._conversions = _Sources(contents, outside.attributes, outside.info, CONVERSIONS, macros)

    def of(self, path: str) -> Marks:
        """Return what attributes say about a file, by its path from the top of the repository."""
        converted = self._conversions.of(path)
        return Marks(self._declared.of(path), Conversion.of(converted, self._ends))


class _Sources:
    """Lines of attributes files, by folder. weaker: contents that all files of the tree override. stronger: one that
    overrides them."""

    def __init__(
        self,
        files: Mapping[str, bytes],
        weaker: Iterable[bytes],
        stronger: bytes,
        names: frozenset[str],
        macros: Macros,
    ) -> None:
        parsed = {path.rpartition("/")[0]: parse_attributes(content, names, macros) for path, content in files.items()}
        self._folders = {folder: lines for folder, lines in parsed.items() if lines}
        self._weaker = [("", lines) for content in weaker if (lines := parse_attributes(content, names, macros))]
        self._stronger = [("", lines)] if (lines := parse_attributes(stronger, names, macros)) else []
        self._inside: dict[str, list[tuple[str, list[Line]]]] = {}

    def of(self, path: str) -> dict[str, str]:
        sources = self._of_folder(path.rpartition("/")[0])
        return values_of(bytewise(path), sources) if sources else {}

    def _of_folder(self, folder: str) -> list[tuple[str, list[Line]]]:
        if folder not in self._inside:
            places = ["", *(folder[:end] for end, letter in enumerate(folder + "/") if letter == "/" and end)]
            inner = [
                (bytewise(f"{place}/" if place else ""), self._folders[place])
                for place in dict.fromkeys(places)
                if place in self._folders
            ]
            self._inside[folder] = [*self._weaker, *inner, *self._stronger]
        return self._inside[folder]
