"""A root that others made must not choose which server gets queries, source and keys, nor which model is loaded."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

import raycontext
from raycontext import EmbedderNotAllowed
from raycontext.embed.names import server_embedder
from raycontext.embed.permission import is_permitted, permit
from raycontext.models.hits import Hits
from raycontext.sdk.connection import Connection
from raycontext.serve.http.api import http_application
from raycontext.serve.service import Service

from ..embedding_server import EmbeddingServer, Fault, embedding_server
from ..serve.http_server import OpenDaemon
from ..unit.embed.model_folders import vectors, write_model2vec

QUESTION = "total price"
KEY = "secret-key"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddingServer]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with embedding_server() as fake:
        yield fake


@pytest.fixture
def other_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Become another user, as far as what this user has chosen counts."""
    return lambda name: monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / name))


def inline(root: Path) -> Connection:
    return raycontext.connect(root=root, runtime="inline", workers=1)


def index(root: Path, source: Path, embedder: str | None = None, num_shards: int | None = None) -> None:
    with inline(root) as context:
        context.index(source, embedder=embedder, num_shards=num_shards)


def asked(root: Path) -> Hits:
    with inline(root) as context:
        return context.search(QUESTION, collection="shop", refresh=False)


@pytest.mark.parametrize("num_shards", [1, 3])
def test_server_that_only_a_root_names_is_never_asked(
    root: Path, source: Path, server: EmbeddingServer, other_user: Callable[[str], None], num_shards: int
) -> None:
    name = f"openai:any@{server.url}"
    other_user("attacker")
    index(root, source, name, num_shards)
    before = len(server.times)
    other_user("victim")
    hits = asked(root)
    assert hits
    assert all(hit.vector == 0.0 for hit in hits)
    (note,) = hits.notes
    assert "RAYCONTEXT_EMBEDDERS" in note and name in note
    with inline(root) as context:
        assert context.related("shop/cart.py", 8, collection="shop")
        with pytest.raises(EmbedderNotAllowed, match="RAYCONTEXT_EMBEDDERS"):
            context.index(source)
        with pytest.raises(EmbedderNotAllowed):
            context.estimate(source)
    assert len(server.times) == before
    assert all(authorization == "" for _, _, authorization in server.requests)

    index(root, source, name, num_shards)  # the user says so
    hits = asked(root)
    assert any(hit.vector != 0.0 for hit in hits)
    assert not hits.notes


def test_model_that_only_a_root_names_is_not_loaded(
    root: Path, source: Path, tmp_path: Path, other_user: Callable[[str], None]
) -> None:
    folder = write_model2vec(tmp_path / "model", vectors(20))
    name = f"model2vec:{folder}"
    other_user("attacker")
    index(root, source, name)
    other_user("victim")
    shutil.rmtree(folder)  # whoever opens it fails
    hits = asked(root)
    assert hits
    assert "RAYCONTEXT_EMBEDDERS" in hits.notes[0]


