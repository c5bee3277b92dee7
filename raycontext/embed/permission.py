"""Which embedders may be used: those that this user, or the operator of this machine, has named.

A manifest names the embedder that a collection was built with, and others may have written it. So its name alone makes
no one load a model or send a query to a server.
"""

from __future__ import annotations

import os
from pathlib import PurePath
from urllib.parse import urlsplit

from raycontext.embed.names import STATIC, absolute_name, is_remote, server_embedder
from raycontext.errors import EmbedderNotAllowed, InvalidInput
from raycontext.files.user_records import is_recorded, record

__all__ = ["EMBEDDERS_SETTING", "check_permitted", "is_listed", "is_permitted", "permit"]

EMBEDDERS_SETTING = "RAYCONTEXT_EMBEDDERS"
"""Environment variable in which an operator lists the embedders that processes of this machine may use."""

KIND = "embedders"
"""Folder of these records in the user's state folder."""


def permit(name: str) -> None:
    """Note that this user has named an embedder, in a setting or an argument. Raises `InvalidInput`."""
    full = absolute_name(name)
    if full != STATIC:
        record(KIND, {"embedder": full})  # where that fails, the embedder is refused, and the refusal says what to do


def is_permitted(name: str) -> bool:
    """Return whether an embedder may be used here. Raises `InvalidInput` for a wrong name.

    Where the operator has set `RAYCONTEXT_EMBEDDERS`, that decides; else what this user has named.
    """
    full = absolute_name(name)
    if full == STATIC:
        return True
    if os.environ.get(EMBEDDERS_SETTING):
        return is_listed(full)
    return is_recorded(KIND, {"embedder": full})


def is_listed(name: str) -> bool:
    """Return whether `RAYCONTEXT_EMBEDDERS` allows an embedder, or it is the one of the package.

    The setting holds names, addresses of servers, and absolute folders, separated by commas. An address allows what
    lies below it on that server, and a folder the models in it. Raises `InvalidInput` for a wrong name.
    """
    full = absolute_name(name)
    entries = (entry.strip() for entry in os.environ.get(EMBEDDERS_SETTING, "").split(","))
    return full == STATIC or any(_allows(entry, full) for entry in entries if entry)


def check_permitted(name: str) -> None:
    """Raise `EmbedderNotAllowed` where an embedder may not be used here, `InvalidInput` for a wrong name."""
    if not is_permitted(name):
        raise EmbedderNotAllowed(absolute_name(name))


def _allows(entry: str, full: str) -> bool:
    if entry.startswith(("http://", "https://")):
        return is_remote(full) and _is_below(server_embedder(full).url, entry)
    if entry.startswith(("/", "~")):
        folder = PurePath(os.path.abspath(os.path.expanduser(entry)))  # noqa: PTH100, PTH111 - pathlib keeps `..`
        return not is_remote(full) and folder in (place := PurePath(full.partition(":")[2]), *place.parents)
    try:
        return absolute_name(entry) == full
    except InvalidInput:
        return False


def _is_below(url: str, base: str) -> bool:
    """Return whether an address is another one or lies below it, on the same server."""
    found, allowed = urlsplit(url), urlsplit(base)
    same = (found.scheme, found.netloc.lower()) == (allowed.scheme, allowed.netloc.lower())
    return same and f"{found.path}/".startswith(allowed.path.rstrip("/") + "/") and ".." not in found.path.split("/")
