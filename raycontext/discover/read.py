"""Reading and hashing of single files of a tree. A file that cannot be indexed gives a reason, not an error."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple

import xxhash

from raycontext.discover.repository import open_flags
from raycontext.models import FileDigest, SkipReason

__all__ = ["Content", "digest_file", "read_content"]

READ_CHUNK_BYTES = 1 << 16
"""Largest single read from a file that grows while it is read, in bytes."""

_OPEN_FLAGS = open_flags("O_NOFOLLOW", "O_NONBLOCK")  # O_NONBLOCK: opening a FIFO must not wait
_REASONS = {
    errno.ENOENT: SkipReason.VANISHED,
    errno.ENOTDIR: SkipReason.VANISHED,
    errno.ELOOP: SkipReason.SYMLINK,  # from O_NOFOLLOW
    errno.ENXIO: SkipReason.SPECIAL,  # a socket, a device without a driver
}


class Content(NamedTuple):
    """Content of a text file as it is indexed."""

    data: bytes  # UTF-8 without byte order mark
    digest: bytes  # xxh3_128 of the bytes on disk, 16 bytes
    size: int  # bytes on disk


def read_content(root: Path, path: str, max_file_bytes: int) -> Content | SkipReason:
    """Read one text file and return its content, or the reason why it cannot be indexed.

    `path` is relative to `root`, as in `FileStat`. UTF-16 with a byte order mark is converted to UTF-8. The reasons
    are: the file is gone, is not a regular file, has more than `max_file_bytes` bytes (also when it grows while it is
    read), is binary (it has a NUL), is neither valid UTF-8 nor UTF-16, or cannot be read. A bad file raises no error.
    """
    raw = _read_raw(root, path, max_file_bytes)
    if isinstance(raw, SkipReason):
        return raw
    data = _to_utf8(raw)
    if isinstance(data, SkipReason):
        return data
    return Content(data, xxhash.xxh3_128_digest(raw), len(raw))


def digest_file(root: Path, path: str, max_file_bytes: int) -> FileDigest:
    """Hash one file. The result has a reason exactly when `read_content` returns a reason."""
    content = read_content(root, path, max_file_bytes)
    if isinstance(content, SkipReason):
        return FileDigest(path, b"", content)
    return FileDigest(path, content.digest, None)


def _read_raw(root: Path, path: str, max_file_bytes: int) -> bytes | SkipReason:
    """Read the bytes of a regular file without following a link in its last part, or return why it cannot be read."""
    try:
        descriptor = os.open(f"{root}/{path}", _OPEN_FLAGS)
    except OSError as error:
        return _REASONS.get(error.errno or 0, SkipReason.UNREADABLE)
    except ValueError:  # no file can have such a path: it has a NUL or a lone surrogate
        return SkipReason.UNREADABLE
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return SkipReason.SPECIAL
        if status.st_size > max_file_bytes:
            return SkipReason.TOO_LARGE
        return _read_to_end(descriptor, status.st_size, max_file_bytes)
    except OSError:
        return SkipReason.UNREADABLE
    finally:
        os.close(descriptor)


def _read_to_end(descriptor: int, expected_bytes: int, max_file_bytes: int) -> bytes | SkipReason:
    """Read until the end of the file. Its size at the start is only a guess, since it may grow or shrink meanwhile."""
    pieces: list[bytes] = []
    total = 0
    wanted = expected_bytes + 1  # one more byte: a short read then proves the end of an unchanged file
    while True:
        piece = os.read(descriptor, wanted)
        pieces.append(piece)
        total += len(piece)
        if total > max_file_bytes:
            return SkipReason.TOO_LARGE
        if not piece or (len(piece) < wanted and total == expected_bytes):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        wanted = min(READ_CHUNK_BYTES, max_file_bytes - total + 1)


def _to_utf8(raw: bytes) -> bytes | SkipReason:
    """Return the text as UTF-8 without a byte order mark, or the reason why the bytes are not text."""
    try:
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            data = raw.decode("utf-16").encode("utf-8")
        else:
            data = raw.removeprefix(codecs.BOM_UTF8)
            if not data.isascii() and b"\0" not in data:
                data.decode("utf-8")
    except UnicodeError:
        return SkipReason.UNDECODABLE
    return SkipReason.BINARY if b"\0" in data else data
