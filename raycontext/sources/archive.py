"""Extraction of tar and zip archives into a folder. The archives are not trusted.

Only regular files are written. Each file is created anew, below folders that this module has made, and never through a
link. Links, devices and all other kinds of entries are left out. A name that leads out of the folder is an error.
"""

from __future__ import annotations

import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

import xxhash

from raycontext.errors import SourceUnavailable

__all__ = ["digest_of", "extract"]

MAX_FILES = 2_000_000
"""Largest number of regular files in one archive."""
MAX_BYTES = 64 << 30
"""Largest total size of an archive's files after extraction, in bytes. A small archive can expand without end."""
COPY_BYTES = 1 << 20
"""Size of one read while a file is copied or hashed, in bytes."""


_DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, RuntimeError, ValueError, LookupError, ArithmeticError),
)
"""What the libraries raise for a damaged archive: their own errors, and those of code that did not expect its bytes."""


class _Member(NamedTuple):
    """Regular file of an archive: its name, its time of modification and a stream of its content."""

    name: str
    mtime: float  # seconds since the Unix epoch; 0 when it is not known
    content: IO[bytes]


def digest_of(archive: Path) -> str:
    """Return the digest of an archive's bytes (xxh3_128, hexadecimal). Raises `SourceUnavailable`."""
    hasher = xxhash.xxh3_128()
    with _as_source_errors(archive), archive.open("rb") as file:
        while block := file.read(COPY_BYTES):
            hasher.update(block)
    return hasher.hexdigest()


def extract(archive: Path, folder: Path, strip: int, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> int:
    """Write the regular files of an archive into an empty folder. Return the number of files.

    The first `strip` parts of each name are removed. A file whose name has no more parts is left out. Raises
    `SourceUnavailable` when the archive cannot be read, when a name in it leads out of the folder, or when it holds
    more than `max_files` files or more than `max_bytes` bytes.
    """
    written = count = 0
    with _as_source_errors(archive):
        for member in _members(archive):
            parts = _parts(archive, member.name)[strip:]
            if not parts:
                continue
            count += 1
            if count > max_files:
                raise SourceUnavailable(str(archive), f"it holds more than {max_files} files")
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)  # the later of two members with one name counts
            with target.open("xb") as file:
                while block := member.content.read(COPY_BYTES):
                    written += len(block)
                    if written > max_bytes:
                        raise SourceUnavailable(str(archive), f"its files are larger than {max_bytes} bytes together")
                    file.write(block)
            if member.mtime > 0:
                os.utime(target, (member.mtime, member.mtime))
    return count


def _members(archive: Path) -> Iterator[_Member]:
    """Yield the regular files of a zip or tar archive in order. Read each content before asking for the next file."""
    if zipfile.is_zipfile(archive):
        yield from _zip_members(archive)
    else:
        yield from _tar_members(archive)


def _tar_members(archive: Path) -> Iterator[_Member]:
    """Yield the regular files of a tar archive, which may be compressed."""
    with tarfile.open(archive, "r|*") as opened:  # a stream reads each member once, and no member refers to another
        for member in opened:
            content = opened.extractfile(member) if member.isreg() else None
            if content is not None:
                yield _Member(member.name, member.mtime, content)


def _zip_members(archive: Path) -> Iterator[_Member]:
    """Yield the regular files of a zip archive. Their times are not read."""
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if member.is_dir() or kind not in (0, stat.S_IFREG):
                continue
            with opened.open(member) as content:
                yield _Member(member.filename, 0.0, content)


def _parts(archive: Path, name: str) -> tuple[str, ...]:
    """Return the parts of a member's name. Raises `SourceUnavailable` when the name leads out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts:
        raise SourceUnavailable(str(archive), f"the name {name[:200]!r} in it leads out of the folder")
    return path.parts


@contextmanager
def _as_source_errors(archive: Path) -> Iterator[None]:
    """Turn the errors of the archive libraries and of the file system into `SourceUnavailable`."""
    try:
        yield
    except _DAMAGED as error:
        raise SourceUnavailable(str(archive), f"it cannot be read as an archive ({error})") from error
    except OSError as error:
        raise SourceUnavailable(str(archive), error.strerror or str(error) or type(error).__name__) from error