def test_setting_names_an_embedder_as_an_argument_does(
    root: Path,
    source: Path,
    server: EmbeddingServer,
    other_user: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = f"openai:any@{server.url}"
    other_user("attacker")
    index(root, source, name)
    other_user("victim")
    monkeypatch.setenv("RAYCONTEXT_EMBEDDER", name)
    assert not asked(root).notes


@pytest.mark.parametrize(
    ("listed", "allowed"),
    [
        ("openai:m@http://gpu:8000/v1", True),
        ("openai:m@http://gpu:8000/v1/", True),
        ("static, http://gpu:8000/", True),
        ("http://gpu:8000/v1", True),
        ("http://GPU:8000", True),
        ("http://gpu:8000/v", False),
        ("http://gpu:80", False),
        ("http://gp", False),
        ("https://gpu:8000", False),
        ("openai:other@http://gpu:8000/v1", False),
        ("/models", False),
        ("nonsense", False),
    ],
)
def test_setting_of_a_node_decides(listed: str, allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "openai:m@http://gpu:8000/v1"
    permit(name)
    assert is_permitted(name)
    monkeypatch.setenv("RAYCONTEXT_EMBEDDERS", listed)
    assert is_permitted(name) is allowed
    assert is_permitted("static")


@pytest.mark.parametrize(
    ("folder", "allowed"), [("/models/a", True), ("/models", False), ("/models/../etc/a", False), ("/modelsx/a", False)]
)
def test_setting_may_list_a_folder_of_models(folder: str, allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYCONTEXT_EMBEDDERS", "/models/a,onnx:/other")
    assert is_permitted(f"onnx:{folder}") is allowed
    assert is_permitted("onnx:/other")
    assert not is_permitted("model2vec:/other")


@pytest.mark.parametrize(
    ("name", "address", "sent"),
    [
        ("openai:m", "", True),
        ("openai:m@https://api.openai.com/v1", "", True),
        ("openai:m@https://api.openai.com:443/other", "", True),
        ("openai:m@http://api.openai.com/v1", "", False),
        ("openai:m@https://gpu.example/v1", "", False),
        ("openai:m@https://api.openai.com.example/v1", "", False),
        ("openai:m@https://gpu.example/v1", "https://gpu.example/v1", True),
        ("openai:m@https://gpu.example:8443/v1", "https://gpu.example/v1", False),
        ("openai:m@http://gpu.example/v1", "http://gpu.example/v1", False),
        ("openai:m@http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1", True),
        ("openai:m@http://127.0.0.1:8000/v1", "http://127.0.0.1:9000/v1", False),
        ("openai:m@http://127.0.0.1.example:8000/v1", "http://127.0.0.1:8000/v1", False),
        ("openai:m", "https://gpu.example/v1", False),
        ("voyage:m", "", True),
        ("voyage:m@https://gpu.example", "", False),
    ],
)
def test_key_goes_only_where_it_belongs_and_never_in_the_clear(name: str, address: str, sent: bool) -> None:
    assert server_embedder(name).may_have_key(address) is sent


@pytest.mark.parametrize(("address", "sent"), [("", ""), ("own", f"Bearer {KEY}"), ("other", "")])
def test_requests_carry_the_key_only_to_its_server(
    root: Path, source: Path, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch, address: str, sent: str
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", {"own": server.url, "other": "https://gpu.example/v1"}.get(address, ""))
    index(root, source, f"openai:any@{server.url}")
    assert {authorization for _, _, authorization in server.requests} == {sent}


@pytest.mark.parametrize("path", ["/api/index", "/api/watch"])
async def test_caller_over_tcp_names_only_embedders_that_the_operator_lists(
    root: Path, source: Path, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    name = f"openai:any@{server.url}"
    permit(name)  # the user uses it, which is no reason to let others use it
    async with raycontext.connect(root=root, runtime="inline") as context:
        service = Service(context, [str(source)])
        transport = httpx.ASGITransport(app=http_application(OpenDaemon(service)))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            answer = await client.post(path, json={"path": str(source), "embedder": name})
            assert answer.status_code == 403
            assert answer.json()["error"] == "EmbedderNotAllowed"
            assert await context.collections() == []
            monkeypatch.setenv("RAYCONTEXT_EMBEDDERS", server.url)
            answer = await client.post(path, json={"path": str(source), "embedder": name})
            assert answer.status_code == 200
        await service.close()


async def test_server_that_is_down_leaves_the_words(root: Path, source: Path, server: EmbeddingServer) -> None:
    async with raycontext.connect(root=root, runtime="inline") as context:
        await context.index(source, embedder=f"openai:any@{server.url}")
        server.faults.extend([Fault(hangs=True)] * 20)
        hits = await context.search(QUESTION, collection="shop", refresh=False)
        assert hits
        assert all(hit.vector == 0.0 for hit in hits)
        assert "searched by words alone" in hits.notes[0]
        server.faults.clear()
        server.ended.set()
        assert not (await context.search(QUESTION, collection="shop", refresh=False)).notes
