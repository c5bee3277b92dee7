"""Estimate of an index run: files are read and counted; chunks and time are measured on a sample."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import PurePosixPath

import numpy as np
from pydantic import BaseModel, ConfigDict

from raycontext import __version__
from raycontext.discover.read import Content, without_secrets
from raycontext.discover.secrets.redaction import is_secret
from raycontext.discover.snapshot import Snapshot
from raycontext.discover.trees import tree_of
from raycontext.embed.registry import embedder_for
from raycontext.embed.remote.providers import RemoteEmbedder, tokens_at_most
from raycontext.embed.vectors import Documents, QuantizedVectors, quantize, quantized
from raycontext.errors import RaycontextError
from raycontext.index.languages import LanguageChoice
from raycontext.index.reuse.reuse import find_known_files, fitting_files, is_searched_for
from raycontext.index.work.stages import scan_tree
from raycontext.models import FileStat, IndexOptions, SkipReason
from raycontext.models.options import RunOptions
from raycontext.runtime.task import task
from raycontext.store.collection import Location
from raycontext.store.known_files import find_in_version
from raycontext.store.run_begin import first_options, needs_rebuild

__all__ = ["FolderSize", "IndexEstimate", "estimate_tree"]

SAMPLED_FILES = 200
"""Number of files after which the sample ends."""
SAMPLE_SECONDS = 3.0
"""Time in seconds after which the sample ends."""

BATCH_FILES = 20
"""Number of files of the sample that are embedded together."""

LARGEST_FOLDERS = 10
"""Number of folders that an estimate lists."""


class FolderSize(BaseModel):
    """Size of the part of a folder that an index run would take in."""

    model_config = ConfigDict(frozen=True)

    path: str
    """Path of the folder, relative to the source."""
    files: int
    """Number of files that would be indexed below it."""
    bytes: int
    """Total size of these files in bytes."""


class IndexEstimate(BaseModel):
    """Estimate of what an index run would do. Nothing is indexed for it."""

    model_config = ConfigDict(frozen=True)

    source: str
    """Absolute path of the folder to index."""
    files: int
    """Number of new and changed files that the run would parse. Those that it takes over are not among them."""
    bytes: int
    """Total size of these files in bytes."""
    reused_files: int = 0
    """Number of new and changed files that the run would not parse, since rows of the same path and content exist."""
    reused_bytes: int = 0
    """Total size of these files in bytes."""
    reused_from: tuple[str, ...] = ()
    """Names of the collections that have these rows, sorted. The collection's own name stands for its earlier versions.
    """
    removed: int
    """Number of indexed files that are gone."""
    chunks: int
    """Expected number of chunks of these files, measured on a sample."""
    sampled_bytes: int
    """Size in bytes of the sample on which chunks and time are measured."""
    embedding_tokens: int = 0
    """Expected upper bound of the tokens that an embedding server would count. Existing vectors are not subtracted."""
    exceeds_max_embedding_tokens: bool = False
    """Whether these are more tokens than the run may use, so that it could stop before its end."""
    seconds: float
    """Expected duration of the index tasks in seconds, measured on the sample. A start of Ray is not included."""
    skipped: dict[str, int]
    """Number of files that would be left out, by `SkipReason`."""
    folders: tuple[FolderSize, ...]
    """Largest folders of the first two levels, largest first."""
    unreadable_folders: tuple[str, ...] = ()
    """Folders that could not be listed, relative to the source."""


@task()
def estimate_tree(source: str, location: Location, run: RunOptions, parallelism: int) -> IndexEstimate:
    """Estimate an index run of `source` with the options `run`, on top of what the collection at `location` holds.

    There may be no such collection; then it is one that the run would create. `parallelism` is the number of index
    tasks at once, for the expected time. Raises what `stages.scan_tree` raises, and what reading the collection that
    `run` forks from raises.
    """
    collection = location.open()
    manifest = collection.latest() if collection.versions() else None
    options = run.applied_to(manifest.options if manifest else first_options(collection.storage, run))
    is_rebuilt = manifest is not None and needs_rebuild(manifest, options)
    version = 0 if manifest is None or is_rebuilt else manifest.version
    snapshot = collection.snapshot(manifest) if manifest is not None and version else Snapshot(0, {})
    again = frozenset(snapshot.faulty(apart_from_version=None if run.retry_quarantined else __version__))
    scan = scan_tree(source, location, version, options, tuple(again))
    known = {path: entry for path, entry in snapshot.entries.items() if path not in again}
    reader = tree_of(source).reader([file.path for file in scan.to_hash], options.max_file_bytes)
    reasons = Counter(entry.reason.value for entry in scan.skipped.values() if entry.reason is not None)
    wanted: dict[FileStat, bytes] = {}
    begun = time.perf_counter()
    for file in scan.to_hash:
        content = reader.content(file.path)
        if isinstance(content, Content):
            if file.path in known and known[file.path].digest == content.digest:
                continue
            if not options.secrets and is_secret(file.path, content.data):
                reasons[SkipReason.SECRET.value] += 1
            else:
                wanted[file] = content.digest
        else:
            reasons[content.value] += 1
    reused, reused_from = (
        (frozenset[str](), ())
        if is_rebuilt
        else _reused(
            source,
            location,
            version,
            options,
            run,
            {file.path: digest for file, digest in wanted.items() if file.path not in again},
        )
    )
    reading = time.perf_counter() - begun
    parsed = [file for file in wanted if file.path not in reused]
    size = sum(file.size for file in parsed)
    sampled, chunks, tokens, seconds = _sample(source, [file for file in parsed if file.path not in again], options)
    share = size / sampled if sampled else 0.0
    return IndexEstimate(
        source=source,
        files=len(parsed),
        bytes=size,
        reused_files=len(reused),
        reused_bytes=sum(file.size for file in wanted if file.path in reused),
        reused_from=reused_from,
        removed=len(scan.removed),
        chunks=round(chunks * share),
        sampled_bytes=sampled,
        embedding_tokens=round(tokens * share),
        seconds=(reading + seconds * share) / max(parallelism, 1),
        skipped=dict(reasons.most_common()),
        folders=_largest(parsed),
        unreadable_folders=scan.unreadable_folders,
    )


def _reused(
    source: str, location: Location, version: int, options: IndexOptions, run: RunOptions, files: Mapping[str, bytes]
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the paths of files, given with their digests, whose rows the run would take over, and the names of the
    collections that have them.

    It looks where the run looks (`actors.reuse`). Raises what `find_known_files` raises of a collection that the run
    is told to fork from.
    """
    collection, pairs = location.open(), list(files.items())
    known = find_in_version(collection, collection.manifest(version), options, pairs) if version else []
    found = {place for entry in known for place in entry.places}
    rest = [pair for place, pair in enumerate(pairs) if place not in found]
    if is_searched_for(len(rest), version, run.fork_from):
        known += find_known_files(source, location, options, rest, run.fork_from, run.fork is not False)
    paths: set[str] = set()
    names: set[str] = set()
    with suppress(RaycontextError, FileNotFoundError):  # a segment is damaged or gone: the run parses its files
        for place, segment, ordinals in fitting_files(source, collection, files, known, options):
            paths.update(map(segment.path, ordinals))
            names.add(place.collection)
    return frozenset(paths), tuple(sorted(names))


