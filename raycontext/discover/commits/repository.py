"""A repository as it is opened to read its commits: where it lies, and what outside of a commit decides its files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import xxhash

from raycontext.discover.commits.conversion import LineEnds
from raycontext.discover.commits.names import CommitSource
from raycontext.discover.commits.program import Git
from raycontext.discover.repository import (
    common_git_folder,
    exclude_files,
    is_bare_repository,
    own_git_folder,
    read_small_file,
)
from raycontext.errors import CommitUnreadable, InvalidInput, RefNotFound

__all__ = ["Opened", "OutsideRules", "open_repository", "outside_rules", "resolve_ref"]

MOST_REF_CHARACTERS = 1000
"""Largest length of the name of a commit, in characters."""


class Opened(NamedTuple):
    """Repository that a folder belongs to."""

    top: str
    """Top of the working tree, or a bare repository itself."""
    git_folder: str
    """Git's own folder of this working tree, which holds its `HEAD`."""
    common: str
    """Git's own folder that all working trees of the repository share."""
    inside: str
    """Path of the folder below `top`, with "/" between names; "" for the top."""

    @property
    def git(self) -> Git:
        """git, which reads this repository without asking again whose it is."""
        return Git(self.top, self.git_folder)


class OutsideRules(NamedTuple):
    """What decides how the files of a commit are read, and does not lie in the commit."""

    ends: LineEnds
    attributes: tuple[bytes, ...]
    """Contents of attributes files that are weaker than those of the tree, the weakest first."""
    info: bytes
    """Content of the repository's own attributes file, which is stronger."""
    digest: str
    """Digest of all this, and of the exclude files of the repository and the user, in hexadecimal."""


def open_repository(folder: str) -> Opened:
    """Return the repository that an absolute folder without links belongs to, or is. Raises `InvalidInput`."""
    place = Path(folder)
    for top in (place, *place.parents):
        own, common = own_git_folder(top), common_git_folder(top)
        if own is not None and common is not None:
            inside = place.relative_to(top).as_posix()
            return Opened(str(top), str(own), os.path.realpath(common), "" if inside == "." else inside)
        if is_bare_repository(top):
            if top != place:
                break
            return Opened(folder, folder, folder, "")
    raise InvalidInput(f"{folder} is in no repository of git", "A ref names a commit: give a folder of a repository.")


def resolve_ref(folder: str, ref: str) -> CommitSource:
    """Return the tree of the commit that a branch, a tag or another name of git means now, for a folder.

    folder: absolute path without links, of a bare repository or in a working tree. Raises `InvalidInput` where it is in
    no repository, `RefNotFound`, and `CommitUnreadable`, also where the repository is of another user.
    """
    opened = open_repository(folder)
    if not 0 < len(ref) <= MOST_REF_CHARACTERS or not ref.isprintable():
        raise RefNotFound(ref, opened.top)
    # Without git's own folder, so that git looks whose repository it is.
    told = Git(opened.top).run(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", codes=(0, 1)
    )
    commit = told.decode(errors="replace").strip()
    if not commit:
        raise RefNotFound(ref, opened.top)
    source = CommitSource(folder, commit)
    if CommitSource.parse(str(source)) != source:
        raise CommitUnreadable(opened.top, "git names its commit with something else than a hash")
    return source


def outside_rules(opened: Opened) -> OutsideRules:
    """Return what decides how the files of commits of a repository are read. Raises `CommitUnreadable`."""
    told = opened.git.run("config", "-z", "--get-regexp", r"^core\.(autocrlf|eol|attributesfile)$", codes=(0, 1))
    settings = dict(entry.partition("\n")[::2] for entry in os.fsdecode(told).split("\0") if entry)
    autocrlf = settings.get("core.autocrlf", "false").lower() or "true"  # a name without a value
    autocrlf = {"yes": "true", "on": "true", "1": "true"}.get(autocrlf, autocrlf)
    ends = LineEnds(autocrlf, settings.get("core.eol", "").lower())
    files = [] if os.environ.get("GIT_ATTR_NOSYSTEM") else [Path("/etc/gitattributes")]
    if (own := _user_attributes(settings.get("core.attributesfile"))) is not None:
        files.append(own)
    attributes = tuple(read_small_file(file) or b"" for file in files)
    info = read_small_file(Path(opened.common, "info", "attributes")) or b""
    excludes = (read_small_file(file) or b"" for file in exclude_files(Path(opened.common)))
    digest = xxhash.xxh3_64()
    for part in (repr(ends).encode(), *attributes, info, *excludes):
        digest.update(len(part).to_bytes(8, "little") + part)
    return OutsideRules(ends, attributes, info, digest.hexdigest())


def _user_attributes(setting: str | None) -> Path | None:
    """Return the path of the user's own attributes file; None where the user has no home."""
    try:
        if setting is not None:
            return Path(setting).expanduser()
        folder = os.environ.get("XDG_CONFIG_HOME")
        return Path(folder, "git", "attributes") if folder else Path("~/.config/git/attributes").expanduser()
    except RuntimeError:
        return None
