"""The tree of a commit, read from the repository as a walk and reads of a checkout without filters would find it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from raycontext.discover.commits.conversion import NO_CONVERSION
from raycontext.discover.commits.listing import LINK, CommitAttributes, Entry, Listing, list_commit
from raycontext.discover.commits.names import CommitSource
from raycontext.discover.commits.program import Git
from raycontext.discover.commits.repository import Opened, OutsideRules, open_repository, outside_rules
from raycontext.discover.read import Content, content_as, content_of, digest_of
from raycontext.discover.rules.ignore import IgnoreRules, is_never_indexed_name, rules_for_commit
from raycontext.errors import CommitUnreadable
from raycontext.models import FileDigest, FileStat, SkippedFile, SkipReason, TreeListing

__all__ = ["CommitReader", "CommitTree"]

READ_AHEAD_BYTES = 32 << 20
"""Total size in bytes of the files that one call of git reads. A larger file is read alone."""
READ_AHEAD_FILES = 4_000
"""Largest number of files that one call of git reads."""
MOST_SHRINKING = 4
"""Largest share of the size of a file in git to that in a working tree: letters of three bytes may have one there."""
NEVER_TOUCHED_NS = 0
"""Time of the last modification of a file of a commit, since it never changes."""
HASH_DIGITS = 15
"""Number of hexadecimal digits of the hash of a content that stand for the inode of its file."""


class CommitTree:
    """Tree of a commit, or of a folder in it. Raises `InvalidInput` without its repository, and `CommitUnreadable`."""

    def __init__(self, source: CommitSource) -> None:
        self._source = source
        self._opened: Opened = open_repository(source.folder)
        self.outside: OutsideRules = outside_rules(self._opened)
        self._listing: Listing = list_commit(self._opened.git, self._opened.git_folder, source.commit)
        self._prefix = f"{self._opened.inside}/" if self._opened.inside else ""
        self.attributes = CommitAttributes(self._listing.small, self.outside)

    @property
    def prefix(self) -> str:
        """Path of the tree from the top of the repository: empty or with "/" at its end."""
        return self._prefix

    @property
    def opened(self) -> Opened:
        """Repository of the commit."""
        return self._opened

    @property
    def listing(self) -> Listing:
        """All files of the commit, also those outside of the folder."""
        return self._listing

    def walk(self, max_file_bytes: int) -> TreeListing:
        """List the files of the tree that may be indexed, as `discover.walk.walk` lists those of a folder."""
        files: list[FileStat] = []
        skipped: list[SkippedFile] = []
        for path, entry in self._not_ignored():
            if entry.mode == LINK:
                skipped.append(SkippedFile(path, SkipReason.SYMLINK))
            elif self._is_too_large(path, entry, max_file_bytes):
                skipped.append(SkippedFile(path, SkipReason.TOO_LARGE))
            else:
                number = int(entry.blob[:HASH_DIGITS], 16) + 1
                files.append(FileStat(path, entry.size or 0, NEVER_TOUCHED_NS, number))
        return TreeListing(time.time_ns(), sorted(files), sorted(skipped), [])

    def _is_too_large(self, path: str, entry: Entry, max_file_bytes: int) -> bool:
        """Return whether a file has more bytes. Whoever reads one that git converts finds out."""
        if entry.size is None or entry.size <= max_file_bytes:
            return False
        if entry.size > MOST_SHRINKING * max_file_bytes:
            return True
        return self.attributes.of(self._prefix + path).conversion == NO_CONVERSION

    def reader(self, paths: Iterable[str], max_file_bytes: int) -> CommitReader:
        """Return a reader of some files, which are asked for in this order."""
        return CommitReader(self, self._opened.git, paths, max_file_bytes)

    def check(self) -> None:
        """Do nothing: a commit does not disappear like a folder. What git does not find it says."""

    def entry(self, path: str) -> Entry | None:
        """Return a file or link of the tree by its path; None where there is none."""
        return self._listing.entries.get(self._prefix + path)

    def _not_ignored(self) -> Iterator[tuple[str, Entry]]:
        """Yield the files and links that no rule leaves out, by their paths in the tree."""
        small = self._listing.small
        start = rules_for_commit(Path(self._opened.common), self._opened.inside, small.get)
        known: dict[str, IgnoreRules | None] = {"": start}

        def below(above: IgnoreRules | None, folder: str, name: str) -> IgnoreRules | None:
            here = f"{self._prefix}{folder}/"
            if (
                above is None
                or is_never_indexed_name(name, lambda mark: here + mark in self._listing.entries)
                or above.ignores_folder(folder, name)
            ):
                return None
            return above.with_files(f"{above.prefix}{folder}/", lambda name: small.get(here + name))

        def inside(folder: str) -> IgnoreRules | None:
            unknown = []
            while folder not in known:  # without calling itself: a tree may be deeper than Python goes
                unknown.append(folder)
                folder = folder.rpartition("/")[0]
            rules = known[folder]
            for folder in reversed(unknown):
                rules = known[folder] = below(rules, folder, folder.rpartition("/")[2])
            return rules

        for whole, entry in self._listing.entries.items():
            if not whole.startswith(self._prefix):
                continue
            path = whole[len(self._prefix) :]
            folder, _, name = path.rpartition("/")
            rules = inside(folder)
            if rules is not None and (rules.is_empty or not rules.ignores_file(path, name)):
                yield path, entry


class CommitReader:
    """Reader of files of a commit: git is called once for many of them."""

    def __init__(self, tree: CommitTree, git: Git, paths: Iterable[str], max_file_bytes: int) -> None:
        self._tree = tree
        self._git = git
        self._coming = deque(paths)
        self._max_file_bytes = max_file_bytes
        self._read: dict[str, bytes] = {}

    def content(self, path: str) -> Content | SkipReason:
        """Return the content of a file, or the reason why it cannot be indexed; see `discover.read.read_content`."""
        raw = self._raw(path)
        return raw if isinstance(raw, SkipReason) else content_of(path, raw, self._declared(path))

    def content_as(self, path: str, encoding: str, redactions: tuple[int, ...]) -> Content | SkipReason:
        """Return the content of a file as it was indexed; see `discover.read.read_as`."""
        raw = self._raw(path)
        if isinstance(raw, SkipReason):
            return raw
        return content_as(path, raw, self._declared(path), encoding, redactions)

    def digest(self, path: str) -> FileDigest:
        """Return the digest of a file; see `discover.read.digest_file`."""
        raw = self._raw(path)
        return FileDigest(path, b"", raw) if isinstance(raw, SkipReason) else digest_of(path, raw, self._declared(path))

    def _declared(self, path: str) -> dict[str, str]:
        return dict(self._tree.attributes.of(self._tree.prefix + path).declared)

    def _raw(self, path: str) -> bytes | SkipReason:
        """Return the bytes of a file as a checkout has them, or why there are none."""
        entry = self._tree.entry(path)
        if entry is None:
            return SkipReason.VANISHED
        if entry.mode == LINK:
            return SkipReason.SYMLINK
        if path not in self._read:
            self._read = self._next(path)
        conversion = self._tree.attributes.of(self._tree.prefix + path).conversion
        raw = conversion.apply(self._read.pop(path), entry.blob)
        return SkipReason.TOO_LARGE if len(raw) > self._max_file_bytes else raw

    def _next(self, first: str) -> dict[str, bytes]:
        """Return the contents of a file and of those that follow it. Raises `CommitUnreadable`."""
        while self._coming and self._coming[0] != first:
            self._coming.popleft()
        wanted: dict[str, Entry] = {}
        total = 0
        for path in [first, *list(self._coming)[:READ_AHEAD_FILES]]:
            entry = self._tree.entry(path)
            if entry is None or entry.mode == LINK:
                continue
            if path != first and (total + (entry.size or 0) > READ_AHEAD_BYTES or entry.size is None):
                break
            wanted[path] = entry
            total += entry.size or 0
        if wanted[first].size is None:
            raise self._missing(first)
        found = self._git.blobs([entry.blob for entry in wanted.values()])
        contents: dict[str, bytes] = {}
        for path, blob in zip(wanted, found, strict=True):
            if blob.content is None:
                raise self._missing(path)
            contents[path] = blob.content
        return contents

    def _missing(self, path: str) -> CommitUnreadable:
        return CommitUnreadable(
            self._tree.opened.top,
            f"it does not have the content of '{path}' in this commit, as a partial clone, which raycontext lets fetch "
            "nothing. `git -C PATH fetch --refetch --no-filter` brings all",
        )
