"""Check of hits: is the file of a hit still as it was indexed?"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from raycontext.discover.commits.names import is_source_of_commit
from raycontext.discover.read import digest_file
from raycontext.models import Freshness, SkipReason
from raycontext.models.hits import Hits

__all__ = ["checked"]

MAX_BYTES = 1 << 26
"""Largest file that is read for the check, in bytes. A larger file counts as changed."""


def checked(hits: Hits, was_here: Callable[[str], bool] = lambda source: False) -> Hits:
    """Return the hits with the freshness of each filled in.

    Each file is read and its digest is compared with the one in the index. Where the folder of the collection is not
    there, `was_here` tells from its path whether it was on this machine: then the freshness is `DELETED`, else
    `UNKNOWN`.
    """
    gone = cache(lambda source: Freshness.DELETED if was_here(source) else Freshness.UNKNOWN)

    @cache  # several hits may lie in one file
    def known(source: str, path: str, digest: str) -> Freshness:
        if is_source_of_commit(source):
            return Freshness.UNCHANGED  # as a commit is
        return _freshness(source, path, digest) if Path(source).is_dir() else gone(source)

    fresh = [hit.model_copy(update={"freshness": known(hit.source, hit.path, hit.digest)}) for hit in hits]
    return hits.replaced(fresh)


def _freshness(source: str, path: str, digest: str) -> Freshness:
    """Compare the file `path` below the folder `source` with its `digest` in the index (hexadecimal)."""
    found = digest_file(Path(source), path, MAX_BYTES)
    if found.reason is not None:
        return Freshness.DELETED if found.reason is SkipReason.VANISHED else Freshness.CHANGED
    return Freshness.UNCHANGED if found.digest.hex() == digest else Freshness.CHANGED
