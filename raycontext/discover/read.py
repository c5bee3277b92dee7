"""Reading and hashing of single files of a tree. A file that cannot be indexed gives a reason, not an error."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import xxhash

from raycontext.discover.decoding import decode, decoded_as, text_problem
from raycontext.discover.notebooks import without_binary_outputs
from raycontext.discover.opening import open_below, open_flags
from raycontext.discover.rules.attributes import Attributes
from raycontext.discover.secrets.redaction import is_secret, redacted, secret_spans
from raycontext.models import FileDigest, SkipReason

__all__ = [
    "Content",
    "content_as",
    "content_of",
    "digest_file",
    "digest_of",
    "read_as",
    "read_content",
    "without_secrets",
]

READ_CHUNK_BYTES = 1 << 16
"""Largest single read from a file that grows while it is read, in bytes."""

_OPEN_FLAGS = open_flags("O_NONBLOCK")  # O_NONBLOCK: opening a FIFO must not wait
_REASONS = {
    errno.ENOENT: SkipReason.VANISHED,
    errno.ENOTDIR: SkipReason.VANISHED,
    errno.ELOOP: SkipReason.SYMLINK,
    errno.ENXIO: SkipReason.SPECIAL,  # a socket, a device without a driver
}


ENCODING_ATTRIBUTE = "working-tree-encoding"
LFS_FIRST_LINE = b"version https://git-lfs.github.com/spec/v1"
LFS_POINTER_BYTES = 1024
"""Size below which a file can be a pointer of Git LFS, by its specification."""


class Content(NamedTuple):
    """Content of a text file as it is indexed."""

    data: bytes  # UTF-8 without byte order mark
    digest: bytes  # xxh3_128 of the bytes on disk, and of the encoding where the tree declares one, 16 bytes
    size: int  # bytes on disk
    encoding: str = "utf-8"  # encoding of the file, as `decoded_as` takes it
    is_guess: bool = False  # whether nothing tells the encoding
    redactions: tuple[int, ...] = ()  # start and end of each secret that `data` does not show, in the decoded text
    attributes: Mapping[str, str] = MappingProxyType({})  # what the tree says about the file


def read_content(
    root: Path, path: str, max_file_bytes: int, attributes: Attributes | None = None
) -> Content | SkipReason:
    """Read one text file and return its content, or the reason why it cannot be indexed.

    root: real path of the tree. path: path relative to `root`, as in `FileStat`. A link in either is not followed: the
    reason is then `SYMLINK`. attributes: what the tree says about its files; they are read anew
    where this is None, which callers that read many files avoid.

    Text in other encodings is converted to UTF-8 (see `decode`). The reasons are: the file is gone, is not a regular
    file, has more than `max_file_bytes` bytes (also when it grows while it is read), is no text, points to a content in
    Git LFS, or cannot be read. A bad file raises no error.
    """
    raw = _read_raw(root, path, max_file_bytes)
    return raw if isinstance(raw, SkipReason) else content_of(path, raw, _declared(root, path, attributes))


def content_of(path: str, raw: bytes, declared: Mapping[str, str]) -> Content | SkipReason:
    """Return the content of a file from its bytes, or the reason why it cannot be indexed; see `read_content`.

    declared: what the tree declares about the file, by the names of attributes.
    """
    if _is_lfs_pointer(raw):
        return SkipReason.LFS_POINTER
    text = decode(raw, declared.get(ENCODING_ATTRIBUTE, ""))
    if isinstance(text, str):
        return SkipReason(text)
    data = without_binary_outputs(path, text.data)
    return Content(data, _digest(raw, declared), len(raw), text.encoding, text.is_guess, attributes=declared)


def read_as(
    root: Path,
    path: str,
    max_file_bytes: int,
    encoding: str,
    redactions: tuple[int, ...],
    attributes: Attributes | None = None,
) -> Content | SkipReason:
    """Read one file in the encoding in which it was indexed, without what was redacted then. All else is like
    `read_content`.

    A file that is not valid in that encoding is `UNDECODABLE`: it is not the one that was indexed.
    """
    raw = _read_raw(root, path, max_file_bytes)
    if isinstance(raw, SkipReason):
        return raw
    return content_as(path, raw, _declared(root, path, attributes), encoding, redactions)


def content_as(
    path: str, raw: bytes, declared: Mapping[str, str], encoding: str, redactions: tuple[int, ...]
) -> Content | SkipReason:
    """Return the content of a file from its bytes, in the encoding in which it was indexed; see `read_as`."""
    try:
        data = without_binary_outputs(path, decoded_as(raw, encoding))
    except (UnicodeError, LookupError):
        return SkipReason.UNDECODABLE
    digest = _digest(raw, declared)
    return Content(redacted(data, redactions), digest, len(raw), encoding, redactions=redactions)


def digest_file(root: Path, path: str, max_file_bytes: int, attributes: Attributes | None = None) -> FileDigest:
    """Hash one file. The result has a reason exactly when `read_content` returns a reason."""
    raw = _read_raw(root, path, max_file_bytes)
    if isinstance(raw, SkipReason):
        return FileDigest(path, b"", raw)
    return digest_of(path, raw, _declared(root, path, attributes))


def digest_of(path: str, raw: bytes, declared: Mapping[str, str]) -> FileDigest:
    """Return the digest of a file from its bytes and what the tree declares about it; see `digest_file`."""
    if _is_lfs_pointer(raw):
        return FileDigest(path, b"", SkipReason.LFS_POINTER)
    problem = text_problem(raw, declared.get(ENCODING_ATTRIBUTE, ""))
    if problem is not None:
        return FileDigest(path, b"", SkipReason(problem))
    return FileDigest(path, _digest(raw, declared), None)


def without_secrets(path: str, content: Content) -> Content | None:
    """Return the content with its secrets redacted; None where the whole file is a secret."""
    if is_secret(path, content.data):
        return None
    spans = secret_spans(content.data)
    return content._replace(data=redacted(content.data, spans), redactions=spans) if spans else content


def _declared(root: Path, path: str, attributes: Attributes | None) -> Mapping[str, str]:
    """Return what the tree declares about a file, by the names of attributes."""
    return (attributes or Attributes(root)).of(path)


def _is_lfs_pointer(raw: bytes) -> bool:
    """Return whether a file only points to its content in Git LFS (git-lfs/docs/spec.md)."""
    return len(raw) < LFS_POINTER_BYTES and raw.partition(b"\n")[0].removesuffix(b"\r") == LFS_FIRST_LINE


def _digest(raw: bytes, declared: Mapping[str, str]) -> bytes:
    """Return the digest of a file: what is declared is part of it, so that another declaration counts as a change."""
    if not declared:
        return xxhash.xxh3_128_digest(raw)
    others = (f"\0{name}={value}" for name, value in sorted(declared.items()) if name != ENCODING_ATTRIBUTE)
    marks = declared.get(ENCODING_ATTRIBUTE, "") + "".join(others)
    return xxhash.xxh3_128_digest(raw + b"\0" + marks.encode())


def _read_raw(root: Path, path: str, max_file_bytes: int) -> bytes | SkipReason:
    """Read the bytes of a regular file without following any link, or return why it cannot be read."""
    try:
        descriptor = open_below(str(root), path, _OPEN_FLAGS)
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
