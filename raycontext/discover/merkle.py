"""Merkle tree over the files of a tree. Folders with equal digests have the same names and contents below them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import xxhash

__all__ = ["MerkleTree", "TreeDiff", "diff", "folder_digest"]

_FILE = b"f"
_FOLDER = b"d"
LENGTH_BYTES = 4
"""Width of the little-endian length before each name and each digest, in bytes."""


class TreeDiff(NamedTuple):
    """Paths of the files that differ between two trees. Each list is sorted."""

    added: list[str]
    modified: list[str]
    removed: list[str]


class _Folder:
    """Folder of a tree. `files` maps names to digests, `folders` maps names to the paths of subfolders."""

    __slots__ = ("digest", "files", "folders")

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.folders: dict[str, str] = {}
        self.digest = b""


class MerkleTree:
    """Immutable tree of digests with folders as inner nodes.

    See R. C. Merkle, "A Digital Signature Based on a Conventional Encryption Function", 1987. The caller gives the
    digest of each file, usually xxh3_128 of its content. The digest of a folder is xxh3_128 over its entries, sorted by
    name. Each entry contributes its kind, the length of its name, its name, the length of its digest and its digest.
    The digests find changes. They do not protect against an attacker who crafts collisions.
    """

    __slots__ = ("_folders",)

    def __init__(self, folders: dict[str, _Folder]) -> None:
        """Hold folders whose digests are set, by path. Use `from_digests` to build a tree."""
        self._folders = folders

    @classmethod
    def from_digests(cls, digests: Mapping[str, bytes]) -> MerkleTree:
        """Build a tree from a mapping of file path (relative, with "/") to digest. Any order of paths is allowed."""
        folders = {"": _Folder()}
        for path, digest in digests.items():
            folder_path, _, name = path.rpartition("/")
            folder = folders.get(folder_path)
            if folder is None:
                folder = _create(folders, folder_path)
            folder.files[name] = digest
        # Each folder was created after its parent. In reverse order, subfolders come before their parent.
        for folder in reversed(folders.values()):
            folder.digest = _digest_of(folder, folders)
        return cls(folders)

    def updated(self, digests: Mapping[str, bytes], removed: Iterable[str]) -> MerkleTree:
        """Return a new tree with the given digests set and the `removed` files left out.

        `digests` maps the paths of new or changed files to their digests. Unchanged folders are shared with this tree.
        Paths in `removed` that the tree does not have are ignored.
        """
        folders = dict(self._folders)
        writable: set[str] = set()  # paths of folders that were copied or created here
        for path in removed:
            folder_path, _, name = path.rpartition("/")
            if folder_path in folders and name in folders[folder_path].files:
                del _writable(folders, folder_path, writable).files[name]
                _prune(folders, folder_path, writable)
        for path, digest in digests.items():
            folder_path, _, name = path.rpartition("/")
            if folder_path not in folders:
                _create_writable(folders, folder_path, writable)
            _writable(folders, folder_path, writable).files[name] = digest
        for path in sorted(writable & folders.keys(), key=_depth, reverse=True):
            folders[path].digest = _digest_of(folders[path], folders)
        return MerkleTree(folders)

    @property
    def root_digest(self) -> bytes:
        """Digest of the whole tree (16 bytes)."""
        return self._folders[""].digest

    def digest(self, folder_path: str) -> bytes:
        """Return the digest of a folder (16 bytes); "" is the root. Raises `KeyError` when no file lies below it."""
        return self._folders[folder_path].digest

    def folder(self, folder_path: str) -> tuple[Mapping[str, bytes], Mapping[str, str]]:
        """Return the files of a folder (name to digest) and its subfolders (name to path). Raises `KeyError`."""
        folder = self._folders[folder_path]
        return folder.files, folder.folders

    def files_below(self, folder_path: str) -> Iterator[str]:
        """Yield the paths of all files below a folder, in no particular order. Raises `KeyError`."""
        pending = [folder_path]
        while pending:
            path = pending.pop()
            folder = self._folders[path]
            for name in folder.files:
                yield _joined(path, name)
            pending.extend(folder.folders.values())


def diff(old: MerkleTree, new: MerkleTree) -> TreeDiff:
    """Return the files that differ between two trees. Folders with equal digests are not entered."""
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


def _writable(folders: dict[str, _Folder], path: str, writable: set[str]) -> _Folder:
    """Return a folder that may be changed. It and the folders above it are first replaced in `folders` by copies."""
    above = path
    while above not in writable:
        writable.add(above)
        copied = _Folder()
        copied.files, copied.folders = dict(folders[above].files), dict(folders[above].folders)
        folders[above] = copied
        above = above.rpartition("/")[0]
    return folders[path]


def _create_writable(folders: dict[str, _Folder], path: str, writable: set[str]) -> None:
    """Create a folder and its missing parents, and add them to `writable`. Existing folders above them are copied."""
    nearest = path
    while nearest not in folders:
        nearest = nearest.rpartition("/")[0]
    _writable(folders, nearest, writable)
    _create(folders, path)
    while path != nearest:
        writable.add(path)
        path = path.rpartition("/")[0]


def _prune(folders: dict[str, _Folder], path: str, writable: set[str]) -> None:
    """Remove a folder that has become empty, and then each parent that becomes empty by that."""
    while path and not folders[path].files and not folders[path].folders:
        parent, _, name = path.rpartition("/")
        del folders[path], _writable(folders, parent, writable).folders[name]
        path = parent


def _depth(path: str) -> int:
    """Return the number of parts of a path; 0 for the root."""
    return path.count("/") + 1 if path else 0


def _create(folders: dict[str, _Folder], path: str) -> _Folder:
    """Create a folder that is missing, and its missing parents before it. Return the folder."""
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
    """Return the path of an entry of a folder; the folder "" is the root."""
    return f"{folder}/{name}" if folder else name


def folder_digest(files: Mapping[str, bytes], folders: Mapping[str, bytes]) -> bytes:
    """Return the digest of a folder (16 bytes) from those of its files and of its subfolders, by name."""
    entries = [(name, _FILE, digest) for name, digest in files.items()]
    entries.extend((name, _FOLDER, digest) for name, digest in folders.items())
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


def _digest_of(folder: _Folder, folders: Mapping[str, _Folder]) -> bytes:
    """Return the digest of a folder of a tree. The digests of its subfolders must be set."""
    return folder_digest(folder.files, {name: folders[path].digest for name, path in folder.folders.items()})
