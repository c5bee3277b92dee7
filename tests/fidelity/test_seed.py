"""The parts of the plan that raycontext began with: each test is named after one and holds what it was to do.

docs/seed.md says where each part is now, and what other tests hold of it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import xxhash

import raycontext
from raycontext.actors.hybrid_search import HybridSearchActor, Shard, search_actor_name
from raycontext.actors.vector_store import vector_store_name
from raycontext.chunk.chunker import chunk_file
from raycontext.discover.merkle import MerkleTree
from raycontext.discover.scan import Scan
from raycontext.discover.snapshot import SnapshotEntry
from raycontext.errors import Fenced, RuntimeUnavailable
from raycontext.index.planning import instructions
from raycontext.index.planning.planner import ReindexPlanner
from raycontext.index.work import stages
from raycontext.models import (
    ChunkKind,
    CollectionStatus,
    FileDigest,
    FileStat,
    IndexOptions,
    IndexReport,
    SearchFilters,
    SkipReason,
)
from raycontext.models.hits import Hits
from raycontext.models.options import RunOptions
from raycontext.runtime.base import ANYWHERE
from raycontext.runtime.inline import InlineRuntime
from raycontext.sdk.connection import Connection
from raycontext.search.query import SearchRequest
from raycontext.search.ranking.proposals import MINIMUM_SIMILARITY
from raycontext.store.changes import Change, TreeChanges
from raycontext.store.collection import Location
from raycontext.store.segments.segment import Segment
from raycontext.store.vector_store import VectorStore

from ..conftest import CART, settle, write_tree
from ..waiting import WAIT_SECONDS

LIMIT_BYTES = 1 << 22


def contents(source: Path) -> dict[str, bytes]:
    return {path.relative_to(source).as_posix(): path.read_bytes() for path in source.rglob("*") if path.is_file()}


@pytest.fixture
def location(root: Path, source: Path) -> Location:
    """Of the indexed source."""
    settle(source)
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        return Location(str(root), context.index(source).collection)


@pytest.fixture
def inline(root: Path) -> Connection:
    return raycontext.connect(root=root, runtime="inline", workers=2)


def skipping(txn: str, path: str) -> Change:
    """A change that records nothing but a file that cannot be indexed."""
    entry = SnapshotEntry(1, 1, 1, b"", SkipReason.BINARY)
    return Change(txn, (), {path: entry}, {}, frozenset(), frozenset(), 10**18, IndexOptions())


def test_lock_file(location: Location) -> None:
    """Of two writers the later one owns the collection; the former is told, and nothing of its change counts."""
    first, second = VectorStore(location.open()), VectorStore(location.open())
    for number, store in enumerate((first, second)):
        store.begin(RunOptions())
        store.commit(skipping(f"txn{number}", f"file{number}"))
    with pytest.raises(Fenced):
        first.commit(skipping("late", "file2"))
    manifest = location.open().latest()
    assert manifest is not None
    assert manifest.txn == "txn1"
    assert set(location.open().snapshot(manifest).skipped()) == {"file0", "file1"}
    assert not [path for path in Path(location.root).rglob("*") if "lock" in path.name]


async def test_get_indexing_status_with_memory(connection: Connection, source: Path) -> None:
    """Progress and the memory of each actor, awaited; the memory is that of its process."""
    async with connection as context:
        name = (await context.index(source)).collection
        await context.search("cart", collection=name, refresh=False)
        progress = await context.progress(name)
        status = await context.status(name)
    assert progress is not None
    assert (progress.stage, progress.files_indexed) == ("done", 5)
    assert len(status.actors) == 3
    for actor in status.actors:
        assert actor.rss_bytes > 10_000_000
        if psutil.pid_exists(actor.pid):
            assert abs(psutil.Process(actor.pid).memory_info().rss - actor.rss_bytes) < 0.2 * actor.rss_bytes


def test_snapshot(location: Location, source: Path) -> None:
    """Each version names the files that it was made of, with size, time and digest."""
    manifest = location.open().latest()
    assert manifest is not None
    entries = location.open().snapshot(manifest).entries
    assert {path: entry.digest for path, entry in entries.items()} == {
        path: xxhash.xxh3_128_digest(content) for path, content in contents(source).items()
    }
    for path, entry in entries.items():
        found = (source / path).stat()
        assert (entry.size, entry.mtime_ns, entry.inode) == (found.st_size, found.st_mtime_ns, found.st_ino)


def test_merkle_tree_from_directory(location: Location, source: Path) -> None:
    """The root digest of the version is that of the tree on disk; an unchanged tree is not read again."""
    manifest = location.open().latest()
    assert manifest is not None
    digests = {path: xxhash.xxh3_128_digest(content) for path, content in contents(source).items()}
    assert manifest.tree == MerkleTree.from_digests(digests).root_digest.hex()
    assert stages.scan_tree(str(source), location, manifest.version, manifest.options).to_hash == []


def test_chunk_code() -> None:
    """Definitions become chunks with kind, name, scope and lines."""
    chunks = chunk_file(CART.encode(), "python", 200).chunks
    assert [(chunk.kind, chunk.symbol.split()[0], chunk.scope) for chunk in chunks if chunk.symbol] == [
        (ChunkKind.CLASS, "ShoppingCart", ""),
        *((ChunkKind.METHOD, name, "ShoppingCart") for name in ("__init__", "add_article", "total_price", "check_out")),
    ]
    lines = CART.encode().splitlines(keepends=True)
    for chunk in chunks:
        text = CART.encode()[chunk.start_byte : chunk.end_byte]
        assert text == b"".join(lines[chunk.start_line - 1 : chunk.end_line]).removesuffix(b"\n")


def test_process_file(location: Location, source: Path) -> None:
    """One step reads, chunks, analyses, embeds and writes; a file that cannot be read is told with its reason."""
    write_tree(source, {"image.png": b"\x89PNG\0"})
    files = [FileStat(path, len(content), 1, 1) for path, content in contents(source).items()]
    batch = stages.index_files(str(source), location, files, IndexOptions())
    assert batch.segment is not None
    assert batch.segment.files == len(files) - 1
    assert batch.entries["image.png"].reason is SkipReason.BINARY
    segment = Segment(location.open().storage, location.collection, batch.segment)
    assert segment.vectors[0].shape[0] == batch.segment.rows == len(segment.postings("body").lengths)


def test_filesystem_vector_store(location: Location) -> None:
    """What one process wrote another one maps: the bytes on disk are the state."""
    manifest = location.open().latest()
    assert manifest is not None
    for reference in manifest.segments:
        folder = Path(location.root, location.collection, "segments", reference.name)
        assert sum(path.stat().st_size for path in folder.iterdir()) == reference.bytes
        opened = Segment(location.open().storage, location.collection, reference)
        for name in opened.data_files:
            opened.check_content(name)


def mapped(folder: str) -> set[str]:
    """Files below a folder that this process has mapped."""
    return {area.path for area in psutil.Process().memory_maps() if area.path.startswith(f"{folder}/")}


@pytest.mark.parametrize("others", [0, 2], ids=["one shard", "several shards"])
async def test_hybrid_search_actor_takes_index_search_and_clear_as_messages(
    location: Location, root: Path, source: Path, others: int
) -> None:
    """In one queue, one at a time: Index opens a version, Clear lets go of all files, Search opens them anew.

    An actor of its own is the default; beyond a node's budget one that owns several shards takes the same messages.
    """
    handled: list[str] = []
    under_way: list[int] = []

    class Observed(HybridSearchActor):
        """Notes the messages in their order, and what is mapped after each."""

        def refresh(self, shard: Shard, version: int | None = None) -> int:
            with self._noted("refresh"):
                return super().refresh(shard, version)

        def search(self, shard: Shard, request: SearchRequest, limit: int, min_score: float) -> Hits:
            with self._noted("search"):
                return super().search(shard, request, limit, min_score)

        def clear(self, shard: Shard) -> None:
            with self._noted("clear"):
                super().clear(shard)

        @contextmanager
        def _noted(self, message: str) -> Iterator[None]:
            if under_way == [threading.get_ident()]:  # a step of the message that is under way
                yield
                return
            assert not under_way  # messages are taken one at a time
            under_way.append(threading.get_ident())
            yield
            under_way.clear()
            handled.append(message)
            files.append(mapped(str(root)))

    files: list[set[str]] = []
    runtime = InlineRuntime(1)
    shard = Shard(location, 0)
    if others:
        actor = await runtime.actor("rc-shards/0", ANYWHERE, Observed, "rc-shards/0")
        with pytest.raises(RuntimeUnavailable, match="does not own the shard"):
            await actor.call(HybridSearchActor.shape, shard)
        for number in range(others + 1):
            assert await actor.call(HybridSearchActor.own, Shard(location, number))
        assert len(await actor.call(HybridSearchActor.owned)) == others + 1
    else:
        name = search_actor_name(location.collection, 0)
        actor = await runtime.actor(name, ANYWHERE, Observed, name, shard)
    request = SearchRequest("charge a credit card", SearchFilters(), 60, 10)
    version, before, _, after = await asyncio.gather(
        actor.call(HybridSearchActor.refresh, shard),
        actor.call(HybridSearchActor.search, shard, request, 3, 0.0),
        actor.call(HybridSearchActor.clear, shard),
        actor.call(HybridSearchActor.search, shard, request, 3, 0.0),
    )
    manifest = location.open().latest()
    assert manifest is not None
    assert version == manifest.version
    assert handled == ["refresh", "search", "clear", "search"]
    opened, searched, cleared, searched_again = files
    assert opened
    assert opened <= searched
    assert cleared == set()
    assert searched_again
    assert before == after
    assert before[0].path == "shop/payment.py"

    write_tree(source, {"shop/voucher.py": "def redeem_voucher(voucher):\n    voucher.used = True\n"})
    async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        newer = (await context.index(source)).version
    assert await actor.call(HybridSearchActor.refresh, shard, newer) == newer == version + 1
    request = SearchRequest("redeem voucher", SearchFilters(), 60, 10)
    found = await actor.call(HybridSearchActor.search, shard, request, 1, 0.0)
    assert [hit.path for hit in found] == ["shop/voucher.py"]
    await runtime.close()


@pytest.mark.parametrize(("query", "path"), [("monetary funds", "shop/payment.py"), ("middleware", "web/router.js")])
async def test_search_similar(inline: Connection, source: Path, query: str, path: str) -> None:
    """A search goes by the query's vector: it finds code that is near in meaning and shares no word with the query."""
    async with inline as context:
        name = (await context.index(source)).collection
        hits = await context.search(query, collection=name)
        others = await context.search("card route ledger installer cart", collection=name)
    assert hits[0].path == path
    assert hits[0].lexical == 0.0
    assert hits[0].vector >= MINIMUM_SIMILARITY
    assert len({hit.path for hit in others}) == 5  # none of which is near enough
    assert {hit.path for hit in hits} == {path}


