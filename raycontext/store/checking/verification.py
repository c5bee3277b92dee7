"""Verification of a collection: whether the objects that its newest version names exist, are whole, and agree.

Bytes are compared with the sizes and checksums that were recorded when they were written. Intact objects are compared
with each other: manifests with their parents, segments with the snapshot and, if asked for, chunks with the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from raycontext.discover.commits.names import CommitSource
from raycontext.discover.commits.repository import resolve_ref
from raycontext.discover.snapshot import Snapshot
from raycontext.discover.trees import Reader, tree_of
from raycontext.errors import (
    CommitUnreadable,
    CorruptManifest,
    CorruptSegment,
    InvalidInput,
    RefNotFound,
    UnsupportedFormat,
)
from raycontext.models import SkipReason
from raycontext.store.checking.consistency import contradictions, equals_source, paths_of
from raycontext.store.checking.examination import Examination, LiveFile
from raycontext.store.checking.reports import DamageKind, VerificationReport
from raycontext.store.collection import FOLDERS, IDENTITY, Collection, snapshot_object
from raycontext.store.manifest import Manifest, SegmentReference, manifest_name
from raycontext.store.segments.file_texts import file_text
from raycontext.store.segments.segment import DESCRIPTION, Segment

__all__ = ["examine", "verify"]

ATTEMPTS = 5
"""Number of tries to examine a collection while new versions replace the one that is examined."""

AGAIN = "`raycontext repair` indexes its files again."
"""Advice for a segment that is damaged."""


def verify(collection: Collection, *, deep: bool) -> VerificationReport:
    """Examine a collection and report its damage. `deep` is that of `examine`.

    Raises `UnknownCollection`, or `StorageError` where the storage cannot be read.
    """
    found = examine(collection, deep=deep)
    return VerificationReport(
        collection=collection.name,
        version=found.manifest.version if found.manifest else 0,
        deep=deep,
        damage=tuple(found.damage),
        manifests=found.manifests,
        segments=len(found.live) + len(found.damaged_segments),
        data_files=found.data_files,
        bytes=found.bytes,
        files=sum(len(files) for files in found.live.values()),
        chunks=found.chunks,
        compared_files=found.compared_files,
        changed_files=found.changed_files,
    )


def examine(collection: Collection, *, deep: bool) -> Examination:
    """Examine all objects of a collection. If a new version is committed meanwhile, that one is examined instead.

    With `deep`, hash all data files and compare the chunks with the source. Otherwise hash only the files that the
    check of rows reads, and see whether those are there that only older versions use.
    Raises `UnknownCollection` or `StorageError`.
    """
    found = Examination()
    _examine_folders(collection, found)
    if found.links:  # what lies behind a link is not looked at
        return found
    for _ in range(ATTEMPTS):
        highest = max(collection.versions(), default=0)
        found = _examine(collection, deep)
        if not found.damage or max(collection.versions(), default=0) == highest:
            break
    return found


def _examine(collection: Collection, deep: bool) -> Examination:
    """Examine one version of a collection; see `examine`."""
    found = Examination()
    _examine_identity(collection, found)
    _examine_manifests(collection, found)
    manifest = found.manifest
    if manifest is None or found.unsupported is not None:
        return found
    if found.identity is not None and found.identity.source != manifest.source:
        found.add(IDENTITY, DamageKind.CONTRADICTION, "It has another source than the newest manifest; clear it.")
    for number, shard in enumerate(manifest.shards):
        for reference in shard.segments:
            _examine_segment(collection, manifest, reference, number, found, deep=deep)
    _examine_snapshot(collection, manifest, found)
    _examine_older(collection, found, {*(each.name for each in manifest.segments), manifest.snapshot}, deep)
    return found


def _examine_folders(collection: Collection, found: Examination) -> None:
    """Note the folders of a collection that are links."""
    for folder in ("", *FOLDERS):
        try:
            collection.storage.list(f"{collection.name}/{folder}" if folder else collection.name)
        except CorruptManifest as error:
            found.links.append(folder)
            found.add(folder or ".", DamageKind.DAMAGED, f"It is {error.problem}. `raycontext repair` removes a link.")
            if not folder:
                return


def _examine_identity(collection: Collection, found: Examination) -> None:
    """Read the description of a collection, or note its damage."""
    try:
        found.identity = collection.identity()
    except CorruptManifest as error:
        if collection.storage.exists(f"{collection.name}/{IDENTITY}"):
            found.add(IDENTITY, DamageKind.DAMAGED, f"{error.problem}; the collection cannot be opened.")
        else:
            found.add(IDENTITY, DamageKind.MISSING, "The collection cannot be opened.")
    except UnsupportedFormat as error:
        _unsupported(IDENTITY, error, found)


def _examine_manifests(collection: Collection, found: Examination) -> None:
    """Read all manifests, oldest first, and note those that are damaged or contradict the one before."""
    below: Manifest | None = None
    for version in collection.versions():
        place = f"manifests/{manifest_name(version)}"
        try:
            manifest = collection.manifest(version)
        except FileNotFoundError:  # garbage collection has removed it
            continue
        except CorruptManifest as error:
            found.damaged_manifests.append(version)
            found.add(
                place,
                DamageKind.DAMAGED,
                f"{error.problem}; where it is the newest, the one before it answers instead.",
            )
            continue
        except UnsupportedFormat as error:
            _unsupported(place, error, found)
            continue
        finally:
            found.manifests += 1
        for problem in _lineage(collection, manifest, version, below):
            found.add(place, DamageKind.CONTRADICTION, problem)
        if below is not None:
            found.older.append(below)
        below = manifest
    found.manifest = below


def _lineage(collection: Collection, manifest: Manifest, version: int, below: Manifest | None) -> Iterator[str]:
    """Yield a sentence for each contradiction in a manifest. `below` is the next older manifest that can be read."""
    if (manifest.collection, manifest.version) != (collection.name, version):
        yield f"It is version {manifest.version} of '{manifest.collection}'."
    if len(manifest.shards) != manifest.options.num_shards:
        yield f"It has {len(manifest.shards)} shards where its options say {manifest.options.num_shards}."
    if not manifest.recent_txns or manifest.recent_txns[-1] != manifest.txn:
        yield "Its transaction is not the last of its recent ones."
    if below is not None and below.version == version - 1 and manifest.parent != below.checksum:
        yield f"It was not made from version {below.version}."
    if below is not None and manifest.epoch < below.epoch:
        yield f"Its epoch, {manifest.epoch}, is lower than that of version {below.version}, {below.epoch}."


def _unsupported(place: str, error: UnsupportedFormat, found: Examination) -> None:
    """Note an object whose format this version cannot read."""
    found.unsupported = error
    found.add(place, DamageKind.FORMAT, f"{error.problem}. Use the version of raycontext that wrote it.")


def _examine_segment(
    collection: Collection,
    manifest: Manifest,
    reference: SegmentReference,
    shard: int,
    found: Examination,
    *,
    deep: bool,
) -> None:
    """Check the data files of a segment and what they say of each other."""
    folder = f"segments/{reference.name}"
    before = len(found.damage)
    live: list[LiveFile] = []
    try:
        segment = Segment(collection.storage, collection.name, reference)
    except (CorruptSegment, FileNotFoundError) as error:
        _lost(f"{folder}/{DESCRIPTION}", error, found)
    except UnsupportedFormat as error:
        _unsupported(f"{folder}/{DESCRIPTION}", error, found)
        return
    else:
        for name in segment.data_files:
            try:
                found.bytes += segment.check_content(name) if deep else segment.check_size(name)
                found.data_files += 1
            except (CorruptSegment, FileNotFoundError) as error:
                _lost(f"{folder}/{name}", error, found)
        if len(found.damage) == before:
            for problem in contradictions(segment, manifest, shard, deep=deep):
                found.add(folder, DamageKind.CONTRADICTION, f"{problem} {AGAIN}")
        if len(found.damage) == before:
            live = _live_files(segment)
            if deep:
                _compare_with_source(manifest.source, manifest.options.max_file_bytes, segment, found)
    if len(found.damage) == before:
        found.live[reference.name] = live
        found.chunks += segment.live_rows()
    else:
        found.damaged_segments.append(reference.name)
        found.damaged_objects.add(reference.name)


def _lost(place: str, error: CorruptSegment | FileNotFoundError, found: Examination) -> None:
    """Note that a segment of the newest version is damaged or gone."""
    if isinstance(error, FileNotFoundError):
        found.add(place, DamageKind.MISSING, f"Its segment cannot be searched. {AGAIN}")
    else:
        found.add(place, DamageKind.DAMAGED, f"{error.problem}; its segment cannot be searched. {AGAIN}")


def _live_files(segment: Segment) -> list[LiveFile]:
    """Return the files of a segment that have no tombstone."""
    columns = (paths_of(segment), segment.files.column("size").to_pylist(), segment.files.column("digest").to_pylist())
    return [
        LiveFile(*values)
        for values, alive in zip(zip(*columns, strict=True), segment.alive_files(), strict=True)
        if alive
    ]


def _reader_of(source: str, paths: Sequence[str], max_file_bytes: int) -> Reader | None:
    """Return a reader of files of a source; None for a commit that cannot be read, as where its repository is gone."""
    try:
        commit = CommitSource.parse(source)
        if commit is not None:
            resolve_ref(commit.folder, commit.commit)  # git looks whose repository it is
        return tree_of(source).reader(paths, max_file_bytes)
    except (InvalidInput, CommitUnreadable, RefNotFound):
        return None


def _compare_with_source(source: str, max_file_bytes: int, segment: Segment, found: Examination) -> None:
    """Compare lines, bytes and texts of all living chunks with the source files that have not changed."""
    texts = segment.texts().column("text")
    digests = segment.files.column("digest").to_pylist()
    wrong: list[str] = []
    alive = segment.alive_files()
    places = [(ordinal, path) for ordinal, path in enumerate(paths_of(segment)) if alive[ordinal]]
    reader = _reader_of(source, [path for _, path in places], max_file_bytes)
    if reader is None:
        found.changed_files += len(places)
        return
    for ordinal, path in places:
        try:
            content = reader.content_as(path, segment.encoding(ordinal), segment.redactions(ordinal))
        except CommitUnreadable:
            content = SkipReason.UNREADABLE
        if isinstance(content, SkipReason) or content.digest != digests[ordinal]:
            found.changed_files += 1
            continue
        found.compared_files += 1
        first, count = int(segment.first_rows[ordinal]), int(segment.row_counts[ordinal])
        rows = slice(first, first + count)
        spans = np.stack(
            [segment.chunk_column(name)[rows] for name in ("start_byte", "end_byte", "start_line", "end_line")], axis=1
        )
        is_same = not segment.has_trigrams or file_text(segment, ordinal) == content.data
        if not is_same or not equals_source(content.data, spans.tolist(), texts.slice(first, count).to_pylist()):
            wrong.append(path)
    if wrong:
        found.add(
            f"segments/{segment.reference.name}",
            DamageKind.CONTRADICTION,
            f"Chunks of {_counted(wrong)} are not the lines of the source. {AGAIN}",
        )


def _examine_snapshot(collection: Collection, manifest: Manifest, found: Examination) -> None:
    """Read the snapshot of the newest version and compare it with the manifest and the segments."""
    place = snapshot_object(manifest)
    again = "compares everything with the source again."
    try:
        found.snapshot = collection.snapshot(manifest)
    except FileNotFoundError as error:  # perhaps an earlier one, whose parts this version still uses
        place = _inside(collection, str(error))
        found.add(place, DamageKind.MISSING, f"It is not there; the next index run {again}")
    except CorruptManifest as error:
        place = _inside(collection, error.path)
        meaning = f"the next index run cannot begin. `raycontext repair` {again}"
        found.add(place, DamageKind.DAMAGED, f"{error.problem}; {meaning}")
    else:
        for problem in _disagreements(manifest, found.snapshot, found):
            found.disagreement = True
            found.add(place, DamageKind.CONTRADICTION, f"{problem} {AGAIN}")
        return
    found.damaged_objects.add(manifest.snapshot)


def _examine_older(collection: Collection, found: Examination, known: set[str], deep: bool) -> None:
    """Check segments and snapshots that only older manifests name, and the pool: with `deep`, their checksums.

    `known` holds the names that were checked already, and gets those that are checked here.
    """
    look = _hash_segment if deep else _find_segment
    newest = found.manifest.segment_names() if found.manifest is not None else set()
    for manifest in (*found.older, *([found.manifest] if found.manifest else ())):
        for name, check in _objects(collection, manifest, look):
            if name in known:
                continue
            known.add(name)
            try:
                check()
            except (CorruptManifest, CorruptSegment) as error:
                kind, problem, place = DamageKind.DAMAGED, f"{error.problem}; only", error.path
            except FileNotFoundError as error:
                if not collection.has_version(manifest.version):  # garbage collection has removed the version
                    break
                kind, problem, place = DamageKind.MISSING, "Only", str(error)
            else:
                continue
            found.damaged_objects.add(name)
            if name in newest:
                found.damaged_segments.append(name)
            found.add(
                _inside(collection, place), kind, f"{problem} version {manifest.version} and those before it use it."
            )


def _inside(collection: Collection, place: str) -> str:
    """Return a place relative to the collection's folder, which is the form of `Damage.object`."""
    return place.removeprefix(f"{collection.storage.location}/").removeprefix(f"{collection.name}/")


