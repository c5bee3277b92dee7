"""What git's index says about a working tree: which files hold what git has under a hash, without reading them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from raycontext.discover.commits.program import understood
from raycontext.discover.commits.repository import Opened

__all__ = ["Staged", "staged_files"]

SECOND_NS = 1_000_000_000
INODE_BITS = 32
"""Number of bits of an inode that git's index keeps."""

_RECORD = re.compile(
    rb"(?P<mode>100[0-7]{3}) (?P<blob>[0-9a-f]{40,64}) 0\t(?P<path>[^\0]+)\0"
    rb"  ctime: \d+:\d+\n"
    rb"  mtime: (?P<seconds>\d+):(?P<nanoseconds>\d+)\n"
    rb"  dev: \d+\tino: (?P<inode>\d+)\n"
    rb"  uid: \d+\tgid: \d+\n"
    rb"  size: (?P<size>\d+)\tflags: [0-9a-f]+\n"
)


class Staged(NamedTuple):
    """File of a working tree whose content git has compared with one that it holds."""

    blob: str
    """Hash of the content in git."""
    mtime_ns: int
    """Time of the file's last modification when git compared it, in nanoseconds since the epoch."""
    inode: int
    """Last `INODE_BITS` bits of the file's inode then."""
    size: int
    """Size of the file then, in bytes."""

    def is_of(self, size: int, mtime_ns: int, inode: int) -> bool:
        """Return whether a file with this status is as git saw it."""
        return (self.size, self.mtime_ns, self.inode) == (size, mtime_ns, inode % (1 << INODE_BITS))


def staged_files(opened: Opened) -> Mapping[str, Staged]:
    """Return the files in git's index of a working tree, by path from its top. Raises `CommitUnreadable`.

    Files that may have been written after git looked at them are left out, as git itself reads them again.
    """
    written_ns = 0
    with suppress(OSError):
        written_ns = Path(opened.git_folder, "index").stat().st_mtime_ns
    told = opened.git.run("ls-files", "--stage", "--debug", "-z")
    found: dict[str, Staged] = {}
    with understood(opened.top):
        for record in _RECORD.finditer(told):
            mtime_ns = int(record["seconds"]) * SECOND_NS + int(record["nanoseconds"])
            if 0 < mtime_ns < written_ns:
                path = os.fsdecode(record["path"])
                found[path] = Staged(record["blob"].decode(), mtime_ns, int(record["inode"]), int(record["size"]))
    return found
