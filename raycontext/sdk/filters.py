"""Filters of a search, from what callers write: names in any case and by their aliases, globs as paths are written."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable

from raycontext.chunk.languages.declared import LANGUAGE_NAMES, language_named
from raycontext.discover.rules.globs import check_globs
from raycontext.discover.trees import folder_of
from raycontext.errors import InvalidInput
from raycontext.grep.engine import compiled
from raycontext.grep.pattern import GrepPattern
from raycontext.models import ChunkKind, SearchFilters

__all__ = ["search_filters", "within_source"]

NEAREST = 3
"""Largest number of names that an error suggests."""


def search_filters(
    languages: Iterable[str], paths: Iterable[str], kinds: Iterable[str], grep: str = ""
) -> SearchFilters:
    """Return the filters of a search. A single string counts as a list of one.

    Languages and kinds are taken in any case, languages also by an alias or an extension. `./` at the beginning of a
    glob stands for the source. Raises `InvalidInput` when a value is not a string or is empty, when a glob can match
    nothing, or when there is no such language or kind; it names the nearest ones. Raises it, too, when `grep` is no
    regular expression.
    """
    if not isinstance(grep, str):
        raise InvalidInput(f"grep is {grep!r}", "Give a regular expression.")
    if grep:
        compiled(GrepPattern(grep))
    globs = tuple(_from_source(glob) for glob in _names_of(paths, "paths"))
    check_globs("paths", (glob.removeprefix("!") for glob in globs))
    return SearchFilters(
        languages=tuple(dict.fromkeys(_language(name) for name in _names_of(languages, "languages"))),
        paths=globs,
        kinds=tuple(dict.fromkeys(_kind(name) for name in _names_of(kinds, "kinds"))),
        grep=grep,
    )


def within_source(filters: SearchFilters, source: str, inside: str = "") -> SearchFilters:
    """Return the filters for the collection that indexes the folder `source`, and for what lies in one place of it.

    Absolute globs within the source become relative to it. inside: path of a file or folder relative to the source, ""
    for all of it. Raises `InvalidInput` for a glob that leads out of the source.
    """
    globs = tuple(_relative(glob, source) for glob in filters.paths)
    return filters.model_copy(update={"paths": globs, "inside": inside})


def _language(name: str) -> str:
    known = language_named(name)
    if not known:
        near = difflib.get_close_matches(name.strip().lower(), LANGUAGE_NAMES, NEAREST, 0.5)
        meant = f"Did you mean {' or '.join(near)}?" if near else "`raycontext status` lists those of a collection."
        raise InvalidInput(f"There is no language {name!r}", meant)
    return known


def _kind(name: str) -> str:
    folded = name.strip().lower()
    if folded not in {kind.value for kind in ChunkKind}:
        near = difflib.get_close_matches(folded, list(ChunkKind), NEAREST, 0.5)
        meant = f"Did you mean {' or '.join(near)}? " if near else ""
        raise InvalidInput(
            f"There is no kind {name!r}", f"{meant}Kinds are: {', '.join(kind.value for kind in ChunkKind)}."
        )
    return folded


def _from_source(glob: str) -> str:
    """Return a glob that begins with `./` as one that begins at the source."""
    sign, rest = ("!", glob[1:]) if glob.startswith("!") else ("", glob)
    if rest in (".", "./"):
        return sign + "/**"
    return sign + (f"/{rest[2:].lstrip('/')}" if rest.startswith("./") else rest)


def _relative(glob: str, source: str) -> str:
    """Return a glob relative to the source. Raises `InvalidInput` where it leads out of the source."""
    sign, rest = ("!", glob[1:]) if glob.startswith("!") else ("", glob)
    whole = os.path.normpath(rest) if rest.startswith("/") else rest
    source = folder_of(source)
    base = source.rstrip("/")
    if whole == base:
        return sign + "/**"
    if whole.startswith(base + "/"):
        return sign + whole[len(base) :] + ("/" if rest.endswith("/") else "")
    first = whole.split("/")[1] if whole.startswith("/") else ""
    is_elsewhere = bool(first) and os.path.lexists(f"/{first}") and not os.path.lexists(f"{base}/{first}")
    if is_elsewhere or rest.startswith("../"):
        raise InvalidInput(
            f"paths holds {rest!r}, which leads out of {source}",
            "Give globs relative to that folder, such as 'src/' or '*.md'.",
        )
    return glob


def _names_of(values: Iterable[str], parameter: str) -> tuple[str, ...]:
    """Return the values as a tuple. A single string becomes a tuple of one.

    Raises `InvalidInput`, which names `parameter`, when a value is not a string or is empty.
    """
    names = (values,) if isinstance(values, str) else tuple(values)
    if not all(isinstance(name, str) and name for name in names):
        raise InvalidInput(f"{parameter} holds something that is not a name", "Give strings.")
    return names
