"""The folder in which sources that must be fetched are kept, one place for each, brought up to date in it.

    <work>/<name>-<hash of the address>/tree/      what is indexed; its path never changes
    <work>/<name>-<hash of the address>/.git/HEAD  so that ignore rules of a repository around it do not reach in
    <work>/<name>-<hash of the address>/revision   of an archive: the digest of what was extracted
    <work>/.new-<ulid>/                            being filled, renamed to its place when it is whole
    <work>/.trash-<ulid>/                          being removed

No one holds a place for himself: whoever brings one up to date while another does ends with the same or a newer state.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

import xxhash

from raycontext.errors import SourceUnavailable
from raycontext.sources.archive import digest_of, extract
from raycontext.sources.git import update, without_password
from raycontext.ulid import new_ulid, ulid_seconds

__all__ = ["Origin", "bring", "tree_of"]

LEFT_BEHIND_SECONDS = 86_400.0
"""A folder that someone began to fill that long ago is no longer being filled."""
PLACE_ATTEMPTS = 10


class Origin(NamedTuple):
    """Where a source comes from."""

    kind: Literal["git", "archive"]
    location: str  # a URL, or the absolute path of an archive
    ref: str = ""  # of git: branch, tag or commit; empty: the default branch
    strip: int = 0  # of an archive: leading parts of the names that are left out
    seconds: float = 600.0  # how long git may take


def tree_of(work: str, name: str, origin: Origin) -> str:
    """The folder that `bring` fills."""
    address = f"{origin.kind}\0{without_password(origin.location)}\0{origin.strip}"
    key = xxhash.xxh3_64_hexdigest(address.encode(errors="surrogateescape"))
    return str(Path(work, f"{name}-{key[:8]}", "tree"))


def bring(work: str, name: str, origin: Origin) -> str:
    """Bring a source up to date in `tree_of(work, name, origin)`.

    Returns the commit, or the digest of the archive. Raises `SourceUnavailable`; the former state stays then.
    """
    place = Path(tree_of(work, name, origin)).parent
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _remove_leavings(place.parent)
        return _clone(place, origin) if origin.kind == "git" else _unpack(place, origin)
    except OSError as error:
        raise SourceUnavailable(without_password(origin.location), f"{error.filename}: {error.strerror}") from error


def _clone(place: Path, origin: Origin) -> str:
    tree = place / "tree"
    if tree.is_dir():
        try:
            return update(origin.location, origin.ref, tree, origin.seconds)
        except SourceUnavailable as error:
            if not error.damaged:
                raise
    return _filled(place, lambda new: update(origin.location, origin.ref, new, origin.seconds))


def _unpack(place: Path, origin: Origin) -> str:
    archive = Path(origin.location)
    digest = digest_of(archive)
    with suppress(FileNotFoundError):
        if (place / "revision").read_text() == digest:
            return digest

    def fill(tree: Path) -> str:
        extract(archive, tree, origin.strip)
        (tree.parent / "revision").write_text(digest)
        return digest

    return _filled(place, fill)


def _filled(place: Path, fill: Callable[[Path], str]) -> str:
    """Fill a new folder, then put it in place of the old one."""
    new = place.parent / f".new-{new_ulid()}"
    try:
        (new / "tree").mkdir(parents=True)
        (new / ".git").mkdir()
        (new / ".git" / "HEAD").write_text("ref: refs/heads/none\n")
        revision = fill(new / "tree")
        for _ in range(PLACE_ATTEMPTS):
            trash = place.parent / f".trash-{new_ulid()}"
            with suppress(FileNotFoundError):
                place.rename(trash)
            try:
                new.rename(place)
            except OSError:  # another one was quicker
                continue
            finally:
                shutil.rmtree(trash, ignore_errors=True)
            return revision
        raise SourceUnavailable(str(place), "others put other states into its place again and again")
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _remove_leavings(work: Path) -> None:
    """Of processes that were killed."""
    for left in (*work.glob(".new-*"), *work.glob(".trash-*")):
        if ulid_seconds(left.name.partition("-")[2]) < time.time() - LEFT_BEHIND_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
