"""Collections that are built with a model of the user's own, from a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import raycontext
from raycontext import InvalidInput
from raycontext.actors.embedder import EmbedderActor, embedder_name
from raycontext.cli.application import application
from raycontext.embed.registry import embedder_for, opened_embedder
from raycontext.models import Hit
from raycontext.sdk.connection import Connection

from ..unit.embed.model_folders import vectors, write_model2vec, write_onnx

DIMENSION = 12  # not a multiple of 8
QUESTION = "who will charge the card?"
LIMIT = 100


@pytest.fixture
def inline(root: Path) -> Connection:
    return raycontext.connect(root=root, runtime="inline", workers=2)


@pytest.fixture
def model(tmp_path: Path) -> str:
    return f"onnx:{write_onnx(tmp_path / 'model', vectors(DIMENSION), special=True)}"


def replace_model(name: str, dimension: int = DIMENSION) -> None:
    write_onnx(Path(name.partition(":")[2]), vectors(dimension, seed=1), special=True)


def assert_vectors_are_of(name: str, question: str, hits: list[Hit]) -> None:
    embedder = embedder_for(name)
    query = embedder.embed_query(question)
    for hit in hits:
        expected = float(embedder.embed_query(hit.text) @ query)  # the model has no prompts: all texts are alike
        assert abs(hit.vector - expected) < 0.02
    assert len({round(hit.vector, 3) for hit in hits}) > 1


async def test_search_embeds_with_what_the_collection_was_built_with(
    connection: Connection, source: Path, model: str
) -> None:
    async with connection as context:
        await context.index(source, collection="plain")
        before = await context.search(QUESTION, collection="plain", limit=LIMIT)
        await context.clear("plain")
        shutil.copytree(source, source.parent / "other")
        await context.index(source, embedder=model)
        await context.index(source.parent / "other", embedder="static")
        hits = await context.search(QUESTION, collection="shop", limit=LIMIT)
        assert hits[0].path == "shop/payment.py"
        assert_vectors_are_of(model, QUESTION, hits)
        assert (await context.status("shop")).embedder == embedder_for(model).fingerprint
        beside = await context.search(QUESTION, collection="other", limit=LIMIT)
        assert [hit.model_copy(update={"collection": "plain", "source": str(source)}) for hit in beside] == before
        assert (await context.status("other")).embedder == embedder_for("static").fingerprint
        assert not (await context.index(source)).changed  # None keeps the embedder
        (source / "shop/cart.py").write_text("def charge(card):\n    pass\n")
        assert (await context.index(source)).modified == 1
        hits = await context.search(QUESTION, collection="shop", limit=LIMIT)
        assert "shop/cart.py" in {hit.path for hit in hits}
        assert_vectors_are_of(model, QUESTION, hits)


async def test_pool_of_actors_embeds_as_index_tasks_do_and_ends_with_the_run(
    connection: Connection, source: Path, model: str, monkeypatch: pytest.MonkeyPatch, root: Path, runtime: str
) -> None:
    async with connection as context:
        await context.index(source, collection="tasks", embedder=model)
        by_tasks = await context.search(QUESTION, collection="tasks", limit=LIMIT)
        monkeypatch.setenv("RAYCONTEXT_EMBEDDER_ACTORS", "2")
        other = shutil.copytree(source, source.parent / "other")
        async with raycontext.connect(root=root, runtime=runtime) as pooled:
            report = await pooled.index(other, collection="pool", embedder=model, fork=False)
            assert report.embedded_texts > 0
            hits = await pooled.search(QUESTION, collection="pool", limit=LIMIT)
            same = [hit.model_copy(update={"collection": "tasks", "source": str(source)}) for hit in hits]
            assert same == by_tasks
            assert await pooled._runtime.find(embedder_name(model), EmbedderActor) is None
            third = shutil.copytree(source, source.parent / "third")
            report = await pooled.index(third, embedder=model, fork=False)
            assert (report.embedded_texts, report.reused_vectors > 0) == (0, True)


async def test_number_of_shards_changes_no_answer(inline: Connection, source: Path, model: str) -> None:
    async with inline as context:
        await context.index(source, embedder=model)
        before = await context.search(QUESTION, collection="shop", limit=LIMIT)
        await context.index(source, num_shards=3)
        assert (await context.status("shop")).embedder == embedder_for(model).fingerprint
        assert await context.search(QUESTION, collection="shop", limit=LIMIT) == before


async def test_other_embedder_rebuilds(inline: Connection, source: Path, model: str, tmp_path: Path) -> None:
    other = f"model2vec:{write_model2vec(tmp_path / 'static', vectors(20))}"
    async with inline as context:
        files = (await context.index(source)).files
        for name in (model, other, "static", model):
            report = await context.index(source, embedder=name)
            assert (report.changed, report.added) == (True, files)
            assert (await context.status("shop")).embedder == embedder_for(name).fingerprint
            hits = await context.search(QUESTION, collection="shop", limit=LIMIT)
            if name != "static":
                assert_vectors_are_of(name, QUESTION, hits)
            assert not (await context.index(source, embedder=name)).changed


@pytest.mark.parametrize("dimension", [DIMENSION, DIMENSION + 4])
async def test_collection_of_a_changed_model_is_searched_by_words_until_it_is_rebuilt(
    inline: Connection, source: Path, model: str, dimension: int
) -> None:
    async with inline as context:
        files = (await context.index(source, embedder=model)).files
        assert await context.search(QUESTION, collection="shop")
        indexed = embedder_for(model).fingerprint
        replace_model(model, dimension)
        current = embedder_for(model).fingerprint
        hits = await context.search(QUESTION, collection="shop")
        assert hits, "words alone answer"
        (note,) = hits.notes
        assert f"'shop' was indexed with the embedder {indexed}, but {current} is in use" in note
        report = await context.index(source)
        assert (report.changed, report.added) == (True, files)
        assert_vectors_are_of(model, QUESTION, await context.search(QUESTION, collection="shop", limit=LIMIT))


async def test_model_that_was_moved_needs_no_rebuild(
    inline: Connection, source: Path, model: str, tmp_path: Path
) -> None:
    async with inline as context:
        first = await context.index(source, embedder=model)
        before = await context.search(QUESTION, collection="shop", limit=LIMIT)
        (tmp_path / "model").rename(tmp_path / "elsewhere")
        hits = await context.search(QUESTION, collection="shop")
        assert hits
        assert any("model is not a folder" in note for note in hits.notes)
        assert (await context.status("shop")).embedder.startswith("onnx-")
        with pytest.raises(InvalidInput, match="model is not a folder"):
            await context.index(source)
        report = await context.index(source, embedder=f"onnx:{tmp_path / 'elsewhere'}")
        assert (report.added, report.modified, report.indexed_bytes) == (0, 0, 0)
        assert (report.changed, report.chunks) == (True, first.chunks)
        assert await context.search(QUESTION, collection="shop", limit=LIMIT) == before
        assert not (await context.index(source)).changed


async def test_relative_folder_is_found_from_anywhere(
    inline: Connection, source: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with inline as context:
        await context.index(source, embedder="onnx:model")
        monkeypatch.chdir(source)
        assert await context.search(QUESTION, collection="shop")
        assert not (await context.index(source, embedder=model)).changed


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nonsense", "no embedder 'nonsense'"),
        ("onnx:minishlab/potion-code-16M", "potion-code-16M is not a folder.*hf download"),
        ("model2vec:model", "no model2vec model"),
    ],
)
async def test_embedder_that_cannot_be_used_leaves_nothing_behind(
    inline: Connection,
    source: Path,
    model: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model/config.json").unlink(missing_ok=True)
    (tmp_path / "model/model.safetensors").unlink(missing_ok=True)
    async with inline as context:
        with pytest.raises(InvalidInput, match=message):
            await context.index(source, embedder=name)
        assert await context.collections() == []
        await context.index(source)
        before = await context.search(QUESTION, collection="shop")
        with pytest.raises(InvalidInput, match=message):
            await context.index(source, embedder=name)
        assert await context.search(QUESTION, collection="shop") == before


async def test_broken_model_keeps_the_collection_as_it_was(
    inline: Connection, source: Path, model: str, tmp_path: Path
) -> None:
    (tmp_path / "model/model.onnx").write_bytes(b"no graph")
    async with inline as context:
        await context.index(source)
        before = await context.search(QUESTION, collection="shop")
        with pytest.raises(InvalidInput, match="cannot be used"):
            await context.index(source, embedder=model)
        assert await context.search(QUESTION, collection="shop") == before


async def test_embedder_is_read_from_the_environment(
    root: Path, source: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYCONTEXT_EMBEDDER", model)
    async with raycontext.connect(root=root, runtime="inline") as context:
        await context.index(source)
        assert (await context.status("shop")).embedder.startswith("onnx-")
        await context.index(source, embedder="static")
        assert (await context.status("shop")).embedder.startswith("static-")


def test_command_takes_an_embedder(
    root: Path, source: Path, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = ["--root", str(root)]

    def index(*options: str) -> dict[str, object]:
        done = CliRunner().invoke(application, ["index", "shop", "--runtime", "inline", "--json", *place, *options])
        assert done.exit_code == 0, done.output
        report: dict[str, object] = json.loads(done.stdout)
        return report

    assert index("--embedder", "onnx:model")["changed"]
    assert not index()["changed"]
    done = CliRunner().invoke(application, ["status", "shop", "--json", *place])
    assert json.loads(done.stdout)["embedder"] == embedder_for(model).fingerprint
    assert index("--embedder", "static")["changed"]


def test_test_model_tells_texts_apart(model: str) -> None:
    """What the other tests rest on."""
    one, other = (opened_embedder(model).embed_query(text) for text in ("charge card", "router request"))
    assert float(np.dot(one, other)) < 0.95
