"""Merkle tree over the files of a tree. Folders with equal digests have the same names and contents below them."""

from __future__ import annotations

from collections.abc import Mapping

import xxhash

__all__ = ["MerkleTree", "folder_digest"]

_FILE = b"f"
_FOLDER = b"d"
LENGTH_BYTES = 4
"""Width of the little-endian length before each name and each digest, in bytes."""


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

    @property
    def root_digest(self) -> bytes:
        """Digest of the whole tree (16 bytes)."""
        return self.digest("")

    def digest(self, folder_path: str) -> bytes:
        """Return the digest of a folder (16 bytes); "" is the root. Raises `KeyError` when no file lies below it."""
        return self._folders[folder_path].digest


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
