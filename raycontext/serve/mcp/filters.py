"""Translation of the two filters that agents give into the one list of globs that every search takes."""

from __future__ import annotations

from collections.abc import Sequence

from raycontext.discover.rules.globs import check_globs

__all__ = ["globs_of"]


def globs_of(extensions: Sequence[str], patterns: Sequence[str]) -> tuple[str, ...]:
    """Return globs for files that have one of `extensions` and match `patterns`: the `paths` of a search.

    An extension may lack its dot. `patterns` are what `paths` takes: gitignore globs relative to the project, of which
    those with `!` exclude. Empty lists match all. Raises `InvalidInput` for a pattern that is not a glob.
    """
    check_globs("pathFilter", (pattern.removeprefix("!") for pattern in patterns))
    endings = [ending if ending.startswith(".") else f".{ending}" for ending in map(str.strip, extensions)]
    if not endings:
        return tuple(patterns)
    excluded = [pattern for pattern in patterns if pattern.startswith("!")]
    included = [pattern for pattern in patterns if not pattern.startswith("!")] or ["/"]
    return (*(glob for pattern in included for ending in endings for glob in _with(pattern, ending)), *excluded)


def _with(pattern: str, ending: str) -> list[str]:
    """Return globs for the files with an ending that `pattern` matches, or that lie in folders that it matches."""
    escaped = "".join(f"\\{char}" if char in "\\*?[]!# " else char for char in ending)
    folder = pattern.rstrip("/")
    anywhere = "**/" if folder and "/" not in folder else ""  # as git reads it, which the slash below would change
    globs = [f"{anywhere}{folder}/**/*{escaped}"]
    if pattern.endswith("*") and not pattern.endswith("**"):
        globs.append(pattern + escaped)
        head = pattern[:-1]  # its end may be the beginning of the ending, as in `app.*`
        globs += [head + ending[size:] for size in range(1, len(ending)) if head.endswith(ending[:size])]
    elif pattern.endswith(ending):
        globs.append(pattern)
    return globs
