"""Lines of a commit that another commit does not have."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from raycontext.discover.commits.program import Git, understood
from raycontext.discover.commits.repository import open_repository, resolve_ref
from raycontext.errors import InvalidInput
from raycontext.models import SearchFilters

__all__ = ["ALL_LINES", "Changed", "changed_lines", "ends_of"]

ALL_LINES = (1, 2**31 - 1)
"""Range that stands for a whole file."""

_RANGE = re.compile(r"(?P<before>.*?[^.])(?P<dots>\.{2,3})(?P<after>[^.].*)?", re.DOTALL)
_HUNK = re.compile(rb"@@ -\d+(?:,(?P<removed>\d+))? \+(?P<start>\d+)(?:,(?P<added>\d+))? @@")
_ESCAPE = re.compile(rb'\\([abtnvfr"\\]|[0-7]{3})')
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}
_DIFF = ("diff-tree", "-r", "--no-renames", "--ignore-submodules=all")
_PATCH = ("-p", "--unified=0", "--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/")


class Changed(NamedTuple):
    """What differs between two commits, as it is in the later one."""

    before: str
    """Full hash of the earlier commit."""
    after: str
    """Full hash of the later commit."""
    lines: Mapping[str, tuple[tuple[int, int], ...]]
    """First and last lines of what is new or changed, by path relative to the folder that was asked for. A line next to
    which others were removed counts as changed."""
    added: Mapping[str, tuple[tuple[int, int], ...]]
    """First and last lines of what is new or changed, without lines next to which others were removed."""

    def among(self, filters: SearchFilters) -> SearchFilters:
        """Return filters that let only chunks with these lines through."""
        return filters.model_copy(update={"lines": tuple(self.lines.items())})


def ends_of(changed: str) -> tuple[str, str, bool]:
    """Return the two refs of A..B or A...B, and whether the first one stands for the commit where both parted.

    B may be left out and is then HEAD, as in git. Raises `InvalidInput`.
    """
    found = _RANGE.fullmatch(changed)
    if found is None:
        raise InvalidInput(f"'{changed[:200]}' is not A..B", "Give two branches, tags or commits, such as v1.0..main.")
    return found["before"], found["after"] or "HEAD", found["dots"] == "..."


def changed_lines(folder: str, changed: str) -> Changed:
    """Return what differs between two commits in a folder of a repository, an absolute path without links.

    changed: A..B, or A...B for what B has changed since it parted from A. It runs git, which blocks: call it in a
    thread. Raises `InvalidInput`, `RefNotFound` or `CommitUnreadable`.
    """
    first, second, since_parting = ends_of(changed)
    before, after = resolve_ref(folder, first).commit, resolve_ref(folder, second).commit
    opened = open_repository(folder)
    git = Git(opened.top)
    if since_parting:
        base = git.run("merge-base", before, after, codes=(0, 1)).decode(errors="replace").strip()
        if not base:
            raise InvalidInput(f"'{first[:200]}' and '{second[:200]}' have no commit in common", "Give A..B.")
        before = base
    prefix = f"{opened.inside}/" if opened.inside else ""
    raw, patch = git.run(*_DIFF, "-z", "--raw", before, after), git.run(*_DIFF, *_PATCH, before, after)
    with understood(opened.top):
        named, found = _names(raw), _ranges(patch)
    inside = [path for path in named if path.startswith(prefix)]
    lines = {path[len(prefix) :]: found.get(path) or {ALL_LINES: True} for path in inside}
    added = {path: tuple(place for place, is_new in ranges.items() if is_new) for path, ranges in lines.items()}
    return Changed(before, after, {path: tuple(ranges) for path, ranges in lines.items()}, added)


def _names(raw: bytes) -> list[str]:
    """Return the paths of files whose contents are new or other ones."""
    fields = raw.split(b"\0")
    found = []
    for facts, path in zip(fields[::2], fields[1::2], strict=False):
        _, mode, before, after, *_ = facts.split(b" ")
        if mode != b"000000" and before != after:
            found.append(os.fsdecode(path))
    return found


def _ranges(patch: bytes) -> dict[str, dict[tuple[int, int], bool]]:
    """Return the lines that a patch without context adds or changes, by path, with True; and with False the line before
    each place where it only removes some."""
    found: dict[str, dict[tuple[int, int], bool]] = {}
    path: str | None = None
    content = 0  # lines of the hunk that are still to come
    for line in patch.split(b"\n"):
        if content and line[:1] in b"+-" and line:
            content -= 1
        elif hunk := _HUNK.match(line):
            removed, added = (int(hunk[name] or 1) for name in ("removed", "added"))
            content = removed + added
            start = max(int(hunk["start"]), 1)
            if path is not None:
                found.setdefault(path, {})[start, max(start + added - 1, start)] = added > 0
        elif line.startswith(b"+++ "):
            path = _path(line[4:])
    return found


def _path(quoted: bytes) -> str | None:
    """Return the path of the later side of a patch's header; None where the file is removed."""
    name = quoted.removesuffix(b"\t")
    if name.startswith(b'"') and name.endswith(b'"'):
        name = _ESCAPE.sub(_unescaped, name[1:-1])
    return os.fsdecode(name[2:]) if name.startswith(b"b/") else None


def _unescaped(found: re.Match[bytes]) -> bytes:
    escape = found[1]
    if len(escape) == 3:
        return bytes([int(escape, 8) & 0xFF])
    return _ESCAPED.get(escape, escape)
