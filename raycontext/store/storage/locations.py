"""Locations of storages: which storage a folder or a URL stands for."""

from __future__ import annotations

import importlib.util
import os
import re
from functools import partial
from pathlib import Path
from typing import NamedTuple

from raycontext.errors import InvalidInput
from raycontext.settings import CACHE_BYTES, default_cache
from raycontext.store.storage.base import Storage
from raycontext.store.storage.local import LocalStorage
from raycontext.store.storage.memory import named_memory

__all__ = ["DEFAULT_STORAGE", "MEMORY", "StorageOptions", "check_url", "is_url", "storage_for"]

CLOUD_SCHEMES = ("s3", "gs", "az")
"""Schemes of the URLs of object stores."""
MEMORY = "memory://"
"""Beginning of the URLs of storages in the memory of this process."""
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)


class StorageOptions(NamedTuple):
    """How a root is kept, from the settings of who connects. It travels with `Location` to actors and tasks."""

    cache: Path | None = None
    """Folder of the cache; None: the user's cache folder on the machine that reads."""
    cache_bytes: int = CACHE_BYTES
    """Size in bytes of all files of the cache together; 0 keeps nothing."""
    shared: bool = False
    """Whether other users may read a root in a folder, as far as the umask lets them. Otherwise its owner alone can."""


DEFAULT_STORAGE = StorageOptions()


def is_url(location: str | os.PathLike[str]) -> bool:
    """Return whether a location is a URL and not a path."""
    return isinstance(location, str) and _URL.fullmatch(location) is not None


def check_url(location: str) -> str:
    """Return the canonical form of a storage's URL, which has no `/` at the end.

    Raises `InvalidInput` where the URL names no storage, or the package that reaches it is not installed.
    """
    found = _URL.fullmatch(location)
    scheme, place = (found[1], found[2].rstrip("/")) if found else ("", "")
    if scheme not in (*CLOUD_SCHEMES, "memory") or not place or place.startswith("/"):
        raise InvalidInput(
            f"'{location[:200]}' names no storage",
            "Give a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX.",
        )
    if scheme in CLOUD_SCHEMES and importlib.util.find_spec("obstore") is None:
        raise InvalidInput(
            f"{location[:200]} needs the package obstore, which is not installed",
            "Install it on every machine: pip install 'raycontext[cloud]'.",
        )
    return f"{scheme}://{place}"


def storage_for(location: str, options: StorageOptions = DEFAULT_STORAGE) -> Storage:
    """Return the storage at a location: a folder, `s3://…`, `gs://…`, `az://…` or, in this process only, `memory://…`.

    Raises `InvalidInput` where the location names no storage. The first call of the storage tells whether it can be
    reached.
    """
    if not is_url(location):
        return LocalStorage(Path(location), shared=options.shared)
    url = check_url(location)
    if url.startswith(MEMORY):
        return named_memory(url.removeprefix(MEMORY))
    from raycontext.store.storage.object_cache import ObjectCache
    from raycontext.store.storage.object_storage import ObjectStorage, open_store
    from raycontext.store.storage.patience import PatientStorage

    cache = ObjectCache(options.cache or default_cache(), options.cache_bytes)
    return PatientStorage(ObjectStorage(url, partial(open_store, url), cache))