def _sample(source: str, files: Sequence[FileStat], options: IndexOptions) -> tuple[int, int, int, float]:
    """Chunk, analyse and embed some of `files`, spread evenly over the tree.

    Return the size of these files in bytes, the number of their chunks, the largest number of tokens that an embedding
    server would count, and the time in seconds. No server is asked. The time is measured without the first batch,
    which also loads grammars and kernels, and is then scaled up to the whole sample.
    """
    from raycontext.index.work.segment_builder import Batch

    embedder = embedder_for(options.embedder)
    tokens = 0

    def count(documents: Documents) -> QuantizedVectors:
        nonlocal tokens
        texts = documents.texts()
        tokens += sum(map(tokens_at_most, texts))
        return quantize(np.zeros((len(texts), 8), np.float32))

    embed = count if isinstance(embedder, RemoteEmbedder) else quantized(embedder)
    chosen = files[:: -(-len(files) // SAMPLED_FILES) or 1]
    reader = tree_of(source).reader([file.path for file in chosen], options.max_file_bytes)
    begun = time.perf_counter()
    size = chunks = 0
    for first in range(0, len(chosen), BATCH_FILES):
        batch = Batch(LanguageChoice(options.language_of))
        for file in chosen[first : first + BATCH_FILES]:
            content = reader.content(file.path)
            shown = (
                content if options.secrets or isinstance(content, SkipReason) else without_secrets(file.path, content)
            )
            if isinstance(shown, Content):
                with suppress(Exception):  # the index run puts such a file into quarantine
                    batch.add(file.path, shown, options.chunk_bytes)
                    size += file.size
        if batch.files:
            chunks += len(batch.content(embed).texts)
        if first == 0:
            begun = time.perf_counter()  # the first batch also loads grammars, kernels and the table
            first_size = size
        if time.perf_counter() - begun > SAMPLE_SECONDS:
            break
    seconds = time.perf_counter() - begun
    measured = size - first_size if chosen else 0
    return size, chunks, tokens, seconds * size / measured if measured else seconds


def _largest(files: Sequence[FileStat]) -> tuple[FolderSize, ...]:
    """Return the folders with most bytes among those of the first two levels below the source."""
    sizes: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for file in files:
        parts = PurePosixPath(file.path).parts[:-1]
        for depth in range(1, min(len(parts), 2) + 1):
            folder = "/".join(parts[:depth])
            sizes[folder] += file.size
            counts[folder] += 1
    return tuple(
        FolderSize(path=path, files=counts[path], bytes=size) for path, size in sizes.most_common(LARGEST_FOLDERS)
    )
