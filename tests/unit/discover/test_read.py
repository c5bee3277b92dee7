from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest
import xxhash

from raycontext.discover.read import Content, digest_file, read_as, read_content
from raycontext.models import FileDigest, SkipReason

LIMIT_BYTES = 1 << 16


def read(root: Path, path: str) -> Content | SkipReason:
    """What `read_content` gives, after a check that `digest_file` agrees."""
    content = read_content(root, path, LIMIT_BYTES)
    digested = digest_file(root, path, LIMIT_BYTES)
    if isinstance(content, SkipReason):
        assert digested == FileDigest(path, b"", content)
    else:
        assert digested == FileDigest(path, content.digest, None)
    return content


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        (b"", b""),
        ("a".encode("utf-32"), b"a"),
        ("wide words".encode("utf-16-le"), b"wide words"),
        (b"caf\xe9", "café".encode()),
        ("— é und ß".encode() + b" \xe9", "— é und ß é".encode()),
        (b"x = 1\n", b"x = 1\n"),
        ("é\r\n".encode(), "é\r\n".encode()),
        (b"\xef\xbb\xbfx", b"x"),
        ("é\U0001f600".encode("utf-16"), "é\U0001f600".encode()),
        (b"\xfe\xff" + "ab".encode("utf-16-be"), b"ab"),
        (b"\xff\xfe", b""),
        (b"x" * LIMIT_BYTES, b"x" * LIMIT_BYTES),
    ],
)
def test_text_becomes_utf8_and_the_digest_is_of_the_bytes_on_disk(tmp_path: Path, raw: bytes, data: bytes) -> None:
    (tmp_path / "a").write_bytes(raw)
    content = read(tmp_path, "a")
    assert isinstance(content, Content)
    assert content[:3] == (data, xxhash.xxh3_128_digest(raw), len(raw))
    assert read_as(tmp_path, "a", LIMIT_BYTES, content.encoding, ()) == content._replace(is_guess=False)


LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


@pytest.mark.parametrize("raw", [b"a\n" + LFS_POINTER, LFS_POINTER + b"x" * 1024, b"version 1\n"])
def test_text_about_git_lfs_is_text(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "a").write_bytes(raw)
    assert isinstance(read(tmp_path, "a"), Content)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\0", SkipReason.BINARY),
        (b"x" * 60_000 + b"\0", SkipReason.BINARY),
        (b"\xff\x00\xff", SkipReason.BINARY),
        ("a\0b".encode("utf-16"), SkipReason.BINARY),
        ("a\0b".encode("utf-32"), SkipReason.BINARY),
        (b"\xff\xfe\0\0a", SkipReason.BINARY),
        (bytes(range(1, 256)), SkipReason.UNDECODABLE),
        (b"\xff\xfea", SkipReason.UNDECODABLE),
        (b"\xff\xfe\x00\xd8", SkipReason.UNDECODABLE),
        (b"x" * (LIMIT_BYTES + 1), SkipReason.TOO_LARGE),
        (LFS_POINTER, SkipReason.LFS_POINTER),
        (LFS_POINTER.replace(b"\n", b"\r\n"), SkipReason.LFS_POINTER),
    ],
)
def test_content_that_is_no_text_has_a_reason(tmp_path: Path, raw: bytes, reason: SkipReason) -> None:
    (tmp_path / "a").write_bytes(raw)
    assert read(tmp_path, "a") == reason


def test_missing_files_have_vanished(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert read(tmp_path, "missing") == SkipReason.VANISHED
    assert read(tmp_path, "file/below") == SkipReason.VANISHED


def test_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").touch()
    (tmp_path / "link").symlink_to("real")
    assert read(tmp_path, "link") == SkipReason.SYMLINK


def test_fifo_socket_device_and_folder_are_special_and_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for name in ("fifo", "folder", "socket"):
            assert read(tmp_path, name) == SkipReason.SPECIAL
    assert read(Path("/dev"), "zero") == SkipReason.SPECIAL


def test_large_sparse_file_is_refused_without_a_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 30)

    def no_read(descriptor: int, size: int) -> bytes:
        raise AssertionError("read")

    with monkeypatch.context() as patch:
        patch.setattr(os, "read", no_read)
        assert read(tmp_path, "sparse") == SkipReason.TOO_LARGE


def grow_at_stat(monkeypatch: pytest.MonkeyPatch, file: Path, addition: bytes) -> None:
    """Let `file` grow right after its size was asked for."""
    fstat = os.fstat

    def growing(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        with file.open("ab") as stream:
            stream.write(addition)
        return status

    monkeypatch.setattr(os, "fstat", growing)


def test_file_that_grows_past_the_limit_while_it_is_read_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "log").write_bytes(b"start")
    with monkeypatch.context() as patch:
        grow_at_stat(patch, tmp_path / "log", b"x" * LIMIT_BYTES)
        assert read_content(tmp_path, "log", LIMIT_BYTES) == SkipReason.TOO_LARGE


def test_file_that_grows_within_the_limit_is_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log").write_bytes(b"start")
    with monkeypatch.context() as patch:
        grow_at_stat(patch, tmp_path / "log", b"x" * 1000)
        content = read_content(tmp_path, "log", LIMIT_BYTES)
    assert isinstance(content, Content)
    assert content.data == b"start" + b"x" * 1000


def test_read_in_small_pieces_gives_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(bytes(range(1, 128)))
    real_read = os.read
    with monkeypatch.context() as patch:
        patch.setattr(os, "read", lambda descriptor, size: real_read(descriptor, min(size, 10)))
        content = read_content(tmp_path, "a", LIMIT_BYTES)
    assert isinstance(content, Content)
    assert content.data == bytes(range(1, 128))


@pytest.mark.parametrize("function", ["open", "read", "fstat"])
@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.EMFILE])
def test_other_errors_make_a_file_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, code: int
) -> None:
    (tmp_path / "a").touch()

    def failing(*arguments: object) -> object:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        if function == "open":
            patch.setattr("raycontext.discover.read.open_below", failing)
        else:
            patch.setattr(os, function, failing)
        assert read(tmp_path, "a") == SkipReason.UNREADABLE


def test_paths_that_no_file_can_have_are_unreadable(tmp_path: Path) -> None:
    assert read(tmp_path, "a\0b") == SkipReason.UNREADABLE
    assert read(tmp_path, "\ud800") == SkipReason.UNREADABLE
    assert read(tmp_path, "x" * 5000) == SkipReason.UNREADABLE


def test_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    path = os.fsdecode(b"\xff\n.py")
    (tmp_path / path).write_bytes(b"x")
    content = read(tmp_path, path)
    assert isinstance(content, Content)
    assert content.data == b"x"


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"x")
    (tmp_path / "binary").write_bytes(b"\0")
    (tmp_path / "large").write_bytes(b"x" * (LIMIT_BYTES + 1))
    os.mkfifo(tmp_path / "fifo")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("text", "binary", "large", "fifo", "missing"):
        read(tmp_path, name)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
