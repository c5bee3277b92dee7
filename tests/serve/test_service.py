"""The service behind all interfaces: background jobs, partial answers, budgets, pages, allowed folders."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import raycontext
from raycontext.errors import (
    InvalidInput,
    NotIndexedYet,
    PathNotAllowed,
    PathNotFound,
    RootNotFound,
    UnknownCollection,
)
from raycontext.index.work import stages
from raycontext.serve.messages import CollectionQuery, IndexQuery, RelatedQuery, SearchQuery
from raycontext.serve.reach import Reach
from raycontext.serve.service import Service

from ..conftest import CART, write_tree
from ..waiting import WAIT_SECONDS, until_async
from .service_jobs import ended_job


@pytest.fixture
async def service(root: Path) -> AsyncIterator[Service]:
    async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        service = Service(context)
        yield service
        await service.close()


@pytest.fixture
async def shop(service: Service, source: Path) -> str:
    """An indexed collection."""
    job = await service.start_index(IndexQuery(path=str(source)))
    await ended_job(service, job.collection)
    return job.collection


@pytest.fixture
def large(tmp_path: Path) -> Path:
    place = tmp_path / "large"
    write_tree(place, {f"d{number % 9}/f{number}.py": f"# {number}\n{CART}" for number in range(40)})
    return place


@pytest.fixture
def go_on(large: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Until it is set, no file of the large tree is indexed."""
    event = threading.Event()
    plain = stages.index_files

    def held(source: str, *arguments: Any) -> stages.IndexedBatch:
        assert source != str(large) or event.wait(WAIT_SECONDS)
        return plain(source, *arguments)

    monkeypatch.setattr(stages, "index_files", held)
    yield event
    event.set()


async def test_job_runs_in_the_background_and_tells_how_it_ended(service: Service, source: Path) -> None:
    job = await service.start_index(IndexQuery(path=str(source)))
    assert (job.state, job.collection, job.source) == ("running", "shop", str(source))
    ended = await ended_job(service, "shop")
    assert (ended.state, ended.percent) == ("done", 100.0)
    assert ended.report is not None and ended.report.files > 0
    assert [job.collection for job in service.jobs()] == ["shop"]


async def test_callers_that_ask_for_the_same_folder_join_one_job(
    service: Service, large: Path, go_on: threading.Event
) -> None:
    first = await service.start_index(IndexQuery(path=str(large)))
    second = await service.start_index(IndexQuery(path=f"{large}/../large"))
    assert second.collection == first.collection
    assert len(service.jobs()) == 1
    go_on.set()
    await ended_job(service, first.collection)


async def test_answers_during_a_job_are_partial_and_say_how_far_it_is(
    service: Service, shop: str, large: Path, go_on: threading.Event
) -> None:
    job = await service.start_index(IndexQuery(path=str(large)))
    answer = await service.search(SearchQuery(query="total price", collections=[shop, job.collection]))
    assert answer.partial
    assert [state.collection for state in answer.indexing] == [job.collection]
    other = await service.search(SearchQuery(query="total price", collection=shop))
    assert not other.partial
    go_on.set()
    await ended_job(service, job.collection)
    assert not (await service.search(SearchQuery(query="total price", path=str(large)))).partial


async def test_cancelled_job_says_so(service: Service, large: Path, go_on: threading.Event) -> None:
    job = await service.start_index(IndexQuery(path=str(large)))

    def indexes() -> bool:
        state = service.job(job.collection)
        return state is not None and state.progress is not None and state.progress.stage == "indexing"

    await until_async(indexes)
    cancelling = asyncio.create_task(service.cancel(CollectionQuery(collection=job.collection)))
    await asyncio.wait([cancelling], timeout=0.1)  # it may wait for the batch that is under way
    go_on.set()
    assert await cancelling == (job.collection, True)
    assert (await ended_job(service, job.collection)).state == "cancelled"


async def test_pages_follow_each_other_without_gap(service: Service, shop: str) -> None:
    whole = await service.search(SearchQuery(query="price router ledger installer", collection=shop, limit=6))
    assert len(whole.hits) > 3
    paged = []
    offset: int | None = 0
    while offset is not None and len(paged) < len(whole.hits):
        page = await service.search(
            SearchQuery(query="price router ledger installer", collection=shop, limit=2, offset=offset)
        )
        paged.extend(page.hits)
        offset = page.next_offset
    assert [(hit.path, hit.start_line) for hit in paged][: len(whole.hits)] == [
        (hit.path, hit.start_line) for hit in whole.hits
    ]


async def test_texts_stay_within_the_budget(service: Service, shop: str) -> None:
    whole = await service.search(SearchQuery(query="cart price card", collection=shop))
    assert not whole.cut
    for tokens in (1, 7, 60, 100, 200, 400, 100_000):
        short = await service.search(SearchQuery(query="cart price card", collection=shop, max_tokens=tokens))
        assert sum(len(hit.text.encode()) for hit in short.hits) <= max(4 * tokens, 1)
        assert short.hits, tokens
        assert short.cut == (short.hits != whole.hits)
        for hit, uncut in zip(short.hits, whole.hits, strict=False):
            assert (hit.path, hit.start_line) == (uncut.path, uncut.start_line)
            assert uncut.text.startswith(hit.text)
            assert hit.text_cut == (hit.text != uncut.text)
            assert hit.end_line - hit.start_line + 1 == len(hit.text.rstrip("\n").split("\n"))


async def test_related_code_is_found(service: Service, shop: str) -> None:
    answer = await service.related(RelatedQuery(path="shop/cart.py", line=20, collection=shop, limit=3))
    assert answer.hits


