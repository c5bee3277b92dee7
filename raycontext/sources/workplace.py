"""Working folder for sources that must be fetched. Each source has one place in it and is updated there.

    <work>/<name>-<hash of the address>/tree/      the folder that is indexed; its path never changes
    <work>/<name>-<hash of the address>/.git/HEAD  keeps out the ignore rules of a repository around the folder
    <work>/<name>-<hash of the address>/revision   only for an archive: the digest of the extracted archive
    <work>/<name>-<hash of the address>/left-out   only for an archive: names that could not be extracted, as JSON
    <work>/.new-<ulid>.<owner>/                    a place that is being filled; it is renamed when it is complete
    <work>/.trash-<ulid>.<owner>/                  a former place that is being removed

Several processes may update one place at once, without locks. Each of them ends with the same or a newer state.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

import xxhash

from raycontext.errors import SourceUnavailable
from raycontext.files.foreign_json import read_json
from raycontext.files.private import make_private_folder
from raycontext.sources.archive import digest_of, extract
from raycontext.sources.git import update, without_password
from raycontext.sources.owner import has_ended, own_mark
from raycontext.ulid import is_ulid, new_ulid

__all__ = ["Brought", "Origin", "bring", "tree_of"]

LEFT_BEHIND_SECONDS = 86_400.0
"""Age of a `.new-…` or `.trash-…` folder from which on it counts as left behind, in seconds, where nobody can tell
whether its process has ended, since that ran on another machine."""
PLACE_ATTEMPTS = 10
"""Number of tries to put a filled folder in its place while other processes do so too."""


class Origin(NamedTuple):
    """Origin of a source: a git repository or an archive, and how to fetch it."""

    kind: Literal["git", "archive"]
    location: str
    """URL of the repository, or absolute path of the archive."""
    ref: str = ""
    """Branch, tag or commit of a git repository. Empty means the default branch."""
    strip: int = 0
    """Number of leading parts that are removed from the names in an archive."""
    seconds: float = 600.0
    """Longest time that one update by git may take, in seconds."""
    history: int = 0
    """Number of commits of a git repository that are fetched with their changes."""


def tree_of(work: str, name: str, origin: Origin) -> str:
    """Return the path of the folder that `bring` fills for this source. It is the same for each `ref`."""
    address = f"{origin.kind}\0{without_password(origin.location)}\0{origin.strip}"
    key = xxhash.xxh3_64_hexdigest(address.encode(errors="surrogateescape"))
    return str(Path(work, f"{name}-{key[:8]}", "tree"))


class Brought(NamedTuple):
    """Source that is up to date in its place."""

    revision: str
    """Hash of the commit, or digest of the archive."""
    left_out: tuple[str, ...] = ()
    """Names in an archive that cannot be names of files in a folder, with the reason of each."""


def bring(work: str, name: str, origin: Origin) -> Brought:
    """Bring a source up to date in `tree_of(work, name, origin)`, and return what it is.

    Raises `SourceUnavailable` when the source cannot be
    fetched or written, and `InvalidInput` for a malformed URL or name of a repository.
    """
    place = Path(tree_of(work, name, origin)).parent
    try:
        make_private_folder(place.parent)
        _remove_leftovers(place.parent)
        if origin.kind == "git":
            return Brought(_update_repository(place, origin))
        return Brought(_update_archive(place, origin), _left_out(place))
    except OSError as error:
        raise SourceUnavailable(without_password(origin.location), f"{error.filename}: {error.strerror}") from error


def _update_repository(place: Path, origin: Origin) -> str:
    """Update a repository in its place, or fetch it anew when it is missing or damaged. Return the commit."""
    tree = place / "tree"
    if tree.is_dir():
        try:
            return _updated(origin, tree)
        except SourceUnavailable as error:
            if not error.damaged:
                raise
    return _fill_and_replace(place, lambda new: _updated(origin, new))


def _updated(origin: Origin, tree: Path) -> str:
    return update(origin.location, origin.ref, tree, origin.seconds, origin.history)


def _update_archive(place: Path, origin: Origin) -> str:
    """Extract an archive into its place, unless its content is there already. Return the digest of the archive."""
    archive = Path(origin.location)
    digest = digest_of(archive)
    with suppress(FileNotFoundError):
        if (place / "revision").read_text() == digest:
            return digest

    def fill(tree: Path) -> str:
        found = extract(archive, tree, origin.strip)
        (tree.parent / "left-out").write_text(json.dumps(found.left_out))
        (tree.parent / "revision").write_text(digest)
        return digest

    return _fill_and_replace(place, fill)


def _left_out(place: Path) -> tuple[str, ...]:
    """Return the names of an archive that could not be extracted."""
    try:
        return tuple(map(str, read_json((place / "left-out").read_bytes())))
    except (OSError, ValueError, TypeError):  # an older version has extracted it
        return ()


def _fill_and_replace(place: Path, fill: Callable[[Path], str]) -> str:
    """Fill a new folder and put it in place of the old one. Return the result of `fill`.

    `fill` gets the path of the new `tree` folder. Raises what `fill` raises; the old folder stays then. Raises
    `SourceUnavailable` when other processes replace the place at the same time, more often than `PLACE_ATTEMPTS`.
    """
    new = place.parent / f".new-{new_ulid()}.{own_mark()}"
    try:
        (new / "tree").mkdir(parents=True)
        (new / ".git").mkdir()
        (new / ".git" / "HEAD").write_text("ref: refs/heads/none\n")
        revision = fill(new / "tree")
        for _ in range(PLACE_ATTEMPTS):
            trash = place.parent / f".trash-{new_ulid()}.{own_mark()}"
            with suppress(FileNotFoundError):
                place.rename(trash)
            try:
                new.rename(place)
            except OSError:  # another process was faster
                continue
            finally:
                shutil.rmtree(trash, ignore_errors=True)
            return revision
        raise SourceUnavailable(str(place), "other processes replace it at the same time, so that no try succeeded")
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _remove_leftovers(work: Path) -> None:
    """Remove folders that killed processes have left behind. Ages are differences of times of the file system."""
    now = _file_system_time(work)
    for left in (*work.glob(".new-*"), *work.glob(".trash-*")):
        stamp, _, owner = left.name.partition("-")[2].partition(".")
        with suppress(FileNotFoundError):
            is_old = left.lstat().st_mtime < now - LEFT_BEHIND_SECONDS
            if is_ulid(stamp) and (is_old or has_ended(owner)):
                shutil.rmtree(left, ignore_errors=True)


def _file_system_time(folder: Path) -> float:
    """Return the time of the file system that a folder is on, in Unix seconds."""
    with tempfile.TemporaryFile(dir=folder) as probe:
        return os.fstat(probe.fileno()).st_mtime
