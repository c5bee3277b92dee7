"""Faults of the storage and of what lies in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from raycontext.chunk.languages.grammars import fingerprint as chunker_fingerprint
from raycontext.diagnosis.finding import Finding
from raycontext.embed.registry import embedder_for
from raycontext.errors import (
    CorruptManifest,
    InvalidInput,
    RaycontextError,
    StorageError,
    UnsafeStorage,
    UnsupportedFormat,
)
from raycontext.store.collection import Collection, collection_names
from raycontext.store.manifest import FORMAT, Manifest
from raycontext.store.storage.base import Storage
from raycontext.store.storage.local import LocalStorage
from raycontext.store.storage.locations import is_url, storage_for
from raycontext.ulid import new_ulid

__all__ = ["check_collections", "check_embedder", "check_root"]

NO_LINKS = ("Operation not permitted", "Operation not supported", "Function not implemented")
"""What file systems say that know no hard links."""


def check_root(root: str) -> Iterator[Finding]:
    """That the root can be written, and keeps two writers apart: by a probe, of which nothing is left."""
    try:
        if is_url(root):
            yield _probed(storage_for(root), root)
        else:
            # In a folder of its own: what lies beside it is not ours to touch.
            with tempfile.TemporaryDirectory(prefix=".raycontext-probe-", dir=_existing(Path(root))) as folder:
                yield _probed(LocalStorage(Path(folder)), root)
    except InvalidInput as error:
        yield Finding(check="storage", level="fault", what=error.what, advice=error.advice)
    except OSError as error:
        yield _unreachable(root, error.strerror or type(error).__name__)


def check_embedder(name: str | None) -> Iterator[Finding]:
    """That the embedder of the settings can be used."""
    if name is None:
        return
    problem = _embedder_problem(name)
    yield problem or Finding(check="embedder", level="ok", what=f"the embedder {name} can be loaded")


def check_collections(root: str) -> Iterator[Finding]:
    """That each collection of the root can be read and is of this version; see also `verify`."""
    try:
        storage = storage_for(root)
        names = collection_names(storage)
        for name in names:
            yield from _check_collection(Collection(storage, name))
    except InvalidInput:  # told by `check_root`
        return
    except StorageError as error:
        yield Finding(check="collections", level="fault", what=f"{error.path}: {error.problem}", advice=_MEND)
        return
    if not names:
        yield Finding(check="collections", level="ok", what="nothing is indexed yet: raycontext index PATH")


_MEND = "Look at permissions and at the mount of the root; then `raycontext verify`."


def _probed(storage: Storage, root: str) -> Finding:
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
        problem = error.problem if isinstance(error, StorageError) else "what was written is not there"
        if not is_url(root) and problem in NO_LINKS:
            what = f"the file system of {root} has no hard links ({problem}), with which commits are kept apart"
            advice = "Choose a root on another file system."
            return Finding(check="storage", level="fault", what=what, advice=advice)
        return _unreachable(root, problem)
    if (first, second, content) != (True, False, b"first"):
        what = f"{root} puts an object where there is one: one writer would destroy what another has committed"
        return Finding(check="storage", level="fault", what=what, advice="Choose a root on other storage.")
    return Finding(check="storage", level="ok", what=f"{root} can be written, and puts only where there is nothing")


def _unreachable(root: str, problem: str) -> Finding:
    if is_url(root):
        advice = "Look at the credentials, the region and the endpoint in the environment; does the bucket exist?"
    else:
        advice = "Look at its owner and at the mount, or choose another root with --root or RAYCONTEXT_ROOT."
    what = f"{root} cannot be reached or written: {problem}"
    return Finding(check="storage", level="fault", what=what, advice=advice)


def _check_collection(collection: Collection) -> Iterator[Finding]:
    name = collection.name
    try:
        collection.identity()
        manifest = collection.latest()
        newest = max(collection.versions(), default=0)
        if manifest is not None and manifest.version < newest:
            yield _damaged(name, f"version {newest} is damaged; version {manifest.version} is searched")
            return
    except UnsupportedFormat as error:
        advice = "Use the version of raycontext that wrote it, or clear it and index it again."
        what = f"{name} has index format {error.found}, which this version does not read"
        yield Finding(check="collections", level="fault", what=what, advice=advice)
        return
    except CorruptManifest as error:
        yield _damaged(name, error.problem)
        return
    except RaycontextError as error:
        yield Finding(check="collections", level="fault", what=f"{name}: {error}", advice=_MEND)
        return
    if manifest is None:
        what = f"{name} has been begun and holds nothing yet"
        yield Finding(check="collections", level="note", what=what)
        return
    yield from _check_manifest(name, manifest)


def _check_manifest(name: str, manifest: Manifest) -> Iterator[Finding]:
    if manifest.format < FORMAT:
        what = f"{name} has the older index format {manifest.format}; this version writes {FORMAT}"
        advice = f"It is read; `raycontext index {manifest.source}` writes it anew."
        yield Finding(check="collections", level="warning", what=what, advice=advice)
        return
    problem = _embedder_problem(manifest.options.embedder)
    if problem is not None:
        yield problem.model_copy(update={"what": f"{name}: {problem.what}"})
        return
    current = (embedder_for(manifest.options.embedder).fingerprint, chunker_fingerprint())
    if (manifest.embedder, manifest.chunker) != current:
        what = f"{name} was indexed by another version of the embedder or chunker"
        advice = f"Build it anew: raycontext index {manifest.source} --collection {name}"
        yield Finding(check="collections", level="warning", what=what, advice=advice)
        return
    what = f"{name}: version {manifest.version}, {manifest.files} files, {manifest.chunks} chunks"
    if not Path(manifest.source).is_dir():
        what += f"; its source {manifest.source} is not on this machine"
        yield Finding(check="collections", level="note", what=what)
    else:
        yield Finding(check="collections", level="ok", what=what)


def _damaged(name: str, problem: str) -> Finding:
    advice = f"raycontext repair {name}"
    return Finding(check="collections", level="fault", what=f"{name}: {problem}", advice=advice)


def _embedder_problem(name: str) -> Finding | None:
    try:
        _ = embedder_for(name).fingerprint
    except InvalidInput as error:
        return Finding(check="embedder", level="fault", what=error.what, advice=error.advice)
    return None


def _existing(place: Path) -> Path:
    """The folder, or the nearest one above in which it would be made."""
    while not place.exists():
        place = place.parent
    return place
