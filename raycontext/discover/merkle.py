"""Merkle tree of the files of a tree: equal folder digests mean equal contents below, names included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import xxhash

__all__ = ["MerkleTree", "TreeDiff", "diff"]

_FILE = b"f"
_FOLDER = b"d"
LENGTH_BYTES = 4  # of the little-endian lengths that precede names and digests


class TreeDiff(NamedTuple):
    """Paths of files that differ between two trees, each list sorted."""

    added: list[str]
    modified: list[str]
    removed: list[str]


class _Folder:
    """A folder of the tree; `folders` maps names to the paths of subfolders."""

    __slots__ = ("digest", "files", "folders")

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.folders: dict[str, str] = {}
        self.digest = b""


class MerkleTree:
    """An immutable tree of digests (R. C. Merkle, "A Digital Signature Based on a Conventional Encryption
    Function", 1987), with folders as inner nodes.

    A file's digest is given, usually xxh3_128 of its content. A folder's digest is xxh3_128 over its entries
    sorted by name, each as kind, length of the name, name, length of the digest, digest. It finds changes; it
    does not protect against an attacker who crafts collisions.
    """

    __slots__ = ("_folders",)

    def __init__(self, folders: dict[str, _Folder]) -> None:
        """Use `from_digests`."""
        self._folders = folders

    @classmethod
    def from_digests(cls, digests: Mapping[str, bytes]) -> MerkleTree:
        """Build the tree of a mapping from file path (relative, with "/") to digest, in any order."""
        folders = {"": _Folder()}
        for path, digest in digests.items():
            folder_path, _, name = path.rpartition("/")
            folder = folders.get(folder_path)
            if folder is None:
                folder = _with_parents(folders, folder_path)
            folder.files[name] = digest
        # A folder is created after its parent, so in reverse order each one comes after its subfolders.
        for folder in reversed(folders.values()):
            folder.digest = _folder_digest(folder, folders)
        return cls(folders)

    def updated(self, digests: Mapping[str, bytes], removed: Iterable[str]) -> MerkleTree:
        """The tree with other digests of some files, new or known, and without those `removed`; the rest is shared."""
        folders = dict(self._folders)
        fresh: set[str] = set()  # copied or made here
        for path in removed:
            folder_path, _, name = path.rpartition("/")
            if folder_path in folders and name in folders[folder_path].files:
                del _own(folders, folder_path, fresh).files[name]
                _prune(folders, folder_path, fresh)
        for path, digest in digests.items():
            folder_path, _, name = path.rpartition("/")
            if folder_path not in folders:
                _own_with_parents(folders, folder_path, fresh)
            _own(folders, folder_path, fresh).files[name] = digest
        for path in sorted(fresh & folders.keys(), key=_depth, reverse=True):
            folders[path].digest = _folder_digest(folders[path], folders)
        return MerkleTree(folders)

    @property
    def root_digest(self) -> bytes:
        """Digest of the whole tree, 16 bytes."""
        return self._folders[""].digest

    def digest(self, folder_path: str) -> bytes:
        """Digest of a folder, 16 bytes; "" is the root. Raises KeyError where no file lies below it."""
        return self._folders[folder_path].digest

    def folder(self, folder_path: str) -> tuple[Mapping[str, bytes], Mapping[str, str]]:
        """Files of a folder (name to digest) and its subfolders (name to path)."""
        folder = self._folders[folder_path]
        return folder.files, folder.folders

    def files_below(self, folder_path: str) -> Iterator[str]:
        """Paths of all files below a folder, in no particular order."""
        pending = [folder_path]
        while pending:
            path = pending.pop()
            folder = self._folders[path]
            for name in folder.files:
                yield _joined(path, name)
            pending.extend(folder.folders.values())


def diff(old: MerkleTree, new: MerkleTree) -> TreeDiff:
    """Files added, modified and removed from `old` to `new`; folders with equal digests are not looked at."""
    added: list[str] = []
    modified: list[str] = []
    removed: list[str] = []
    pending = [""]
    while pending:
        path = pending.pop()
        if old.digest(path) == new.digest(path):
            continue
        old_files, old_folders = old.folder(path)
        new_files, new_folders = new.folder(path)
        added.extend(_joined(path, name) for name in new_files.keys() - old_files.keys())
        removed.extend(_joined(path, name) for name in old_files.keys() - new_files.keys())
        modified.extend(
            _joined(path, name) for name in old_files.keys() & new_files.keys() if old_files[name] != new_files[name]
        )
        for name in new_folders.keys() - old_folders.keys():
            added.extend(new.files_below(new_folders[name]))
        for name in old_folders.keys() - new_folders.keys():
            removed.extend(old.files_below(old_folders[name]))
        pending.extend(old_folders[name] for name in old_folders.keys() & new_folders.keys())
    return TreeDiff(sorted(added), sorted(modified), sorted(removed))


def _own(folders: dict[str, _Folder], path: str, fresh: set[str]) -> _Folder:
    """A folder to change, with copies of those above it."""
    above = path
    while above not in fresh:
        fresh.add(above)
        copied = _Folder()
        copied.files, copied.folders = dict(folders[above].files), dict(folders[above].folders)
        folders[above] = copied
        above = above.rpartition("/")[0]
    return folders[path]


def _own_with_parents(folders: dict[str, _Folder], path: str, fresh: set[str]) -> None:
    nearest = path
    while nearest not in folders:
        nearest = nearest.rpartition("/")[0]
    _own(folders, nearest, fresh)
    _with_parents(folders, path)
    while path != nearest:
        fresh.add(path)
        path = path.rpartition("/")[0]


def _prune(folders: dict[str, _Folder], path: str, fresh: set[str]) -> None:
    """Take out a folder without files, and those above it that have none but there."""
    while path and not folders[path].files and not folders[path].folders:
        parent, _, name = path.rpartition("/")
        del folders[path], _own(folders, parent, fresh).folders[name]
        path = parent


def _depth(path: str) -> int:
    return path.count("/") + 1 if path else 0


def _with_parents(folders: dict[str, _Folder], path: str) -> _Folder:
    """Create a folder and those of its parents that are missing, parents first."""
    missing = []
    while path not in folders:
        missing.append(path)
        path = path.rpartition("/")[0]
    for created in reversed(missing):
        parent, _, name = created.rpartition("/")
        folders[created] = _Folder()
        folders[parent].folders[name] = created
    return folders[missing[0]]


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _folder_digest(folder: _Folder, folders: Mapping[str, _Folder]) -> bytes:
    entries = [(name, _FILE, digest) for name, digest in folder.files.items()]
    entries.extend((name, _FOLDER, folders[path].digest) for name, path in folder.folders.items())
    entries.sort()
    parts: list[bytes] = []
    for name, kind, digest in entries:
        encoded = name.encode("utf-8", "surrogatepass")  # defined for every text, unlike os.fsencode
        parts += (
            kind,
            len(encoded).to_bytes(LENGTH_BYTES, "little"),
            encoded,
            len(digest).to_bytes(LENGTH_BYTES, "little"),
            digest,
        )
    return xxhash.xxh3_128_digest(b"".join(parts))
