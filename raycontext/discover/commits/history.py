"""Reading of the history of a git repository that lies in a folder: commits, states, and the files of a state.

The repository is not trusted: nothing that its configuration names is run, nothing is fetched, and no file of it is
changed. Paths are relative to the folder, which may lie inside of the repository.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from raycontext.discover.commits.program import Git, understood
from raycontext.discover.commits.tree_records import can_be_checked_out, tree_records
from raycontext.errors import CommitUnreadable, InvalidInput

__all__ = ["Blob", "Commit", "commits_after", "count_commits", "files_of_state", "read_blobs", "state_before"]

GIT_SECONDS = 300.0
"""Longest duration of one git command, in seconds."""
REGULAR = ("100644", "100755")
"""Modes of regular files in a tree of git. Links and submodules have others."""
BEGIN_OF_COMMIT = "\x01"


class Commit(NamedTuple):
    """Commit of a history: the first line of its message, and the paths that it changed."""

    subject: str
    paths: tuple[str, ...]


class Blob(NamedTuple):
    """Regular file of a state."""

    path: str
    id: str
    """Name of its content in the repository, hexadecimal."""
    size: int
    """Size in bytes."""


def count_commits(folder: Path) -> int:
    """Return the number of commits on the first line of parents. Raises `InvalidInput` where there is no history."""
    told = _git(folder, "rev-list", "--first-parent", "--count", "--end-of-options", "HEAD", "--")
    with _refusing(folder):
        return int(told or 0)


def state_before(folder: Path, younger: int) -> str:
    """Return the hash of the commit that `younger` commits follow on the first line of parents; "" for none."""
    arguments = ("rev-list", "--first-parent", f"--skip={younger}", "--max-count=1", "--end-of-options", "HEAD", "--")
    return _text(_git(folder, *arguments)).strip()


def commits_after(folder: Path, state: str) -> list[Commit]:
    """Return the commits after a state, in the order of time, without merges. Raises `InvalidInput`."""
    found = _git(
        folder,
        *("log", "--no-merges", "--reverse", "--no-show-signature", "--no-ext-diff", "--no-textconv", "--no-renames"),
        *(f"--format={'%x01'}%s", "--name-only", "--relative", "-z", "--end-of-options", f"{state}..HEAD", "--", "."),
    )
    commits = []
    for entry in _text(found).split(BEGIN_OF_COMMIT)[1:]:
        subject, *paths = entry.split("\0")
        commits.append(Commit(subject.strip("\n"), tuple(path for each in paths if (path := each.lstrip("\n")))))
    return commits


def files_of_state(folder: Path, state: str) -> list[Blob]:
    """Return the regular files of a state whose paths a folder can have. Raises `InvalidInput`."""
    listed = _git(folder, "ls-tree", "-r", "-z", "-l", "--end-of-options", state)
    with _refusing(folder):
        return [
            Blob(path, blob, size)
            for mode, blob, size, path in tree_records(listed)
            if mode in REGULAR and size is not None and can_be_checked_out(path)
        ]


def read_blobs(folder: Path, blobs: Sequence[Blob]) -> Iterator[tuple[str, bytes]]:
    """Yield the paths and the contents of files of a state. Raises `InvalidInput`."""
    with _refusing(folder):
        contents = Git(str(folder)).blobs([blob.id for blob in blobs], GIT_SECONDS)
        for blob, found in zip(blobs, contents, strict=True):
            if found.content is not None:  # it is not here, as in a partial clone
                yield blob.path, found.content


def _text(output: bytes) -> str:
    """Return an output of git as text. Bytes that are not UTF-8 become lone surrogates."""
    return output.decode("utf-8", "surrogateescape")


def _git(folder: Path, *arguments: str) -> bytes:
    """Return the output of a git command in a folder. Raises `InvalidInput` where git is missing or fails."""
    with _refusing(folder):
        return Git(str(folder)).run(*arguments, seconds=GIT_SECONDS)


@contextmanager
def _refusing(folder: Path) -> Iterator[None]:
    """Raise `InvalidInput` where git cannot read the history of a folder."""
    try:
        with understood(str(folder)):
            yield
    except CommitUnreadable as error:
        raise InvalidInput(
            f"The history of {folder} cannot be read: {error.problem}",
            "Name a folder of a git repository with commits.",
        ) from error
