"""Collections whose embedder a server has: what is asked of it, what is not, and what happens when it fails."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import raycontext
from raycontext import EmbeddingBudgetExceeded, EmbeddingFailed
from raycontext.cli.application import application
from raycontext.models import Hit
from raycontext.sdk.connection import Connection
from raycontext.sdk.context import Context

from ..conftest import write_tree
from ..embedding_server import EmbeddingServer, Fault, embedding_server, vector_of

QUESTION = "who will charge the card?"
LIMIT = 100


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with embedding_server() as fake:
        yield fake


@pytest.fixture
def name(server: EmbeddingServer) -> str:
    return f"openai:test-model@{server.url}"


@pytest.fixture
def inline(root: Path) -> Connection:
    return raycontext.connect(root=root, runtime="inline", workers=2)


def cosine(one: str, other: str) -> float:
    first, second = np.array(vector_of(one)), np.array(vector_of(other))
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


async def found(context: Context, collection: str = "shop") -> list[Hit]:
    return list(await context.search(QUESTION, collection=collection, limit=LIMIT, refresh=False))


async def test_text_is_embedded_once_wherever_it_stands(
    connection: Connection, source: Path, server: EmbeddingServer, name: str
) -> None:
    async with connection as context:
        report = await context.index(source, embedder=name)
        texts = server.texts
        assert len(texts) == len(set(texts)) == report.embedded_texts > 0
        assert report.embedding_tokens == sum(len(text.encode()) // 4 + 1 for text in texts)
        hits = await found(context)
        assert hits[0].path == "shop/payment.py"
        for hit in hits:
            assert abs(hit.vector - cosine(QUESTION, hit.text)) < 0.02
        assert server.texts[len(texts) :] == [QUESTION]
        await found(context)  # a query is embedded once, too

        asked = len(server.texts)
        worktree = shutil.copytree(source, source.parent / "worktree")
        report = await context.index(worktree, embedder=name, fork=False)
        assert (report.embedded_texts, report.embedding_tokens) == (0, 0)
        assert report.reused_vectors > 0
        same = [hit.model_copy(update={"collection": "shop", "source": str(source)}) for hit in hits]
        assert [
            hit.model_copy(update={"collection": "shop", "source": str(source)})
            for hit in await found(context, "worktree")
        ] == same
        (worktree / "shop/payment.py").rename(worktree / "shop/money.py")
        await context.index(worktree)
        assert all("money" in text for text in server.texts[asked:])  # the path, and it with the names of the file
        assert len(server.texts) - asked == 2

        asked = len(server.texts)
        related = await context.related("shop/cart.py", 8, collection="shop")
        assert related
        assert len(server.texts) == asked


async def test_shards_and_restarts_change_no_answer_and_cost_nothing(
    root: Path, source: Path, server: EmbeddingServer, name: str
) -> None:
    async with raycontext.connect(root=root, runtime="inline") as context:
        await context.index(source, embedder=name)
        before = await found(context)
    asked = len(server.texts)
    async with raycontext.connect(root=root, runtime="inline") as context:
        report = await context.index(source, num_shards=3)
        assert (report.changed, report.embedded_texts) == (True, 0)
        assert await found(context) == before
    assert server.texts[asked:] == [QUESTION]


async def test_budget_stops_a_run_and_the_next_one_pays_for_the_rest_alone(
    inline: Connection, tmp_path: Path, server: EmbeddingServer, name: str
) -> None:
    words = ("red", "green", "blue", "cyan", "pink")
    files = {
        f"{word}{number}.py": f"def {word}_{number}():\n" + f"    {word}({number})\n" * 100
        for word in words
        for number in range(50)
    }
    write_tree(tmp_path / "many", files)
    most = sum(map(len, files.values())) // 4
    async with inline as context:
        with pytest.raises(EmbeddingBudgetExceeded, match=f"may use {most} tokens"):
            await context.index(tmp_path / "many", embedder=name, max_embedding_tokens=most)
        paid = server.texts
        assert 0 < sum(len(text.encode()) // 4 + 1 for text in paid) <= most
        report = await context.index(tmp_path / "many", embedder=name)
        assert report.files == len(files)
        assert len(set(server.texts)) == len(server.texts)
        assert report.embedded_texts == len(server.texts) - len(paid)


async def test_text_that_the_server_refuses_costs_its_own_vector_alone(
    inline: Connection, source: Path, server: EmbeddingServer, name: str
) -> None:
    server.refused = "unspeakable"
    write_tree(source, {"bad.py": "def weapon():\n    return 'unspeakable'\n", "unspeakable.md": "# Empty\n"})
    async with inline as context:
        report = await context.index(source, embedder=name)
        assert (report.without_vectors, report.skipped, report.pending_files) == (("bad.py", "unspeakable.md"), {}, ())
        assert [hit.path for hit in await context.search("weapon", collection="shop", limit=1)] == ["bad.py"]
        assert "shop/payment.py" in {hit.path for hit in await found(context)}
        assert not (await context.verify("shop", deep=True))[0].damage
        assert (await context.index(source, embedder=name)).without_vectors == ()  # nothing has changed
    server.refused = ""
    async with inline as context:
        write_tree(source, {"new.py": "def new():\n    return 1\n"})
        with pytest.raises(EmbeddingFailed, match="refused a text"):  # it refuses all: no text is to blame
            await context.index(source, embedder=name)


async def test_server_that_fails_loses_nothing(
    inline: Connection, source: Path, server: EmbeddingServer, name: str
) -> None:
    async with inline as context:
        server.faults.extend([Fault(404)] * 3)
        with pytest.raises(EmbeddingFailed, match="status 404"):
            await context.index(source, embedder=name)
        server.faults.clear()
        files = (await context.index(source, embedder=name)).files
        before = await found(context)
        server.faults.extend([Fault(401)] * 3)
        assert "refused us" in (await context.search("another question", collection="shop", refresh=False)).notes[0]
        server.faults.clear()
        assert await found(context) == before
        assert not (await context.index(source)).changed
        assert (await context.index(source, embedder="static")).added == files
        assert (await context.index(source, embedder=name)).embedded_texts == 0


async def test_estimate_asks_no_server(inline: Connection, source: Path, server: EmbeddingServer, name: str) -> None:
    async with inline as context:
        estimate = await context.estimate(source, embedder=name)
    assert not server.times
    size = sum(path.stat().st_size for path in source.rglob("*.*"))
    assert size / 2 <= estimate.embedding_tokens <= size


def test_commands(root: Path, source: Path, server: EmbeddingServer, name: str) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(application, [*arguments, "--root", str(root)])
        assert done.exit_code == 0, done.output
        return done.output

    index = ("index", str(source), "--runtime", "inline", "--embedder", name)
    assert "tokens for the embedding server" in run(*index, "--dry-run")
    assert not server.times
    assert "texts embedded for" in run(*index)
    hits = json.loads(run("search", QUESTION, str(source), "--json-hits"))
    assert hits[0]["path"] == "shop/payment.py"
