"""Extraction of tar and zip archives into a folder. The archives are not trusted.

Only regular files are written. Each file is created anew, below folders that this module has made, and never through a
link. Links, devices and all other kinds of entries are left out. A name that leads out of the folder, or that no file
can have, is left out and told.
"""

from __future__ import annotations

import errno
import lzma
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

import xxhash

from raycontext.errors import SourceUnavailable

__all__ = ["Extracted", "digest_of", "extract"]

MAX_FILES = 2_000_000
"""Largest number of regular files in one archive."""
MAX_BYTES = 64 << 30
"""Largest total size of an archive's files after extraction, in bytes. A small archive can expand without end."""
SPARE_BYTES = 64 << 20
"""Number of bytes that stay free on the disk into which an archive is extracted."""
CHECK_BYTES = 64 << 20
"""Number of bytes after which the free space is looked at again, since a compressed tar file does not tell its size."""
MAX_TOLD = 1000
"""Largest number of names that are told to be left out."""
MAX_TOLD_CHARACTERS = 200
"""Number of characters after which a name that is told is cut."""
COPY_BYTES = 1 << 20
"""Size of one read while a file is copied or hashed, in bytes."""


_DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, RuntimeError, ValueError, LookupError, ArithmeticError),
)
"""What the libraries raise for a damaged archive: their own errors, and those of code that did not expect its bytes."""


_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE}
"""Numbers of errors that say nothing of a name."""


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


class Extracted(NamedTuple):
    """Result of the extraction of an archive."""

    files: int
    """Number of files that were written."""
    left_out: tuple[str, ...]
    """Names that no file of the folder can have, each with the reason, at most `MAX_TOLD` of them."""


def extract(
    archive: Path, folder: Path, strip: int, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES
) -> Extracted:
    """Write the regular files of an archive into an empty folder.

    The first `strip` parts of each name are removed. A file whose name has no more parts is left out. A name that leads
    out of the folder, or that no file can have there, is left out and told. Raises `SourceUnavailable` when the archive
    cannot be read, when the disk has no room for it, or when it holds more than `max_files` files or more than
    `max_bytes` bytes.
    """
    written = count = 0
    left_out: list[str] = []
    with _as_source_errors(archive):
        _check_space(archive, folder, _least_bytes(archive))
        for number, member in enumerate(_members(archive)):
            if number >= max_files:
                raise SourceUnavailable(str(archive), f"it holds more than {max_files} files")
            parts, problem = _parts(member.name, strip), ""
            if parts == ():
                continue
            file = None
            try:
                file = _created(folder, parts) if parts else None
            except (OSError, ValueError) as error:  # ValueError: characters that the file system does not have
                if getattr(error, "errno", None) in _OF_THE_DISK:
                    raise
                problem = getattr(error, "strerror", None) or "no name of a file"
            if file is None:
                if len(left_out) < MAX_TOLD:
                    left_out.append(f"{member.name[:MAX_TOLD_CHARACTERS]}: {problem or 'it leads out of the folder'}")
                continue
            count += 1
            with file:
                while block := member.content.read(COPY_BYTES):
                    if written // CHECK_BYTES != (written + len(block)) // CHECK_BYTES:
                        _check_space(archive, folder, len(block))
                    written += len(block)
                    if written > max_bytes:
                        raise SourceUnavailable(str(archive), f"its files are larger than {max_bytes} bytes together")
                    file.write(block)
            if member.mtime > 0:
                with suppress(OSError, OverflowError, ValueError):  # a time that the file system does not have
                    os.utime(file.name, (member.mtime, member.mtime))
    return Extracted(count, tuple(left_out))


def _created(folder: Path, parts: tuple[str, ...]) -> IO[bytes]:
    """Return a new file in the folder, open for writing, with its folders. Raises `OSError` or `ValueError`."""
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # the later of two members with one name counts
    return target.open("xb")


def _least_bytes(archive: Path) -> int:
    """Return the number of bytes that the files of an archive take at least: all of them where it says so."""
    if not zipfile.is_zipfile(archive):
        return archive.stat().st_size
    with zipfile.ZipFile(archive) as opened:
        return sum(member.file_size for member in opened.infolist())


def _check_space(archive: Path, folder: Path, needed: int) -> None:
    """Raise `SourceUnavailable` where a disk has no room for `needed` more bytes."""
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE_BYTES:
        told = f"{max(needed, 1) / 1e6:.0f} MB and {SPARE_BYTES / 1e6:.0f} MB to spare"
        raise SourceUnavailable(str(archive), f"its files need {told}, and {folder} has {free / 1e6:.0f} MB free")


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


def _parts(name: str, strip: int) -> tuple[str, ...] | None:
    """Return the parts of a member's name after the first `strip` ones; None where the name leads out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts:
        return None
    return path.parts[strip:]


@contextmanager
def _as_source_errors(archive: Path) -> Iterator[None]:
    """Turn the errors of the archive libraries and of the file system into `SourceUnavailable`."""
    try:
        yield
    except _DAMAGED as error:
        raise SourceUnavailable(str(archive), f"it cannot be read as an archive ({error})") from error
    except OSError as error:
        raise SourceUnavailable(str(archive), error.strerror or str(error) or type(error).__name__) from error