def _objects(
    collection: Collection, manifest: Manifest, look: Callable[[Collection, SegmentReference], None]
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the names of a version's segments and snapshot, each with its check: `look` for segments."""
    for reference in (*manifest.segments, *manifest.pool, *manifest.commit_segments):
        yield reference.name, partial(look, collection, reference)
    yield manifest.snapshot, partial(collection.snapshot, manifest)


def _hash_segment(collection: Collection, reference: SegmentReference) -> None:
    """Compare all data files of a segment with their checksums. Raises `CorruptSegment`."""
    opened = Segment(collection.storage, collection.name, reference)
    for name in opened.data_files:
        opened.check_content(name)


def _find_segment(collection: Collection, reference: SegmentReference) -> None:
    """Look whether all data files of a segment exist with their sizes. Raises `CorruptSegment`."""
    Segment(collection.storage, collection.name, reference).check_presence()


def _disagreements(manifest: Manifest, snapshot: Snapshot, found: Examination) -> Iterator[str]:
    """Yield a sentence for each contradiction between the snapshot, the manifest and the intact segments."""
    indexed = {path: entry.digest for path, entry in snapshot.entries.items() if entry.reason is None}
    if len(indexed) != manifest.files or snapshot.tree().root_digest.hex() != manifest.tree:
        yield "It has other files than the manifest says."
    live: dict[str, bytes] = {}
    twice = []
    for file in (file for files in found.live.values() for file in files):
        if file.path in live:
            twice.append(file.path)
        live[file.path] = file.digest
    if twice:
        yield f"Segments hold {_counted(twice)} more than once."
    foreign = [path for path in live if path not in indexed]
    if foreign:
        yield f"It does not have {_counted(foreign)}, which segments hold."
    if other := _others(live, indexed):
        yield f"It has another digest of {_counted(other)} than the segments."
    if found.damaged_segments:  # it is unknown what these segments hold
        return
    if lost := [path for path in indexed if path not in live]:
        yield f"No segment holds {_counted(lost)}."
    if found.chunks != manifest.chunks:
        yield f"Segments hold {found.chunks} live chunks; the manifest says {manifest.chunks}."


def _others(live: Mapping[str, bytes], indexed: Mapping[str, bytes]) -> list[str]:
    """Return the paths whose digest in the segments is not the one in the snapshot."""
    return [path for path, digest in live.items() if path in indexed and indexed[path] != digest]


def _counted(paths: Iterable[str]) -> str:
    """Return in words how many files there are, with the first one as an example."""
    names = sorted(paths)
    return f"{len(names)} file{'s' if len(names) != 1 else ''}, such as {names[0]}"
