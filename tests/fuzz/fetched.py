"""Borders of what is fetched: lists of batches, addresses of repositories, and archives."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from raycontext.batch.entries import read_batch_list
from raycontext.errors import InvalidInput, SourceUnavailable
from raycontext.sources.archive import extract
from raycontext.sources.git import check_repository, without_password

from .asked import any_value
from .border import Attempt, Border, mutated

__all__ = ["ARCHIVES", "BATCHES", "REPOSITORIES"]

LIST = b"""
concurrency: 2
sources:
  - folder: shop
    collection: shop
    include: ["*.py", "!tests/"]
  - git: https://host.example/team/repository.git
    ref: v1.2
  - archive: sources.tar.gz
    strip: 1
"""
KEYS = (
    "sources",
    "concurrency",
    "folder",
    "git",
    "archive",
    "ref",
    "strip",
    "collection",
    "include",
    "exclude",
    "name",
)
BOMB = b"a: &a [x]\n" + b"".join(b"%c: &%c [*%c, *%c, *%c]\n" % (c + 1, c + 1, c, c, c) for c in range(97, 110))
NAMES = ("a.py", "b/c.py", "../out", "/out", "b/../../out", "", ".", "..", "a\0b", "a\nb", "é", "\udcff", "x" * 300)
SECRET = "s3cret-of-the-fuzzer"


@contextmanager
def batches(folder: Path) -> Iterator[Attempt]:
    """A list of any bytes is read, or refused in words."""
    place = folder / "list.yaml"

    def attempt(random: Random) -> str:
        match random.randrange(4):
            case 0:
                kind, content = "mutated list", mutated(LIST, random, 6)
            case 1:
                kind, content = "nested list", random.choice((b"[", b"{a: ", b"- ")) * random.randint(1, 3_000)
            case 2:
                kind, content = "aliases", BOMB + LIST
            case _:
                entries = [{random.choice(KEYS): any_value(random) for _ in range(3)} for _ in range(2)]
                kind = "entries"
                content = json.dumps({"sources": entries, random.choice(KEYS): any_value(random)}).encode()
        place.write_bytes(content)
        try:
            read_batch_list(place)
        except InvalidInput as error:
            assert len(str(error)) < 20_000
            return f"{kind}: refused"
        return f"{kind}: read"

    yield attempt


@contextmanager
def repositories(_: Path) -> Iterator[Attempt]:
    """An address that git may get is no option, and shows no password."""
    pieces = ("https", "http", "ssh", "git", "file", "ext", "://", "/", "host", ".example", ":80", "@", ":", "-", "--x")
    pieces += ("[::1]", "[", "%0a", "%00", " ", "\n", "\\", "?", "#", "..", "é", "user", "git@host:a/b")

    def attempt(random: Random) -> str:
        url = "".join(random.choice(pieces) for _ in range(random.randint(1, 8)))
        if random.random() < 0.5:
            url = f"{random.choice(pieces[:6])}://user:{SECRET}@{url}"
        ref = "".join(random.choice((*pieces, "main", "v1", "@{", ".lock")) for _ in range(random.randint(0, 3)))
        try:
            check_repository(url, ref)
        except InvalidInput as error:
            assert SECRET not in str(error) or not url.startswith(("https://", "http://", "ssh://", "git://"))
            return "refused"
        assert not url.startswith("-")
        assert not any(character.isspace() for character in url)
        assert not ref.startswith("-")
        assert SECRET not in without_password(url) or url.startswith("file://")
        return "taken"

    yield attempt


@contextmanager
def archives(folder: Path) -> Iterator[Attempt]:
    """Nothing is written outside of the folder, nothing but files and folders inside, and errors are told."""
    inside = folder / "inside"
    outside = folder / "outside"
    outside.write_text("untouched")
    archive = folder / "archive"

    def attempt(random: Random) -> str:
        is_zip = random.random() < 0.5
        content = zipped(random) if is_zip else tarred(random)
        kind = "zip" if is_zip else "tar"
        if random.random() < 0.5:
            content, kind = mutated(content, random, 4), f"mutated {kind}"
        archive.write_bytes(content)
        shutil.rmtree(inside, ignore_errors=True)
        inside.mkdir()
        try:
            extract(archive, inside, random.randint(0, 2), max_bytes=1 << 20, max_files=50)
            end = "extracted"
        except SourceUnavailable:
            end = "refused"
        assert sorted(os.listdir(folder)) == ["archive", "inside", "outside"]  # noqa: PTH208
        assert outside.read_text() == "untouched"
        found = [path.lstat().st_mode for path in inside.rglob("*")]
        assert all(stat.S_ISREG(mode) or stat.S_ISDIR(mode) for mode in found)
        shutil.rmtree(inside)
        return f"{kind}: {end}"

    yield attempt


def tarred(random: Random) -> bytes:
    """Return a tar archive with names, links and devices that lead elsewhere, perhaps compressed."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode=random.choice(("w", "w:gz", "w:xz"))) as made:  # type: ignore[call-overload]
        for _ in range(random.randint(0, 4)):
            member = tarfile.TarInfo(random.choice(NAMES))
            member.type = random.choice(
                (tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, b"3", b"6")
            )
            member.linkname = random.choice(("../outside", "/etc/passwd", "a.py", "..", ""))
            member.mtime = random.choice((0, 1, -5, 2**40))
            data = random.randbytes(random.choice((0, 10, 2000))) if member.isreg() else b""
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
    return whole.getvalue()


def zipped(random: Random) -> bytes:
    """Return a zip archive with names that lead elsewhere, links, and files that grow."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as made:
        for name in dict.fromkeys(random.choices([name for name in NAMES if name.isascii()], k=random.randint(0, 4))):
            member = zipfile.ZipInfo("a")
            member.filename = name
            member.external_attr = random.choice((0, 0o100644, 0o120777, 0o060000)) << 16
            made.writestr(member, random.choice((b"", b"x", b"\0" * (1 << 21))), zipfile.ZIP_DEFLATED)
    return whole.getvalue()


ARCHIVES = Border("archives", 100, archives)
BATCHES = Border("batches", 30, batches)
REPOSITORIES = Border("repositories", 1000, repositories)
