"""Commits of a repository as they are indexed: their messages, times and touched files, up to the state of a source.

The repository is not trusted: git runs none of its programs, and fetches nothing. Secrets in messages are redacted.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import xxhash

from raycontext.discover.commits.names import CommitSource
from raycontext.discover.commits.program import Git, understood
from raycontext.discover.commits.repository import Opened, open_repository
from raycontext.discover.secrets.redaction import REDACTED, is_secret, redacted, secret_spans
from raycontext.errors import CommitUnreadable, InvalidInput

__all__ = [
    "MOST_COMMITS",
    "MOST_TOUCHED_FILES",
    "CommitList",
    "LoggedCommit",
    "list_commits",
    "read_commits",
    "state_of",
    "why_no_history",
]

MOST_COMMITS = 50_000
"""Largest number of commits of a history that are indexed: the newest ones."""
MOST_TOUCHED_FILES = 500
"""Largest number of touched files that are kept of a commit. All are counted."""
MOST_MESSAGE_BYTES = 8192
"""Largest part of a message that is kept, in bytes."""
MOST_READ_BYTES = 1 << 20
"""Largest part of a message that is looked at, in bytes."""
MOST_AT_ONCE = 256
"""Largest number of commits that one command of git tells of."""
OUTPUT_BYTES = 8 << 20
"""Size in bytes that the output of one command over several commits is to have at most. The commits before tell how
many commits that are."""
LOG_SECONDS = 60.0
"""Longest time that one command of git over a history may take, in seconds."""

_SHALLOW = "a shallow clone has no history"


class CommitList(NamedTuple):
    """History of a source: the names of its commits, or the reason why it has none."""

    head: str
    """Full hash of the commit up to which the history goes; "" without a repository or a commit."""
    commits: tuple[str, ...]
    """Full hashes of the newest commits that touch the source, at most `MOST_COMMITS`."""
    problem: str = ""
    """Why there is no history, as the end of a sentence; "" where there is one."""
    boundary: str = ""
    """Digest of the commits at which a shallow clone ends; "" for another one."""


class LoggedCommit(NamedTuple):
    """Commit of a history."""

    name: str
    """Full hash."""
    time: int
    """Time of the commit, in seconds since the epoch."""
    message: str
    """Subject and body, without secrets, at most `MOST_MESSAGE_BYTES`."""
    files: tuple[str, ...]
    """Paths of the files that it touched, relative to the source; at most `MOST_TOUCHED_FILES`. A merge has none."""
    touched: int
    """Number of files that it touched in the source."""


def why_no_history(source: str) -> str:
    """Return why a source has no history, as the end of a sentence; "" where it has one. It runs git once."""
    return list_commits(source, 1).problem


def state_of(source: str) -> tuple[str, str]:
    """Return `head` and `boundary` of the list of the commits of a source; see `CommitList`. It runs git."""
    try:
        opened, revision = _place(source)
        return _resolved(Git(opened.top), revision), _digest(_boundary(opened))
    except (InvalidInput, CommitUnreadable):
        return "", ""


def list_commits(source: str, most: int = MOST_COMMITS) -> CommitList:
    """Return the newest commits of the history of a source: a folder, or a `CommitSource`.

    Of a folder in a repository, only the commits that touch it count. The oldest commits of a shallow clone, which only
    seem to add all files, are left out. It runs git within `LOG_SECONDS`, which blocks.
    """
    try:
        opened, revision = _place(source)
        git = Git(opened.top)
        head = _resolved(git, revision)
        if not head:
            return CommitList("", (), "there is no commit yet")
        inside = ("--full-history", head, "--", opened.inside) if opened.inside else (head, "--")
        boundary = _boundary(opened)  # before the commits, which may become more meanwhile
        listed = (
            git.run("rev-list", f"--max-count={most}", *inside, seconds=LOG_SECONDS).decode(errors="replace").split()
        )
    except InvalidInput:
        return CommitList("", (), "it is in no repository of git")
    except CommitUnreadable as error:
        return CommitList("", (), f"git cannot read it: {error.problem}")
    commits = tuple(name for name in listed if name not in boundary)
    return CommitList(head, commits, "" if commits or not boundary else _SHALLOW, _digest(boundary))


def read_commits(source: str, names: Sequence[str]) -> list[LoggedCommit]:
    """Return commits by their full hashes, in this order. Raises `CommitUnreadable` or `InvalidInput`."""
    if not names:
        return []
    opened, _ = _place(source)
    found: list[LoggedCommit] = []
    at_once = 1
    while asked := names[len(found) : len(found) + at_once]:
        commits, size = _told(opened, asked)
        found += commits
        at_once = max(1, min(2 * at_once, MOST_AT_ONCE, OUTPUT_BYTES * len(asked) // max(size, 1)))
    return found


def _told(opened: Opened, names: Sequence[str]) -> tuple[list[LoggedCommit], int]:
    """Return some commits, and the size in bytes of what git says of them. Raises `CommitUnreadable`."""
    token = secrets.token_hex(16)  # no message can hold it
    output = Git(opened.top).run(
        *("log", "--no-walk=unsorted", "--stdin", "--name-only", "-z", "--no-renames", "--no-notes", "--no-mailmap"),
        *("--no-show-signature", "--no-ext-diff", "--no-textconv", "--no-color", "--no-decorate", "--encoding=UTF-8"),
        f"--format={token}%H%x00%ct%x00%B",
        given="".join(f"{name}\n" for name in names).encode(),
        seconds=LOG_SECONDS,
    )
    entries = output.split(token.encode())[1:]
    if len(entries) != len(names):
        raise CommitUnreadable(opened.top, f"git told of {len(entries)} commits, not of {len(names)}")
    prefix = f"{opened.inside}/" if opened.inside else ""
    with understood(opened.top):
        return [_commit(entry, prefix) for entry in entries], len(output)


def _place(source: str) -> tuple[Opened, str]:
    """Return the repository of a source, and what names the commit that it is at. Raises `InvalidInput`."""
    commit = CommitSource.parse(source)
    return (open_repository(source), "HEAD") if commit is None else (open_repository(commit.folder), commit.commit)


def _resolved(git: Git, revision: str) -> str:
    asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return git.run(*asked, codes=(0, 1)).decode(errors="replace").strip()


def _boundary(opened: Opened) -> frozenset[str]:
    """Return the commits whose parents a shallow clone does not have."""
    try:
        return frozenset(Path(opened.common, "shallow").read_text(encoding="ascii", errors="replace").split())
    except OSError:
        return frozenset()


def _digest(boundary: frozenset[str]) -> str:
    return xxhash.xxh3_64_hexdigest("\n".join(sorted(boundary)).encode()) if boundary else ""


def _commit(entry: bytes, prefix: str) -> LoggedCommit:
    name, time, message, *paths = entry.split(b"\0")
    found = [os.fsdecode(path) for each in paths if (path := each.removeprefix(b"\n"))]
    inside = [path[len(prefix) :] for path in found if path.startswith(prefix)]
    stamp = int(time) if time.lstrip(b"-").isdigit() else 0
    return LoggedCommit(name.decode(), stamp, _shown(message), tuple(inside[:MOST_TOUCHED_FILES]), len(inside))


def _shown(message: bytes) -> str:
    """Return a message without its secrets, and without what is too long."""
    data = message[:MOST_READ_BYTES].decode(errors="replace").strip().encode()
    if is_secret("", data):
        return REDACTED.decode()
    return redacted(data, secret_spans(data))[:MOST_MESSAGE_BYTES].decode(errors="ignore")
