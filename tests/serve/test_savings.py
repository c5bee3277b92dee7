"""Answers over HTTP and MCP are counted beside the files that they name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

import raycontext
from raycontext.errors import UnknownCollection
from raycontext.serve.http.api import Daemon, http_application
from raycontext.serve.mcp.calls import Calls
from raycontext.serve.messages import CollectionQuery
from raycontext.serve.reach import Reach
from raycontext.serve.savings import Savings, read_sums
from raycontext.serve.service import Service


class Serving(Daemon):
    """A daemon that is ready."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def service(self) -> Service:
        return self._service


@pytest.fixture
async def service(root: Path, source: Path, tmp_path: Path) -> AsyncIterator[Service]:
    async with raycontext.connect(root=root, runtime="inline") as context:
        await context.index(source, collection="shop")
        serving = Service(context, savings=Savings(tmp_path / "state" / "sums.json"))
        yield serving
        await serving.close()


async def _silent(value: float, total: float | None, text: str | None) -> None:
    """Report no progress."""


async def test_answers_of_every_face_are_counted(service: Service, source: Path, tmp_path: Path) -> None:
    transport = httpx.ASGITransport(http_application(Serving(service)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        told = await client.post("/api/savings", json={})
        assert told.json() == {"savings": [], "counted": True}
        answered = await client.post("/api/search", json={"query": "charge card", "collection": "shop", "limit": 2})
        files = {hit["path"] for hit in answered.json()["hits"]}
        await client.post("/api/status", json={"collection": "shop"})  # names files, but answers no question
        (one,) = (await client.post("/api/savings", json={"collection": "shop"})).json()["savings"]
        assert (one["collection"], one["source"], one["answers"]) == ("shop", str(source), 1)
        assert one["answer_tokens"] == round(len(answered.text) / 3.5)
        assert one["file_tokens"] == round(sum((source / path).stat().st_size for path in files) / 3.5)
        asked = {"path": str(source), "query": "charge card", "limit": 2, "maxTokens": 2000}
        sent = await Calls(service).call("search_code", asked, _silent)
        await Calls(service).call("get_indexing_status", {"path": str(source)}, _silent)
        (two,) = (await client.post("/api/savings", json={})).json()["savings"]
        assert two["answers"] == 2
        assert two["answer_tokens"] - one["answer_tokens"] > len(sent.text) / 3.5
        assert (await client.post("/api/savings", json={"collection": "nope"})).status_code == 404
        narrow = service.restricted(Reach([str(tmp_path / "elsewhere")]))
        with pytest.raises(UnknownCollection):
            await narrow.name_of(CollectionQuery(collection="shop"))
    await service.savings.write()
    assert list(read_sums(tmp_path / "state" / "sums.json")) == [str(source)]
    await service.clear(CollectionQuery(collection="shop"))
    assert service.savings.of(str(source)) is None
