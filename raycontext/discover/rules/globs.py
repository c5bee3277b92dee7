"""Selection of files by globs in gitignore syntax: those of include, exclude and path filters.

The engine is that of ignore files (`ignore` beside it), so a glob means everywhere what it means to git.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from raycontext.discover.rules.ignore import RuleSet
from raycontext.discover.rules.pattern import bytewise, parse_glob
from raycontext.errors import InvalidInput
from raycontext.models import TreeListing

__all__ = ["check_globs", "path_filter", "selected"]

MAX_GLOBS = 1_000
"""Largest number of globs in one list of a caller."""
MAX_GLOB_CHARACTERS = 4_096
"""Largest length of a caller's glob, in characters. No path is longer than that."""
_SHOWN_CHARACTERS = 80


def check_globs(parameter: str, globs: Iterable[str]) -> None:
    """Raise `InvalidInput`, which names `parameter`, unless each glob can match a file.

    A list has at most `MAX_GLOBS` globs of at most `MAX_GLOB_CHARACTERS` characters each.
    """
    for number, glob in enumerate(globs, start=1):
        if number > MAX_GLOBS:
            raise InvalidInput(f"{parameter} holds more than {MAX_GLOBS:,} globs", "Join some of them.")
        if len(glob) > MAX_GLOB_CHARACTERS:
            raise InvalidInput(
                f"{parameter} holds a glob of {len(glob):,} characters", f"Give at most {MAX_GLOB_CHARACTERS:,}."
            )
        if parse_glob(glob) is None:
            shown = glob if len(glob) <= _SHOWN_CHARACTERS else f"{glob[:_SHOWN_CHARACTERS]}…"
            raise InvalidInput(
                f"{parameter} holds {shown!r}, which is not a glob that can match",
                "Give globs in gitignore syntax, such as 'src/' or '*.md'.",
            )


def path_filter(include: Iterable[str], exclude: Iterable[str]) -> Callable[[str], bool]:
    """Return a predicate that is true for the paths to index.

    Such a path matches the globs of `include` (or `include` is empty) and does not match those of `exclude`. Paths are
    relative to the root of the tree, with `/`. A list matches a path as an ignore file with these lines would ignore
    it. A glob that `check_globs` refuses matches nothing.
    """
    wanted, unwanted = _matcher(include), _matcher(exclude)
    return lambda path: (wanted is None or wanted(path)) and (unwanted is None or not unwanted(path))


def selected(listing: TreeListing, include: tuple[str, ...], exclude: tuple[str, ...]) -> TreeListing:
    """Return the listing without the files that `include` and `exclude` rule out.

    They disappear from `files` and from `skipped`.
    """
    if not include and not exclude:
        return listing
    admits = path_filter(include, exclude)
    return listing._replace(
        files=[file for file in listing.files if admits(file.path)],
        skipped=[file for file in listing.skipped if admits(file.path)],
    )


def _matcher(globs: Iterable[str]) -> Callable[[str], bool] | None:
    """Return a predicate for paths that a list of globs matches; None for an empty list."""
    rules = [parse_glob(glob) for glob in globs]
    return _Matcher(RuleSet([rule for rule in rules if rule is not None], "")).matches if rules else None


class _Matcher:
    """Predicate for paths, which remembers its answers for folders."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._folders: dict[str, bool] = {"": False}

    def matches(self, path: str) -> bool:
        """Return whether the rules match a file or one of the folders that it lies in."""
        path = bytewise(path)
        folder, _, name = path.rpartition("/")
        return self._matches_folder(folder) or bool(self._rules.file_verdict(path, name))

    def _matches_folder(self, folder: str) -> bool:
        """Return whether the rules match a folder or one above it."""
        unknown = []
        while folder not in self._folders:
            unknown.append(folder)
            folder = folder.rpartition("/")[0]
        matched = self._folders[folder]
        for below in reversed(unknown):
            matched = matched or bool(self._rules.folder_verdict(below, below.rpartition("/")[2]))
            self._folders[below] = matched
        return matched
