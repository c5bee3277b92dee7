"""Whether the file of a hit is still as it was indexed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from raycontext.discover.read import digest_file
from raycontext.models import Freshness, Hits, SkipReason

__all__ = ["checked"]

MAX_BYTES = 1 << 26
"""A file that has grown beyond has changed."""


def checked(hits: Hits) -> Hits:
    """The hits, each with its freshness: a file is read and its digest compared with that of the index. Where the
    folder of the collection is not on this machine it is unknown."""
    known = cache(_freshness)  # several hits of a file
    fresh = [hit.model_copy(update={"freshness": known(hit.source, hit.path, hit.digest)}) for hit in hits]
    return hits.replaced(fresh)


def _freshness(source: str, path: str, digest: str) -> Freshness:
    root = Path(source)
    if not root.is_dir():
        return Freshness.UNKNOWN
    found = digest_file(root, path, MAX_BYTES)
    if found.reason is not None:
        return Freshness.DELETED if found.reason is SkipReason.VANISHED else Freshness.CHANGED
    return Freshness.UNCHANGED if found.digest.hex() == digest else Freshness.CHANGED
