"""Checks of the arguments that callers pass to the SDK, made before any work begins. All raise `InvalidInput`."""

from __future__ import annotations

import math
import os
from pathlib import Path

from raycontext.discover.commits.names import is_source_of_commit
from raycontext.discover.trees import folder_of
from raycontext.errors import InvalidInput, NotIndexedYet, PathNotFound, RaycontextError, UnknownCollection
from raycontext.settings import Settings
from raycontext.store.storage.locations import MEMORY, StorageOptions, check_url, is_url

__all__ = [
    "MAX_LIMIT",
    "MAX_OFFSET",
    "MAX_QUERY_CHARACTERS",
    "check_exists",
    "check_limits",
    "check_line",
    "check_offset",
    "check_query",
    "check_share",
    "check_tokens",
    "inside_of",
    "not_in_index",
    "not_indexed",
    "path_inside",
    "place_inside",
    "root_of",
    "storage_options_of",
]

MAX_LIMIT = 1000
"""Largest number of hits that a search may ask for."""
MAX_OFFSET = 100_000
"""Largest number of definitions or places that a page of an answer may leave out from the start."""
MAX_QUERY_CHARACTERS = 10_000
"""Largest length of a query, in characters."""


def check_exists(path: str | Path) -> None:
    """Raise `PathNotFound` unless there is a file or folder at `path`."""
    place = os.path.expanduser(path)  # noqa: PTH111 - any name is a name
    if "\0" in place or not os.path.lexists(place):
        raise PathNotFound(os.path.abspath(place))  # noqa: PTH100


def not_indexed(error: UnknownCollection, path: str | Path | None) -> RaycontextError:
    """Return the error for a path that no collection holds: `PathNotFound` when nothing is there, else `error` itself.

    path: None when the collection was named, so that `error` stays.
    """
    if path is None or isinstance(error, NotIndexedYet):
        return error
    try:
        check_exists(path)
    except PathNotFound as missing:
        return missing
    return error


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


def check_offset(offset: int) -> None:
    """Raise `InvalidInput` when `offset` is not an integer from 0 to `MAX_OFFSET`."""
    if isinstance(offset, bool) or not isinstance(offset, int) or not 0 <= offset <= MAX_OFFSET:
        raise InvalidInput(f"offset is {offset!r}", f"Give 0 to {MAX_OFFSET}, or narrow the path.")


def check_tokens(max_tokens: int | None) -> None:
    """Raise `InvalidInput` when a budget of tokens is neither None nor an integer from 1."""
    if max_tokens is not None and (isinstance(max_tokens, bool) or not isinstance(max_tokens, int) or max_tokens < 1):
        raise InvalidInput(f"max_tokens is {max_tokens!r}", "Give 1 or more.")


def path_inside(source: str, path: str | Path, from_source: bool) -> str:
    """Return `path` relative to the folder `source`, with "/", which is how a collection names its files.

    A relative path is relative to `source` when `from_source` is true, else to the current folder.
    """
    place = os.path.expanduser(path)  # noqa: PTH111 - any name is a name
    if from_source and not os.path.isabs(place):  # noqa: PTH117
        return Path(os.path.normpath(place)).as_posix()
    source = folder_of(source)
    folder, name = os.path.split(place)
    # The file itself may be a link that is indexed as a link, so only the links in its folder are resolved.
    return Path(os.path.relpath(os.path.join(os.path.realpath(folder), name), source)).as_posix()  # noqa: PTH118


def inside_of(source: str, path: str | Path, from_source: bool) -> str:
    """Return a file or folder relative to the folder `source`, with "/"; "" for the source itself. It need not exist.

    A relative path is like that of `path_inside`. Raises `InvalidInput` when the path does not lie in the source.
    """
    inside = path_inside(source, path, from_source)
    if inside == os.pardir or inside.startswith(os.pardir + "/"):
        raise InvalidInput(f"'{path}' does not lie in {source}", "Name another collection, or none.")
    return "" if inside == os.curdir else inside


def place_inside(source: str, path: str | Path, from_source: bool) -> str:
    """Return an existing file or folder relative to the folder `source`, with "/"; "" for the source itself.

    A relative path is relative to `source` when `from_source` is true, else to the current folder. Raises
    `PathNotFound` when nothing is there, and `InvalidInput` when it does not lie in the source. Nothing needs to be
    there where the source is a commit.
    """
    if is_source_of_commit(source):
        return inside_of(source, path, from_source)
    place = os.path.expanduser(path)  # noqa: PTH111 - any name is a name
    place = os.path.join(source if from_source else os.curdir, place)  # noqa: PTH118
    check_exists(place)
    is_link = os.path.islink(place)  # noqa: PTH114
    inside = path_inside(source, place if is_link else os.path.realpath(place), from_source=False)
    if inside == os.pardir or inside.startswith(os.pardir + "/"):
        raise InvalidInput(
            f"{os.path.realpath(place)} does not lie in {source}", "Name another collection, or leave the name out."
        )
    return "" if inside == os.curdir else inside


def not_in_index(path: str, collection: str) -> InvalidInput:
    """Return the error for a path of which a collection has nothing."""
    return InvalidInput(
        f"'{path}' is not in the index of '{collection}'",
        "Give a path below the indexed folder; `raycontext status` lists the files that were skipped.",
    )


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
