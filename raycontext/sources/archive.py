"""The regular files of a tar or zip archive, written into a folder; the archive may come from anyone.

Only regular files are written, each opened anew below folders that this module has made, never through a link: links,
devices and whatever else an archive can hold are left out. A name that leads out of the folder is an error.
"""

from __future__ import annotations

import os
import stat
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
MAX_BYTES = 64 << 30
"""Of all files of an archive: a small one can unfold without end."""
COPY_BYTES = 1 << 20


class _Member(NamedTuple):
    name: str
    mtime: float  # Unix seconds
    content: IO[bytes]


def digest_of(archive: Path) -> str:
    """xxh3_128 of the archive's bytes, hexadecimal. Raises `SourceUnavailable`."""
    hasher = xxhash.xxh3_128()
    with _errors_of(archive), archive.open("rb") as file:
        while block := file.read(COPY_BYTES):
            hasher.update(block)
    return hasher.hexdigest()


def extract(archive: Path, folder: Path, strip: int, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> int:
    """Write the files of an archive below an empty folder, without the first `strip` parts of their names.

    Returns how many were written. Raises `SourceUnavailable` where the archive cannot be read, leads out of the
    folder, or holds more than is allowed.
    """
    written = count = 0
    with _errors_of(archive):
        for member in _members(archive):
            parts = _parts(archive, member.name)[strip:]
            if not parts:
                continue
            count += 1
            if count > max_files:
                raise SourceUnavailable(str(archive), f"it holds more than {max_files} files")
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)  # of two members of one name the later one counts
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
    if zipfile.is_zipfile(archive):
        yield from _zip_members(archive)
    else:
        yield from _tar_members(archive)


def _tar_members(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive, "r|*") as opened:  # a stream: each member is read once, none refers to another
        for member in opened:
            content = opened.extractfile(member) if member.isreg() else None
            if content is not None:
                yield _Member(member.name, member.mtime, content)


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if member.is_dir() or kind not in (0, stat.S_IFREG):
                continue
            with opened.open(member) as content:
                yield _Member(member.filename, 0.0, content)


def _parts(archive: Path, name: str) -> tuple[str, ...]:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts:
        raise SourceUnavailable(str(archive), f"the name {name[:200]!r} in it leads out of the folder")
    return path.parts


@contextmanager
def _errors_of(archive: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise SourceUnavailable(str(archive), f"it cannot be read as an archive ({error})") from error
    except OSError as error:
        raise SourceUnavailable(str(archive), error.strerror or str(error) or type(error).__name__) from error
