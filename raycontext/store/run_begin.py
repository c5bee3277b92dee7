"""How an index run begins: the options of a new collection, and whether what a collection holds can be kept."""

from __future__ import annotations

from raycontext.embed.registry import embedder_for
from raycontext.errors import NotIndexedYet
from raycontext.models import IndexOptions
from raycontext.models.options import RunOptions
from raycontext.store.collection import Collection
from raycontext.store.fingerprint import chunker_fingerprint
from raycontext.store.manifest import Manifest
from raycontext.store.storage.base import Storage

__all__ = ["first_options", "needs_rebuild"]


def first_options(storage: Storage, options: RunOptions) -> IndexOptions:
    """Return the options that a new collection begins with: those of the one that it is forked from, if named.

    Raises `UnknownCollection`, `NotIndexedYet`, and what reading that collection raises.
    """
    if options.fork_from is None:
        return IndexOptions()
    origin = Collection(storage, options.fork_from)
    identity, manifest = origin.identity(), origin.latest()
    if manifest is None:
        raise NotIndexedYet(origin.name, identity.source)
    return manifest.options


def needs_rebuild(manifest: Manifest, options: IndexOptions) -> bool:
    """Return whether a run with these options has to make all rows of a collection anew."""
    before = manifest.options
    return (
        manifest.embedder != embedder_for(options.embedder).fingerprint
        or manifest.chunker != chunker_fingerprint()
        or before.num_shards != options.num_shards
        or before.chunk_bytes != options.chunk_bytes
        or before.secrets != options.secrets
        or before.language_of != options.language_of
    )
