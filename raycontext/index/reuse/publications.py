"""Publications of collections: the task that publishes one, and the stages of an index run that takes rows from one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from raycontext.embed.registry import embedder_for
from raycontext.errors import FingerprintMismatch, PublicationRefused
from raycontext.models import IndexOptions, PublishReport
from raycontext.models.options import RunOptions
from raycontext.runtime.task import task
from raycontext.store.collection import Location
from raycontext.store.fingerprint import chunker_fingerprint
from raycontext.store.sharing.pruning import Pruned, prune
from raycontext.store.sharing.publication import Publication
from raycontext.store.sharing.publishing import publish
from raycontext.store.sharing.pulling import Fetched, fetch_segments, newest_publication
from raycontext.store.sharing.signatures import sign
from raycontext.store.storage.locations import StorageOptions, storage_for
from raycontext.text.safe import safe

__all__ = ["PulledOptions", "check_fit", "fetch_published", "find_publication", "publish_collection"]

TARGET_OPTIONS = StorageOptions(shared=True, cache_bytes=0)
"""How a target is opened: the umask decides who else can read a folder, and nothing of it is kept in the cache."""


class PulledOptions(RunOptions):
    """Options of an index run that takes rows over from a publication."""

    target: str
    """Folder or URL of the target."""
    publication: Publication
    trust: bool = False
    """Whether segments are taken as they are, with rows of files that the tree does not have. False: rows are compared
    with the files and copied."""


@task()
def publish_collection(location: Location, target: str, key: str | None, keep: int | None = None) -> PublishReport:
    """Put what is missing of the newest version of a collection into a target; see `publish`.

    key: file of the SSH key that signs it; None leaves it unsigned. keep: number of newest publications that stay, see
    `prune`; None removes nothing. Raises also `InvalidInput`.
    """
    signing = partial(sign, key=Path(key)) if key is not None else None
    place = storage_for(target, TARGET_OPTIONS)
    report = publish(location.open(), place, signing)
    removed = prune(place, keep) if keep is not None else Pruned()
    changes = {f"removed_{name}": count for name, count in removed._asdict().items()}
    return report.model_copy(update=changes)


@task()
def find_publication(target: str, signers: str | None) -> tuple[Publication, str]:
    """Return the newest publication of a target and who has signed it; see `newest_publication`.

    Raises `FingerprintMismatch` where another chunker has made it, and what `newest_publication` raises.
    """
    publication, signer = newest_publication(
        storage_for(target, TARGET_OPTIONS), Path(signers) if signers is not None else None
    )
    if publication.chunker != chunker_fingerprint():
        raise FingerprintMismatch(target, "the chunker", _shown(publication.chunker), chunker_fingerprint())
    return publication, signer


def check_fit(target: str, publication: Publication, options: IndexOptions) -> None:
    """Raise `FingerprintMismatch` or `PublicationRefused` unless a collection with these options can use the rows."""
    current = embedder_for(options.embedder).fingerprint
    if publication.embedder != current:
        raise FingerprintMismatch(target, "the embedder", _shown(publication.embedder), current)
    theirs = publication.options
    for name, there, here in (
        ("num_shards", theirs.num_shards, options.num_shards),
        ("chunk_bytes", theirs.chunk_bytes, options.chunk_bytes),
        ("secrets", theirs.secrets, options.secrets),
        ("language_of", theirs.language_of, options.language_of),
    ):
        if there != here:
            raise PublicationRefused(
                f"The index at {target} was built with {name} {_shown(there)}, and this collection with {_shown(here)}",
                "Index the folder with the same option first, or publish an index that was built with yours.",
            )


def _shown(value: object) -> str:
    """Return a value of a publication as it may be printed: whoever made it may have written anything."""
    return safe(str(value))[:200]


@task(priority="background")
def fetch_published(location: Location, options: PulledOptions, files: Sequence[tuple[str, bytes]]) -> Fetched:
    """Fetch what a publication has of some files, given as pairs of path and digest; see `fetch_segments`."""
    target = storage_for(options.target, TARGET_OPTIONS)
    return fetch_segments(location.open().storage, location.collection, target, options.publication, files)