async def test_job_queue(root: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs of one collection run one after the other, each on what the last one committed; others beside them."""
    write_tree(tmp_path / "other", {"cart.py": CART})
    other_done, begun = threading.Event(), threading.Event()
    steps: list[tuple[str, str]] = []
    scan_tree, index_files = stages.scan_tree, stages.index_files

    def scanned(place: str, *arguments: Any) -> Scan:
        steps.append(("scan", Path(place).name))
        if place == str(source):
            begun.set()
        return scan_tree(place, *arguments)

    def held(place: str, *arguments: Any) -> stages.IndexedBatch:
        """Index the files of the first collection only when the other one is done, which must run beside it."""
        assert place != str(source) or other_done.wait(WAIT_SECONDS)
        batch = index_files(place, *arguments)
        steps.append(("indexed", Path(place).name))
        return batch

    monkeypatch.setattr(stages, "scan_tree", scanned)
    monkeypatch.setattr(stages, "index_files", held)

    async def index_other() -> IndexReport:
        report = await context.index(tmp_path / "other")
        other_done.set()
        return report

    async def index_again() -> IndexReport:
        assert await asyncio.to_thread(begun.wait, WAIT_SECONDS)  # a run that has begun is not shared
        return await context.index(source)

    async with raycontext.connect(root=root, runtime="inline", workers=4) as context:
        first, second, other = await asyncio.gather(context.index(source), index_again(), index_other())
    assert [step for step, name in steps if name == source.name] == ["scan", "indexed", "scan"]
    assert (first.version, second.version) == (1, 1)
    assert ({first.changed, second.changed}, other.changed) == ({True, False}, True)


async def test_batching_of_index_messages(inline: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of small files are a few tasks, a few commits, and a few messages to each actor, not one a file."""
    count = 2000
    place = tmp_path / "many"
    body = "".join(f"# line {line} of a small file\n" for line in range(40))
    batches: list[list[str]] = []
    plain = stages.index_files

    def noted(source: str, location: Location, files: Sequence[FileStat], *arguments: Any) -> stages.IndexedBatch:
        batches.append([file.path for file in files])
        return plain(source, location, files, *arguments)

    monkeypatch.setattr(stages, "index_files", noted)
    write_tree(place, {"first.py": CART})

    def calls_of(status: CollectionStatus) -> dict[str, int]:
        return {actor.name: actor.calls for actor in status.actors}

    async with inline as context:
        name = (await context.index(place)).collection
        await context.search("cart", collection=name, refresh=False)  # from now on the search actor runs
        before, earlier = calls_of(await context.status(name)), len(batches)
        write_tree(place, {f"d{number % 20}/f{number}.py": f"{body}value_{number} = 1\n" for number in range(count)})
        report = await context.index(place)
        after = calls_of(await context.status(name))
    assert report.files == count + 1
    indexed = [path for batch in batches[earlier:] for path in batch]
    assert sorted(indexed) == sorted(f"d{number % 20}/f{number}.py" for number in range(count))
    assert 2 <= len(batches) - earlier <= 10
    assert report.version <= 4
    for actor in (vector_store_name(name), search_actor_name(name, 0)):
        assert 1 <= after[actor] - before[actor] <= 20, actor


def test_batches_of_ten_thousand_files() -> None:
    """The planner makes some batches of them, for hashing and for indexing."""
    files = [FileStat(f"f{number:05}.py", 1000, 1, number + 1) for number in range(10_000)]
    planner = ReindexPlanner(IndexOptions(), owed=True, replace=False, parallelism=2, new_txn=lambda: "t")
    planner.start()
    hashing = planner.handle(instructions.Scanned(Scan(1, len(files), files, {}, [], [], ())))
    assert len(hashing) == 5
    todo: list[instructions.Instruction] = []
    for instruction in hashing:
        assert isinstance(instruction, instructions.HashFiles)
        digests = [FileDigest(file.path, file.path.encode().ljust(16)[:16], None) for file in instruction.files]
        todo += planner.handle(instructions.Hashed(instruction, digests))
    (compare,) = todo
    assert isinstance(compare, instructions.CompareTrees)
    paths = [file.path for file in files]
    batches = planner.handle(instructions.Compared(TreeChanges(paths, [], [], {}, [], {})))
    assert 5 <= len(batches) <= 20
    indexed = [file.path for batch in batches if isinstance(batch, instructions.IndexFiles) for file in batch.files]
    assert sorted(indexed) == paths


async def test_several_actors_where_one_is_too_slow(connection: Connection, source: Path) -> None:
    """A collection of several shards has an actor for each; together they answer as one."""
    async with connection as context:
        for shards in (1, 3):
            await context.index(source, collection=f"by{shards}", num_shards=shards)
        one, three = [await context.search("credit card", collection=f"by{shards}") for shards in (1, 3)]
        status = await context.status("by3")
    assert [(hit.path, hit.score) for hit in one] == [(hit.path, hit.score) for hit in three]
    names = {search_actor_name("by3", shard) for shard in range(3)}
    assert names <= {actor.name for actor in status.actors}
    assert (three.shards_answered, three.shards_total) == (3, 3)
