"""Checks of the storage and of the collections in it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from raycontext.diagnosis.finding import Finding
from raycontext.embed.registry import embedder_for, opened_embedder
from raycontext.embed.remote.providers import RemoteEmbedder
from raycontext.embed.vectors import Embedder
from raycontext.errors import (
    CorruptManifest,
    EmbedderNotAllowed,
    InvalidInput,
    RaycontextError,
    StorageError,
    UnsafeStorage,
    UnsupportedFormat,
)
from raycontext.store.collection import Collection, collection_names
from raycontext.store.fingerprint import chunker_fingerprint
from raycontext.store.manifest import FORMAT, Manifest
from raycontext.store.storage.base import Storage
from raycontext.store.storage.local import LocalStorage
from raycontext.store.storage.locations import DEFAULT_STORAGE, StorageOptions, is_url, storage_for
from raycontext.ulid import new_ulid

__all__ = ["check_collections", "check_embedder", "check_root"]

NO_LINKS = ("Operation not permitted", "Operation not supported", "Function not implemented")
"""Error messages of file systems that do not support hard links."""


def check_root(root: str, storage_options: StorageOptions = DEFAULT_STORAGE) -> Iterator[Finding]:
    """Check that the root can be written and that it refuses to overwrite an existing object.

    Commits by several writers depend on that refusal. The check writes a probe and removes it again.
    """
    try:
        if is_url(root):
            yield _probe(storage_for(root, storage_options), root)
        else:
            # The probe gets its own folder, since the files beside it may belong to someone else.
            above = _nearest_existing_folder(Path(root))
            with tempfile.TemporaryDirectory(prefix=".raycontext-probe-", dir=above) as folder:
                yield _probe(LocalStorage(Path(folder)), root)
    except InvalidInput as error:
        yield Finding(check="storage", level="fault", what=error.what, advice=error.advice)
    except OSError as error:
        yield _unreachable(root, error.strerror or type(error).__name__)


def check_embedder(name: str | None) -> Iterator[Finding]:
    """Check that the embedder of the settings can be used. Without an embedder (None), yield nothing."""
    if name is None:
        return
    problem = _embedder_problem(name, opened_embedder)  # the settings name it
    yield problem or Finding(check="embedder", level="ok", what=f"the embedder {name} can be loaded")


def check_collections(root: str, storage_options: StorageOptions = DEFAULT_STORAGE) -> Iterator[Finding]:
    """Check that each collection of the root can be read and was written by this version of raycontext.

    The contents of the segments are not read; `verify` does that.
    """
    try:
        storage = storage_for(root, storage_options)
        names = collection_names(storage)
        for name in names:
            yield from _check_collection(Collection(storage, name))
    except InvalidInput:  # `check_root` reports it
        return
    except StorageError as error:
        yield Finding(check="collections", level="fault", what=f"{error.path}: {error.problem}", advice=_STORAGE_ADVICE)
        return
    if not names:
        yield Finding(check="collections", level="ok", what="nothing is indexed yet: raycontext index PATH")


_STORAGE_ADVICE = "Check the permissions and the mount of the root. Then run `raycontext verify`."


def _probe(storage: Storage, root: str) -> Finding:
    """Write a probe twice, read it and remove it. Return the finding. `root` appears in messages only."""
    folder = f".raycontext-probe-{new_ulid()}"
    name = f"{folder}/probe"
    try:
        try:
            first, second = storage.create(name, b"first"), storage.create(name, b"second")
            content = storage.read(name)
        finally:
            with suppress(StorageError):
                storage.remove(folder)
    except UnsafeStorage as error:
        advice = "Use storage that honours If-None-Match: * on puts, or update its server."
        return Finding(check="storage", level="fault", what=f"{root}: {error.problem}", advice=advice)
    except (StorageError, FileNotFoundError) as error:
        problem = error.problem if isinstance(error, StorageError) else "an object that was written cannot be found"
        if not is_url(root) and problem in NO_LINKS:
            what = f"the file system of {root} has no hard links ({problem}), which commits need"
            advice = "Choose a root on another file system."
            return Finding(check="storage", level="fault", what=what, advice=advice)
        return _unreachable(root, problem)
    if (first, second, content) != (True, False, b"first"):
        what = f"{root} overwrites an existing object: one writer would destroy what another one has committed"
        return Finding(check="storage", level="fault", what=what, advice="Choose a root on other storage.")
    return Finding(check="storage", level="ok", what=f"{root} can be written, and never overwrites an object")


def _unreachable(root: str, problem: str) -> Finding:
    """Return a fault for a root that cannot be read or written."""
    if is_url(root):
        advice = "Check the credentials, the region and the endpoint in the environment, and that the bucket exists."
    else:
        advice = "Check its owner and its mount, or choose another root with --root or RAYCONTEXT_ROOT."
    what = f"{root} cannot be reached or written: {problem}"
    return Finding(check="storage", level="fault", what=what, advice=advice)


def _check_collection(collection: Collection) -> Iterator[Finding]:
    """Check that the newest version of a collection can be read."""
    name = collection.name
    try:
        collection.identity()
        manifest = collection.latest()
        newest = max(collection.versions(), default=0)
        if manifest is not None and manifest.version < newest:
            yield _damaged(name, f"version {newest} is damaged; version {manifest.version} is searched")
            return
    except UnsupportedFormat as error:
        advice = "Use the version of raycontext that wrote it, or clear the collection and index it again."
        what = f"{name} has index format {error.found}, which this version does not read"
        yield Finding(check="collections", level="fault", what=what, advice=advice)
        return
    except CorruptManifest as error:
        yield _damaged(name, error.problem)
        return
    except RaycontextError as error:
        yield Finding(check="collections", level="fault", what=f"{name}: {error}", advice=_STORAGE_ADVICE)
        return
    if manifest is None:
        what = f"{name} exists, but nothing is indexed in it yet"
        yield Finding(check="collections", level="note", what=what)
        return
    yield from _check_manifest(name, manifest)


def _check_manifest(name: str, manifest: Manifest) -> Iterator[Finding]:
    """Check the format, the embedder, the chunker and the source that a manifest names."""
    if manifest.format < FORMAT:
        what = f"{name} has the older index format {manifest.format}; this version writes {FORMAT}"
        advice = f"It can be read. `raycontext index {manifest.source}` rewrites it in the new format."
        yield Finding(check="collections", level="warning", what=what, advice=advice)
        return
    problem = _embedder_problem(manifest.options.embedder)
    if problem is not None:
        yield problem.model_copy(update={"what": f"{name}: {problem.what}"})
        return
    current = (embedder_for(manifest.options.embedder).fingerprint, chunker_fingerprint())
    if (manifest.embedder, manifest.chunker) != current:
        what = f"{name} was indexed by another version of the embedder or chunker"
        advice = f"Rebuild it: raycontext index {manifest.source} --collection {name}"
        yield Finding(check="collections", level="warning", what=what, advice=advice)
        return
    what = f"{name}: version {manifest.version}, {manifest.files} files, {manifest.chunks} chunks"
    if not Path(manifest.source).is_dir():
        what += f"; its source {manifest.source} is not on this machine"
        yield Finding(check="collections", level="note", what=what)
    else:
        yield Finding(check="collections", level="ok", what=what)


def _damaged(name: str, problem: str) -> Finding:
    """Return a fault for a damaged collection."""
    advice = f"raycontext repair {name}"
    return Finding(check="collections", level="fault", what=f"{name}: {problem}", advice=advice)


def _embedder_problem(name: str, find: Callable[[str], Embedder | RemoteEmbedder] = embedder_for) -> Finding | None:
    """Return a fault when the embedder that `find` looks for cannot be used, else None."""
    try:
        _ = find(name).fingerprint
    except (InvalidInput, EmbedderNotAllowed) as error:
        return Finding(check="embedder", level="fault", what=error.what, advice=error.advice)
    return None


def _nearest_existing_folder(place: Path) -> Path:
    """Return the folder, or the nearest existing folder above it."""
    while not place.exists():
        place = place.parent
    return place
