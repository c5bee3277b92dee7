"""Checks of the arguments that callers pass to the SDK, made before any work begins. All raise `InvalidInput`."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path

from raycontext.discover.globs import check_globs
from raycontext.errors import InvalidInput
from raycontext.models import ChunkKind, SearchFilters
from raycontext.settings import Settings
from raycontext.store.storage.locations import MEMORY, StorageOptions, check_url, is_url

__all__ = [
    "MAX_LIMIT",
    "MAX_QUERY_CHARACTERS",
    "check_limits",
    "check_line",
    "check_query",
    "check_share",
    "path_inside",
    "root_of",
    "search_filters",
    "storage_options_of",
]

MAX_LIMIT = 1000
"""Largest number of hits that a search may ask for."""
MAX_QUERY_CHARACTERS = 10_000
"""Largest length of a query, in characters."""


def check_line(line: int) -> None:
    """Raise `InvalidInput` unless `line` is an integer from 1, the number of a line in a file."""
    if isinstance(line, bool) or not isinstance(line, int) or line < 1:
        raise InvalidInput(f"line is {line!r}", "Lines are numbered from 1.")


def check_share(name: str, value: float) -> float:
    """Return `value` unchanged. Raises `InvalidInput`, which calls it `name`, when it is not from 0 to 1."""
    if not 0.0 <= value <= 1.0:
        raise InvalidInput(f"{name} is {value!r}", "Give a number from 0 to 1.")
    return value


def check_query(query: str) -> None:
    """Raise `InvalidInput` when a query is not a string, is blank, or is longer than `MAX_QUERY_CHARACTERS`."""
    if not isinstance(query, str) or not query.strip():
        raise InvalidInput("The query is empty", "Ask a question, or give words or a symbol to look for.")
    if len(query) > MAX_QUERY_CHARACTERS:
        raise InvalidInput(f"The query has {len(query)} characters", f"Ask with at most {MAX_QUERY_CHARACTERS}.")


def check_limits(limit: int, min_score: float) -> None:
    """Raise `InvalidInput` when `limit` is not an integer from 1 to `MAX_LIMIT`, or `min_score` is not finite."""
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"limit is {limit!r}", f"Ask for 1 to {MAX_LIMIT} hits.")
    if not math.isfinite(min_score):
        raise InvalidInput(f"min_score is {min_score!r}", "Give a finite number.")


def search_filters(languages: Iterable[str], paths: Iterable[str], kinds: Iterable[str]) -> SearchFilters:
    """Return the filters of a search. A single string counts as a list of one.

    Raises `InvalidInput` when a value is not a string or is empty, when a glob in `paths` can match nothing, or
    when a kind is not a value of `ChunkKind`.
    """
    filters = SearchFilters(
        languages=_names_of(languages, "languages"), paths=_names_of(paths, "paths"), kinds=_names_of(kinds, "kinds")
    )
    check_globs("paths", (glob.removeprefix("!") for glob in filters.paths))
    unknown = sorted(set(filters.kinds) - {kind.value for kind in ChunkKind})
    if unknown:
        raise InvalidInput(
            f"There is no kind {', '.join(unknown)}", f"Kinds are: {', '.join(kind.value for kind in ChunkKind)}."
        )
    return filters


def path_inside(source: str, path: str | Path, from_source: bool) -> str:
    """Return `path` relative to the folder `source`, with "/", which is how a collection names its files.

    A relative path is relative to `source` when `from_source` is true, else to the current folder.
    """
    place = os.path.expanduser(path)  # noqa: PTH111 - any name is a name
    if from_source and not os.path.isabs(place):  # noqa: PTH117
        return Path(os.path.normpath(place)).as_posix()
    folder, name = os.path.split(place)
    # The file itself may be a link that is indexed as a link, so only the links in its folder are resolved.
    return Path(os.path.relpath(os.path.join(os.path.realpath(folder), name), source)).as_posix()  # noqa: PTH118


def storage_options_of(settings: Settings) -> StorageOptions:
    """Return where each machine keeps what it reads of an object store."""
    return StorageOptions(settings.cache, settings.cache_bytes, settings.shared_root)


def root_of(settings: Settings) -> str:
    """Return where the collections lie: an absolute path, or a URL in its canonical form.

    Raises `InvalidInput` when the URL is malformed, when the path is not valid UTF-8, and when the root is in the
    memory of one process but the runtime has more processes.
    """
    if isinstance(settings.root, str) and is_url(settings.root):
        url = check_url(settings.root)
        if url.startswith(MEMORY) and settings.runtime != "inline":
            raise InvalidInput(f"{url} is in the memory of one process", "Use the inline runtime.")
        return url
    root = str(Path(os.path.expanduser(settings.root)).absolute())  # noqa: PTH111 - any name is a name
    if os.fsencode(root).decode(errors="replace") != root:
        raise InvalidInput(
            f"The root {root} is not valid UTF-8", "Arrow cannot open such files. Choose another folder."
        )
    return root


def _names_of(values: Iterable[str], parameter: str) -> tuple[str, ...]:
    """Return the values as a tuple. A single string becomes a tuple of one.

    Raises `InvalidInput`, which names `parameter`, when a value is not a string or is empty.
    """
    if isinstance(values, str):
        return (values,)
    names = tuple(values)
    if not all(isinstance(name, str) and name for name in names):
        raise InvalidInput(f"{parameter} holds something that is not a name", "Give strings.")
    return names