async def test_paths_outside_of_the_allowed_folders_are_refused(
    service: Service, shop: str, source: Path, tmp_path: Path
) -> None:
    closed = service.restricted(Reach([str(source)]))
    outside = tmp_path / "outside"
    write_tree(outside, {"secret.py": CART})
    (source / "link").symlink_to(outside)
    for path in (str(outside), f"{source}/../outside", str(source / "link"), "/etc"):
        with pytest.raises(PathNotAllowed):
            await closed.start_index(IndexQuery(path=path))
        with pytest.raises(PathNotAllowed):
            await closed.search(SearchQuery(query="x", path=path))
        with pytest.raises(PathNotAllowed):
            await closed.clear(CollectionQuery(path=path))
    assert (await closed.search(SearchQuery(query="cart", path=str(source / "shop")))).hits
    assert (await closed.search(SearchQuery(query="cart", collection=shop))).hits


async def test_bad_requests_are_told(service: Service, shop: str) -> None:
    with pytest.raises(InvalidInput, match="absolute"):
        await service.start_index(IndexQuery(path="shop"))
    with pytest.raises(RootNotFound):
        await service.start_index(IndexQuery(path="/no/such/folder"))
    with pytest.raises(UnknownCollection):
        await service.search(SearchQuery(query="x", collection="nothing"))
    with pytest.raises(UnknownCollection):
        await service.status(CollectionQuery(collection="nothing"))


async def test_forced_run_replaces_the_index_in_one_commit_and_a_cancelled_one_leaves_it(
    service: Service, large: Path, go_on: threading.Event
) -> None:
    go_on.set()
    name = (await service.start_index(IndexQuery(path=str(large)))).collection
    before = (await ended_job(service, name)).report
    assert before is not None
    go_on.clear()
    await service.start_index(IndexQuery(path=str(large), force=True))
    answer = await service.search(SearchQuery(query="shopping cart", collection=name, refresh=False))
    assert (len(answer.hits), answer.version) == (10, before.version)
    with pytest.raises(InvalidInput, match="other options"):
        await service.start_index(IndexQuery(path=str(large), num_shards=2))
    assert await service.cancel(CollectionQuery(collection=name)) == (name, True)
    go_on.set()
    assert (await ended_job(service, name)).state == "cancelled"
    assert (await service.search(SearchQuery(query="cart", collection=name, refresh=False))).version == before.version
    await service.start_index(IndexQuery(path=str(large), force=True))
    after = (await ended_job(service, name)).report
    assert after is not None
    assert (after.files, after.modified + after.added) == (before.files, before.files)
    assert after.version == before.version + 1


async def test_first_run_that_was_cancelled_is_told_with_how_far_it_came(
    service: Service, large: Path, go_on: threading.Event
) -> None:
    name = (await service.start_index(IndexQuery(path=str(large)))).collection
    await until_async(lambda: (job := service.job(name)) is not None and job.progress is not None)
    answer = await service.search(SearchQuery(query="cart", path=str(large)))
    assert (answer.hits, answer.partial, answer.version) == ([], True, 0)
    await service.cancel(CollectionQuery(collection=name))
    go_on.set()
    assert (await ended_job(service, name)).state == "cancelled"
    for asked in (SearchQuery(query="cart", path=str(large)), SearchQuery(query="cart", collection=name)):
        with pytest.raises(NotIndexedYet, match=rf"not indexed yet: its first run was cancelled .*index {large}"):
            await service.search(asked)
    told = await service.status(CollectionQuery(collection=name))
    assert told.collection is None
    assert told.job is not None


async def test_folder_means_the_collection_that_indexes_it_and_no_other(
    service: Service, shop: str, source: Path, tmp_path: Path
) -> None:
    inside, elsewhere = CollectionQuery(folder=str(source / "shop")), CollectionQuery(folder=str(tmp_path))
    assert await service.name_of(inside) == shop
    for act in (service.status, service.cancel, service.unwatch):
        with pytest.raises(UnknownCollection):
            await act(elsewhere)
    with pytest.raises(UnknownCollection):
        await service.search(SearchQuery(query="cart", folder=str(tmp_path)))


async def test_path_means_what_lies_in_it(service: Service, shop: str, source: Path) -> None:
    for place, paths in (("web", {"web/router.js"}), ("shop/cart.py", {"shop/cart.py"})):
        answer = await service.search(SearchQuery(query="cart card router", path=str(source / place)))
        assert {hit.path for hit in answer.hits} == paths
        named = await service.search(SearchQuery(query="cart card router", collection=shop, path=str(source / place)))
        assert {hit.path for hit in named.hits} == paths
    with pytest.raises(PathNotFound):
        await service.search(SearchQuery(query="cart", path=str(source / "gone")))


async def test_cleared_collection_is_gone(service: Service, shop: str, source: Path) -> None:
    assert (await service.status(CollectionQuery(path=str(source)))).collection is not None
    assert await service.clear(CollectionQuery(path=str(source))) == shop
    assert await service.collections() == []
    assert service.job(shop) is None


async def test_actors_of_idle_collections_end_and_come_back(service: Service, shop: str) -> None:
    await service.search(SearchQuery(query="cart", collection=shop))
    assert service.idle_collections(3600) == []
    assert service.idle_collections(-1) == [shop]
    await service.release(shop)
    status = await service.status(CollectionQuery(collection=shop))
    assert status.collection is not None
    assert not [actor for actor in status.collection.actors if actor.name == f"rc/{shop}/0"]
    assert (await service.search(SearchQuery(query="cart", collection=shop))).hits
