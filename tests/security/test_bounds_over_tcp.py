"""A caller over TCP reaches nothing outside of `RAYCONTEXT_ALLOWED`, nor of the collections of its token, by whatever
name it asks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from starlette.routing import Route

import raycontext
from raycontext.sdk.context import Context
from raycontext.serve.http.api import http_application
from raycontext.serve.http.calls import CALLS
from raycontext.serve.mcp.arguments import checked_arguments
from raycontext.serve.mcp.calls import Calls
from raycontext.serve.messages import CollectionQuery, IndexQuery, WatchQuery
from raycontext.serve.reach import Reach
from raycontext.serve.service import Service

from ..conftest import write_tree
from ..serve.http_server import OpenDaemon
from ..serve.service_jobs import ended_job

HIDDEN = "vault"
TEXT = "violet-17"


class Place(NamedTuple):
    """Two indexed and watched folders, of which a caller over TCP may reach one."""

    whole: Service
    bounded: Service
    http: httpx.AsyncClient
    context: Context
    public: Path
    hidden: Path
    is_bounded_by_folders: bool


@pytest.fixture(params=["folders", "collections"])
async def place(tmp_path: Path, root: Path, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    public, hidden = tmp_path / "open/shop", tmp_path / "closed" / HIDDEN
    write_tree(public, {"cart.py": "def total_price():\n    return 1\n"})
    write_tree(hidden, {"launch.py": f"def total_price():\n    return '{TEXT}'\n"})
    async with raycontext.connect(root=root, runtime="inline", workers=1) as context:
        whole = Service(context)
        for folder in (public, hidden):
            job = await whole.start_index(IndexQuery(path=str(folder)))
            await ended_job(whole, job.collection)
            await whole.watch(WatchQuery(path=str(folder)))
        reach = Reach([str(public.parent)]) if request.param == "folders" else Reach(collections=["sho*"])
        bounded = whole.restricted(reach)
        transport = httpx.ASGITransport(app=http_application(OpenDaemon(bounded)))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            yield Place(whole, bounded, client, context, public, hidden, request.param == "folders")
        await whole.close()


def ways(place: Place) -> dict[str, list[dict[str, Any]]]:
    """Bodies that name the hidden collection, or all there are, for each call of the API that takes a body."""
    by_name: dict[str, Any] = {"collection": HIDDEN}
    by_path: dict[str, Any] = {"path": str(place.hidden)}
    by_folder: dict[str, Any] = {"folder": str(place.hidden)}
    named = [by_name, by_path, by_folder]
    question = {"query": "total price"}
    at = {"target": f"{place.hidden}/launch.py:1"}
    relations = [*({"target": "total_price", **body} for body in named), at]
    relations += [{**at, **by_name}, {**at, "collection": "shop"}]
    return {
        **{f"/api/{name}": relations for name in ("usages", "callers", "callees", "impact")},
        "/api/path": [
            {"start": body["target"], "goal": "total_price", **{key: body[key] for key in body if key != "target"}}
            for body in relations
        ],
        "/api/grep": [
            *({"pattern": "total", **body} for body in named),
            {"pattern": "total", "path": str(place.hidden), "collection": "shop"},
        ],
        "/api/outline": [
            {"path": ".", **by_name},
            {"path": str(place.hidden), **by_name},
            {"path": str(place.hidden / "launch.py")},
            {"path": str(place.hidden), "collection": "shop"},
        ],
        "/api/map": [
            {"path": ".", **by_name},
            {"path": str(place.hidden), **by_name},
            {"path": str(place.hidden / "launch.py")},
            {"path": str(place.hidden), "collection": "shop"},
        ],
        "/api/diff": [{"before": "HEAD~1", "after": "HEAD", **question, **body} for body in named],
        "/api/search": [
            *({**question, **body} for body in named),
            {**question, "collection": HIDDEN, "path": str(place.public)},
            {**question, "collection": HIDDEN, "folder": str(place.public)},
            {**question, "collections": [HIDDEN]},
            {**question, "collections": ["shop", HIDDEN]},
        ],
        "/api/related": [
            {"path": "launch.py", "line": 1, **by_name},
            {"path": str(place.hidden / "launch.py"), "line": 1, **by_name},
            {"path": str(place.hidden / "launch.py"), "line": 1},
        ],
        "/api/index": [by_path, {**by_path, **by_name}, {"path": str(place.public), **by_name}],
        "/api/watch": [by_path, {**by_path, **by_name}, {"path": str(place.public), **by_name}],
        "/api/status": named,
        "/api/cancel": named,
        "/api/unwatch": named,
        "/api/clear": named,
        "/api/savings": [by_name],
    }


async def test_no_call_reaches_what_lies_outside_nor_tells_of_it(place: Place) -> None:
    asked = ways(place)
    assert set(asked) == {call.path for call in CALLS if call.asks is not None}
    before = sorted(summary.name for summary in await place.context.collections())
    for path, bodies in asked.items():
        for body in bodies:
            answer = await place.http.post(path, json=body)
            assert answer.status_code in (400, 403, 404), (path, body, answer.text)
            told = answer.text.replace(json.dumps(body["path"])[1:-1], "") if "path" in body else answer.text
            told = told.replace(body.get("folder", "\0"), "").replace(f"{place.hidden}/launch.py", "")
            assert TEXT not in told
            assert str(place.hidden) not in told, (path, body, told)
            assert f"{HIDDEN}," not in told and f", {HIDDEN}" not in told, (path, body, told)
    assert sorted(summary.name for summary in await place.context.collections()) == before
    assert {state.collection for state in place.whole.watches()} == {HIDDEN, "shop"}


async def test_unknown_names_are_answered_without_the_names_of_others(place: Place) -> None:
    for body in ({"collection": "nothing"}, {"path": str(place.public.parent)}):
        answer = await place.http.post("/api/status", json=body)
        assert answer.status_code == 404
        assert "shop" in answer.text
        assert HIDDEN not in answer.text


async def test_all_collections_are_those_that_may_be_reached(place: Place) -> None:
    answer = (await place.http.post("/api/search", json={"query": "total price", "collections": ["*"]})).json()
    assert {hit["collection"] for hit in answer["hits"]} == {"shop"}
    answer = (await place.http.post("/api/search", json={"query": "total price"})).json()
    assert {hit["collection"] for hit in answer["hits"]} == {"shop"}, "it is the only one for this caller"
    assert (await place.http.post("/api/status", json={})).json()["collection"]["name"] == "shop"
    assert (await place.bounded.cancel(CollectionQuery()))[0] == "shop"


async def test_lists_and_events_tell_of_nothing_outside(place: Place) -> None:
    lists = [call.path for call in CALLS if call.asks is None]
    assert set(lists) == {"/api/jobs", "/api/collections", "/api/watches"}
    for path in lists:
        answer = await place.http.get(path)
        assert "shop" in answer.text
        assert HIDDEN not in answer.text, path
    assert (await place.http.get("/api/progress/shop")).status_code == 200
    assert (await place.http.get(f"/api/progress/{HIDDEN}")).status_code == 404


async def test_every_route_is_one_that_these_tests_know(place: Place) -> None:
    application = http_application(OpenDaemon(place.bounded))
    routes = {route.path for route in application.routes if isinstance(route, Route)}
    page = {"/", "/app.js", "/highlight.js", "/style.css"}
    others = {"/api/health", "/api/progress/{collection}", "/openapi.json", *page}
    assert routes == {call.path for call in CALLS} | others


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("search_code", {"query": "total price"}),
        ("find_related", {"line": 1}),
        ("find_usages", {"symbol": "total"}),
        ("outline", {}),
        ("grep_code", {"pattern": "total"}),
        ("outline", {"map": True}),
        ("index_codebase", {}),
        ("get_indexing_status", {}),
        ("clear_index", {}),
    ],
)
async def test_mcp_reaches_nothing_outside(place: Place, tool: str, arguments: dict[str, Any]) -> None:
    async def report(*_: object) -> None:
        pass

    calls = Calls(place.bounded)
    asked = checked_arguments(tool, {"path": str(place.hidden), **arguments})
    if place.is_bounded_by_folders:
        with pytest.raises(raycontext.PathNotAllowed):
            await calls.call(tool, asked, report)
    else:
        try:
            answer: object = await calls.call(tool, asked, report)
        except raycontext.RaycontextError as error:
            answer = error
        told = str(answer)
        assert TEXT not in told
        assert any(text in told for text in ("not indexed", "in no indexed folder", "some collections only")), told
    assert sorted(summary.name for summary in await place.context.collections()) == ["shop", HIDDEN]


async def test_collection_whose_source_holds_the_allowed_folder_is_outside(place: Place, tmp_path: Path) -> None:
    job = await place.whole.start_index(IndexQuery(path=str(tmp_path), collection="above"))
    await ended_job(place.whole, job.collection)
    for body in ({"collection": "above"}, {"collections": ["above"]}):
        answer = await place.http.post("/api/search", json={"query": "total price", **body})
        assert answer.status_code == 404
    link = place.public / "way-out"
    link.symlink_to(place.hidden)
    answer = await place.http.post("/api/search", json={"query": "total price", "path": str(link)})
    assert answer.status_code == (403 if place.is_bounded_by_folders else 404)
    inside = await place.http.post("/api/search", json={"query": "total price", "path": str(place.public)})
    assert {hit["collection"] for hit in inside.json()["hits"]} == {"shop"}
