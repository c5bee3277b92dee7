"""Digests of the files of a commit that are known without reading them, by the hashes that git has of their contents.

A digest belongs to a content, to how git writes it into a working tree, and to what attributes say about it. Where all
three are those of a file that another collection has, so is the digest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from raycontext.discover.commits.conversion import NO_CONVERSION
from raycontext.discover.commits.listing import CommitAttributes
from raycontext.discover.commits.names import CommitSource, is_name_of_commit
from raycontext.discover.commits.staged import staged_files
from raycontext.discover.commits.tree import CommitTree
from raycontext.discover.rules.attributes import is_attributes_file
from raycontext.discover.snapshot import Snapshot, SnapshotEntry, is_racy
from raycontext.errors import RaycontextError
from raycontext.models import FileDigest, SkipReason
from raycontext.runtime.task import task
from raycontext.store.collection import Collection, Location, collection_names

__all__ = ["known_digests"]

MOST_COLLECTIONS = 8
"""Largest number of collections whose digests are compared."""

_BY_CONTENT = frozenset({SkipReason.BINARY, SkipReason.UNDECODABLE, SkipReason.LFS_POINTER})


class _Base(NamedTuple):
    """Files of another collection of the same folder: another commit, or its working tree."""

    blobs: Mapping[str, str]
    """Hash of the content in git, by path from the top of the repository."""
    attributes: CommitAttributes
    attributes_files: Mapping[str, bytes]
    snapshot: Snapshot
    is_folder: bool


@task(priority="background")
def known_digests(source: str, location: Location, max_file_bytes: int) -> dict[str, FileDigest]:
    """Return digests of files of a commit, by path, that other collections of the root tell.

    source: a `CommitSource`. location: collection of the commit. max_file_bytes: limit of the run; collections that
    were built with another one tell nothing. Raises `InvalidInput` or `CommitUnreadable` where the commit cannot be
    read.
    """
    commit = CommitSource.parse(source)
    if commit is None:
        return {}
    tree = CommitTree(commit)
    found: dict[str, FileDigest] = {}
    own = {path for path, entry in tree.listing.entries.items() if path.startswith(tree.prefix)}
    for base in _bases(location, commit, tree, max_file_bytes):
        if len(found) == len(own):
            break
        _take(tree, base, found)
    return found


def _take(tree: CommitTree, base: _Base, found: dict[str, FileDigest]) -> None:
    """Add what a base knows of the files of a tree to `found`."""
    own_files = {path: content for path, content in tree.listing.small.items() if is_attributes_file(path)}
    same_marks = own_files == base.attributes_files
    prefix = len(tree.prefix)
    for path, known in base.snapshot.entries.items():
        whole = tree.prefix + path
        entry = tree.listing.entries.get(whole)
        if entry is None or path in found or base.blobs.get(whole) != entry.blob:
            continue
        if not same_marks and tree.attributes.of(whole) != base.attributes.of(whole):
            continue
        if base.is_folder and (known.size != entry.size or base.attributes.of(whole).conversion != NO_CONVERSION):
            continue  # git may have written another content than the one that it holds
        digest = _digest(whole[prefix:], known)
        if digest is not None:
            found[path] = digest


def _digest(path: str, known: SnapshotEntry) -> FileDigest | None:
    if known.digest:
        return FileDigest(path, known.digest, None)
    return FileDigest(path, b"", known.reason) if known.reason in _BY_CONTENT else None


def _bases(location: Location, commit: CommitSource, tree: CommitTree, max_file_bytes: int) -> Iterator[_Base]:
    """Yield the collections of the root that have files of the same folder: its working tree, then other commits."""
    storage, key = location.open().storage, location.collection.rpartition("-")[2]
    names = [name for name in collection_names(storage) if name != location.collection]
    commits = [name for name in names if is_name_of_commit(name) and name.endswith(f"-{key}")]
    others = [name for name in names if not is_name_of_commit(name)]
    tried = 0
    for name in (*others, *sorted(commits, key=lambda name: _age(Collection(storage, name)), reverse=True)):
        collection = Collection(storage, name)
        try:
            source = collection.identity().source
            of_commit = CommitSource.parse(source)
            if commit.folder != (source if of_commit is None else of_commit.folder):
                continue
            manifest = collection.latest()
            if manifest is None or manifest.options.max_file_bytes != max_file_bytes:
                continue
            snapshot = collection.snapshot(manifest)
            base = _of_folder(tree, snapshot) if of_commit is None else _of_commit(CommitTree(of_commit), snapshot)
        except (RaycontextError, FileNotFoundError):  # removed meanwhile, or it cannot be read
            continue
        if base is not None:
            yield base
        tried += 1
        if tried == MOST_COLLECTIONS:
            return


def _age(collection: Collection) -> str:
    """Return the id of a collection, which sorts by the time of its creation; "" where it cannot be read."""
    try:
        return collection.identity().id
    except RaycontextError:
        return ""


def _of_commit(tree: CommitTree, snapshot: Snapshot) -> _Base:
    blobs = {path: entry.blob for path, entry in tree.listing.entries.items()}
    files = {path: content for path, content in tree.listing.small.items() if is_attributes_file(path)}
    return _Base(blobs, tree.attributes, files, snapshot, is_folder=False)


def _of_folder(tree: CommitTree, snapshot: Snapshot) -> _Base | None:
    """Return what a snapshot of the working tree tells; None where it does not tell what attributes its files had."""
    staged = staged_files(tree.opened)
    blobs = {}
    for path, entry in snapshot.entries.items():
        known = staged.get(tree.prefix + path)
        if known is None or not known.is_of(entry.size, entry.mtime_ns, entry.inode):
            continue
        if not is_racy(entry.mtime_ns, snapshot.scanned_at_ns):
            blobs[tree.prefix + path] = known.blob
    files = {path: known.blob for path, known in staged.items() if is_attributes_file(path)}
    indexed = {tree.prefix + path for path in snapshot.entries if is_attributes_file(path)}
    # Those above the folder are not in its snapshot, so that nobody knows what they said then.
    if any(blobs.get(path) != blob for path, blob in files.items()) or indexed - files.keys():
        return None
    read = tree.opened.git.blobs(list(files.values()))
    contents = {path: blob.content or b"" for path, blob in zip(files, read, strict=True)}
    return _Base(blobs, CommitAttributes(contents, tree.outside), contents, snapshot, is_folder=True)
