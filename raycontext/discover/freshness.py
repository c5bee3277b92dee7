"""Check of hits: is the file of a hit still as it was indexed?"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from raycontext.discover.read import digest_file
from raycontext.models import Freshness, Hits, SkipReason

__all__ = ["checked"]

MAX_BYTES = 1 << 26
"""Largest file that is read for the check, in bytes. A larger file counts as changed."""


def checked(hits: Hits) -> Hits:
    """Return the hits with the freshness of each filled in.

    Each file is read and its digest is compared with the one in the index. The freshness is `UNKNOWN` when the
    folder of the collection is not on this machine.
    """
    known = cache(_freshness)  # several hits may lie in one file
    fresh = [hit.model_copy(update={"freshness": known(hit.source, hit.path, hit.digest)}) for hit in hits]
    return hits.replaced(fresh)


def _freshness(source: str, path: str, digest: str) -> Freshness:
    """Compare the file `path` below the folder `source` with its `digest` in the index (hexadecimal)."""
    root = Path(source)
    if not root.is_dir():
        return Freshness.UNKNOWN
    found = digest_file(root, path, MAX_BYTES)
    if found.reason is not None:
        return Freshness.DELETED if found.reason is SkipReason.VANISHED else Freshness.CHANGED
    return Freshness.UNCHANGED if found.digest.hex() == digest else Freshness.CHANGED
