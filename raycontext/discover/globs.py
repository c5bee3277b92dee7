"""Files of a tree that someone wants, by globs in gitignore syntax."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pathspec import GitIgnoreSpec

from raycontext.models import TreeListing

__all__ = ["path_filter", "selected"]


def path_filter(include: Iterable[str], exclude: Iterable[str]) -> Callable[[str], bool]:
    """Whether a path matches one of `include`, if there are any, and none of `exclude`. Raises `ValueError`."""
    wanted, unwanted = GitIgnoreSpec.from_lines(include), GitIgnoreSpec.from_lines(exclude)
    return lambda path: (not len(wanted) or wanted.match_file(path)) and not unwanted.match_file(path)


def selected(listing: TreeListing, include: tuple[str, ...], exclude: tuple[str, ...]) -> TreeListing:
    """The listing without the files that are not wanted; they are as if they were not there."""
    if not include and not exclude:
        return listing
    admits = path_filter(include, exclude)
    return listing._replace(
        files=[file for file in listing.files if admits(file.path)],
        skipped=[file for file in listing.skipped if admits(file.path)],
    )
