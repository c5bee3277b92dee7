"""Selection of files by the include and exclude globs of the options, in gitignore syntax."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pathspec import GitIgnoreSpec

from raycontext.models import TreeListing

__all__ = ["path_filter", "selected"]


def path_filter(include: Iterable[str], exclude: Iterable[str]) -> Callable[[str], bool]:
    """Return a predicate that is true for the paths to index.

    Such a path matches a glob of `include` (or `include` is empty) and no glob of `exclude`. Paths are relative to the
    root of the tree, with `/`. Raises `ValueError` when a glob is malformed.
    """
    wanted, unwanted = GitIgnoreSpec.from_lines(include), GitIgnoreSpec.from_lines(exclude)
    return lambda path: (not len(wanted) or wanted.match_file(path)) and not unwanted.match_file(path)


def selected(listing: TreeListing, include: tuple[str, ...], exclude: tuple[str, ...]) -> TreeListing:
    """Return the listing without the files that `include` and `exclude` rule out.

    They disappear from `files` and from `skipped`. Raises `ValueError` when a glob is malformed.
    """
    if not include and not exclude:
        return listing
    admits = path_filter(include, exclude)
    return listing._replace(
        files=[file for file in listing.files if admits(file.path)],
        skipped=[file for file in listing.skipped if admits(file.path)],
    )
