"""Weights of the ranker that this user has had fitted for a collection.

They lie in the user's state folder, outside of every root, so that nothing in a root or a tree can choose them. They
are for one collection, by its root, its name and its id, and for the embedder with which they were fitted.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

from platformdirs import user_state_path

from raycontext.errors import StorageError
from raycontext.files.foreign_json import read_json
from raycontext.files.private import make_private_folder, write_private
from raycontext.search.ranking.ranker import MODEL_FEATURES

__all__ = ["Tuned", "forget_weights", "keep_weights", "kept_weights"]

FOLDER = "weights"
"""Name of the folder of these files, in the user's state folder."""
MOST_BYTES = 64_000
"""Largest size of such a file, in bytes."""
MOST_WEIGHT = 1000.0
"""Largest magnitude of a weight."""


class Tuned(NamedTuple):
    """Collection whose weights are meant, with the embedder of its vectors."""

    root: str
    collection: str
    id: str
    """Id of the collection, which another one of the same name has not."""
    embedder: str
    """Name of the embedder."""


def kept_weights(of: Tuned) -> tuple[float, ...] | None:
    """Return the weights that are kept for a collection, one for each of `MODEL_FEATURES`; None where there are none.

    A file that is not this user's own, that others may write, that cannot be read, or that is for other features or
    another embedder counts as none.
    """
    try:
        content = _read_own(_place(of))
        facts = read_json(content) if content is not None else None
        return _weights(of, facts)
    except (OSError, ValueError, OverflowError):  # a number may be larger than any float
        return None


def keep_weights(of: Tuned, weights: tuple[float, ...]) -> None:
    """Keep weights, one for each of `MODEL_FEATURES`, in place of former ones. Raises `StorageError`."""
    by_name = dict(zip(MODEL_FEATURES, weights, strict=True))
    place = _place(of)
    try:
        make_private_folder(place.parent)
        write_private(place, json.dumps({**of._asdict(), "weights": by_name}, indent=1) + "\n")
    except OSError as error:
        raise StorageError(str(place), f"the weights cannot be kept ({error.strerror or error})") from error


def forget_weights(of: Tuned) -> bool:
    """Remove the weights that are kept for a collection. Return False where there are none. Raises `StorageError`."""
    place = _place(of)
    try:
        place.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StorageError(str(place), f"it cannot be removed ({error.strerror or error})") from error
    return True


def _place(of: Tuned) -> Path:
    name = hashlib.sha256("\0".join((of.root, of.collection, of.id)).encode(errors="surrogateescape")).hexdigest()[:32]
    return user_state_path("raycontext", appauthor=False) / FOLDER / f"{name}.json"


def _read_own(place: Path) -> bytes | None:
    """Return the bytes of a regular file of this user that nobody else may write; None for any other.

    Raises `OSError`.
    """
    descriptor = os.open(place, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        status = os.fstat(descriptor)
        is_own = not hasattr(os, "geteuid") or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)
        if not stat.S_ISREG(status.st_mode) or not is_own or status.st_size > MOST_BYTES:
            return None
        return os.read(descriptor, MOST_BYTES)
    finally:
        os.close(descriptor)


def _weights(of: Tuned, facts: Any) -> tuple[float, ...] | None:
    """Return the weights of the content of a file; None where it is for something else, or has a value that is none."""
    if not isinstance(facts, dict) or any(facts.get(name) != value for name, value in of._asdict().items()):
        return None
    by_name = facts.get("weights")
    if not isinstance(by_name, dict) or set(by_name) != set(MODEL_FEATURES):
        return None
    values = [by_name[name] for name in MODEL_FEATURES]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return None
    weights = tuple(float(value) for value in values)
    return weights if all(math.isfinite(value) and abs(value) <= MOST_WEIGHT for value in weights) else None
