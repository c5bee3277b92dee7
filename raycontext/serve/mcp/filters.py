"""Translation of the filters that agents give into globs of the search."""

from __future__ import annotations

from collections.abc import Sequence

from raycontext.discover.globs import check_globs, path_filter

__all__ = ["path_globs"]


def path_globs(folder: str, file: str, extensions: Sequence[str], patterns: Sequence[str]) -> tuple[str, ...]:
    """Return globs that match what lies in `folder`, has one of `extensions` and matches `patterns`.

    `folder` ("" for all) and `file` ("" for none) are paths relative to the collection's root, with `/`. An extension
    may lack its dot. `patterns` are gitignore globs relative to the folder; those with `!` exclude. Empty lists match
    all. The result is for `SearchFilters.paths`. Raises `InvalidInput` for a pattern that is not a glob.
    """
    check_globs("pathFilter", (pattern.removeprefix("!") for pattern in patterns))
    place = f"/{_escaped(folder)}/" if folder else "/"
    excluded = ["!" + _anchored(place, pattern[1:]) for pattern in patterns if pattern.startswith("!")]
    included = [_anchored(place, pattern) for pattern in patterns if not pattern.startswith("!")]
    endings = [ending if ending.startswith(".") else f".{ending}" for ending in map(str.strip, extensions)]
    if file:  # a single file passes or does not
        passes = path_filter(included, ())(file)
        passes = passes and (not endings or file.endswith(tuple(endings)))
        return (f"/{_escaped(file)}" if passes else "!*", *excluded)
    if folder and not included:
        included = [place]
    if endings:
        included = [glob for pattern in included or ["/"] for ending in endings for glob in _with(pattern, ending)]
    return (*included, *excluded)


def _with(pattern: str, ending: str) -> list[str]:
    """Return globs for the files with an ending that `pattern` matches, or that lie in folders that it matches."""
    escaped = _escaped(ending)
    globs = [f"{pattern.rstrip('/')}/**/*{escaped}"]
    if pattern.endswith("*") and not pattern.endswith("**"):
        globs.append(pattern + escaped)
        head = pattern[:-1]  # its end may be the beginning of the ending, as in `app.*`
        globs += [head + ending[size:] for size in range(1, len(ending)) if head.endswith(ending[:size])]
    elif pattern.endswith(ending):
        globs.append(pattern)
    return globs


def _anchored(place: str, pattern: str) -> str:
    """Return a glob relative to `place` as a glob relative to the root."""
    inner = "/" in pattern.rstrip("/")
    return place + pattern.lstrip("/") if inner else f"{place}**/{pattern}"


def _escaped(path: str) -> str:
    """Return a path as a glob that matches only this path."""
    return "".join(f"\\{char}" if char in "\\*?[]!# " else char for char in path)
