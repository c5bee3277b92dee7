"""What all embedders with a model in a local folder have in common, on the kinds that run here."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from raycontext.analyse.terms import analyse_texts
from raycontext.embed.models import local, model2vec, onnx
from raycontext.embed.models.local import LocalEmbedder, ModelKind, TextModel
from raycontext.embed.names import absolute_name
from raycontext.embed.registry import embedder_for
from raycontext.embed.vectors import Documents, Embedder, quantize
from raycontext.errors import InvalidInput

from .model_folders import UNKNOWN, vectors, write_model2vec, write_onnx

Write = Callable[[Path, NDArray[np.float32]], Path]
WRITERS: dict[str, Write] = {"model2vec": write_model2vec, "onnx": write_onnx}
KINDS: dict[str, ModelKind] = {"model2vec": model2vec.KIND, "onnx": onnx.KIND}
DIMENSION = 12  # not a multiple of 8
TEXTS = ["charge the card", "cart", "", "router request router", "  \n", f"pay {UNKNOWN}"]


def embed(embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
    return embedder.embed_documents(Documents(analyse_texts(list(texts)), lambda: texts))


@pytest.fixture(params=WRITERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(kind: str, tmp_path: Path) -> Path:
    return WRITERS[kind](tmp_path / "model", vectors(DIMENSION))


@pytest.fixture
def opened(kind: str, folder: Path) -> Embedder:
    return embedder_for(f"{kind}:{folder}")


def test_vectors_are_of_unit_length_or_zero(opened: Embedder) -> None:
    found = embed(opened, TEXTS)
    assert found.dtype == np.float32
    assert found.shape == (len(TEXTS), opened.dimension) == (6, DIMENSION)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [1, 1, 0, 1, 0, 1], atol=1e-6)
    query = opened.embed_query("charge a card")
    assert query.dtype == np.float32
    assert query.shape == (DIMENSION,)
    assert abs(np.linalg.norm(query) - 1) < 1e-6
    assert not opened.embed_query(" \t").any()
    assert embed(opened, []).shape == (0, DIMENSION)


def test_vector_depends_on_nothing_but_the_document(opened: Embedder) -> None:
    texts = ["cart", "card request ledger " * 15, "pay the ledger", "charge card"]
    alone = np.concatenate([embed(opened, [text]) for text in texts])
    assert embed(opened, texts).tobytes() == alone.tobytes()


def test_same_words_are_nearest(opened: Embedder) -> None:
    documents = embed(opened, ["charge card", "router request", "ledger"])
    for number, query in enumerate(["charge card", "router request", "ledger"]):
        assert int(np.argmax(documents @ opened.embed_query(query))) == number


def test_dimension_that_is_no_multiple_of_eight_can_be_stored(opened: Embedder) -> None:
    quantized = quantize(embed(opened, TEXTS))
    assert quantized.codes.shape == (6, DIMENSION)
    assert quantized.signs.shape == (6, 2)


def test_name_finds_the_same_embedder_again(opened: Embedder, kind: str, folder: Path) -> None:
    assert opened.name == f"{kind}:{folder}"
    assert embedder_for(opened.name) is opened


def test_fingerprint_is_of_the_contents(opened: Embedder, kind: str, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(folder, copy)
    other = WRITERS[kind](tmp_path / "other", vectors(DIMENSION, seed=1))
    assert opened.fingerprint.startswith(f"{kind}-")
    assert embedder_for(f"{kind}:{copy}").fingerprint == opened.fingerprint
    assert embedder_for(f"{kind}:{other}").fingerprint != opened.fingerprint
    (copy / "README.md").write_text("says nothing to the model")
    assert embedder_for(f"{kind}:{copy}").fingerprint == opened.fingerprint
    with (copy / "tokenizer.json").open("a") as tokenizer:
        tokenizer.write(" ")
    assert embedder_for(f"{kind}:{copy}").fingerprint != opened.fingerprint


def test_model_that_is_replaced_is_loaded_anew(opened: Embedder, kind: str, folder: Path) -> None:
    before, vector = opened.fingerprint, opened.embed_query("card")
    WRITERS[kind](folder, vectors(DIMENSION + 1, seed=1))
    assert opened.fingerprint != before
    assert opened.dimension == DIMENSION + 1
    WRITERS[kind](folder, vectors(DIMENSION))
    assert opened.fingerprint == before
    assert opened.embed_query("card").tobytes() == vector.tobytes()


def test_threads_share_one_model(kind: str, folder: Path) -> None:
    loads: list[Path] = []

    def load(folder: Path, files: Mapping[str, Path], device: str) -> TextModel:
        loads.append(folder)
        return KINDS[kind].load(folder, files, device)

    opened = LocalEmbedder(replace(KINDS[kind], load=load), folder)
    start, found = threading.Barrier(4), []

    def run() -> None:
        start.wait()
        found.append(embed(opened, TEXTS * 20).tobytes())

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert set(found) == {embed(opened, TEXTS * 20).tobytes()}
    assert len(loads) == 1


def test_broken_model_is_refused(kind: str, folder: Path) -> None:
    name = "model.onnx" if kind == "onnx" else "model.safetensors"
    (folder / name).write_bytes(b"no model")
    with pytest.raises(InvalidInput, match=f"{kind} model in {folder} cannot be used"):
        embedder_for(f"{kind}:{folder}").embed_query("card")
    WRITERS[kind](folder, vectors(DIMENSION))
    assert embedder_for(f"{kind}:{folder}").embed_query("card").any()


def test_missing_file_is_named(kind: str, folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(InvalidInput, match=rf"no {kind} model.*tokenizer\.json"):
        embedder_for(f"{kind}:{folder}")


def test_model_that_goes_away_is_missed(opened: Embedder, folder: Path) -> None:
    assert opened.dimension == DIMENSION
    shutil.rmtree(folder)
    for use in (lambda: opened.fingerprint, lambda: opened.embed_query("card")):
        with pytest.raises(InvalidInput, match="not a folder"):
            use()


@pytest.mark.parametrize(
    ("kind", "example"),
    [
        ("model2vec", "minishlab/potion-code-16M"),
        ("onnx", "sentence-transformers/all-MiniLM-L6-v2"),
    ],
)
def test_folder_that_is_missing_is_refused_with_how_to_get_a_model(kind: str, example: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=f"gone is not a folder.*hf download {example} --local-dir"):
        embedder_for(f"{kind}:{tmp_path / 'gone'}")
    with pytest.raises(InvalidInput, match="not absolute"):
        embedder_for(f"{kind}:{example}")


@pytest.mark.parametrize("kind", ["model2vec", "onnx", "sentence-transformers"])
def test_missing_package_is_refused_with_its_extra(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "find_spec", lambda name: None)
    with pytest.raises(InvalidInput, match=rf"pip install 'raycontext\[{kind}\]'"):
        embedder_for(f"{kind}:{tmp_path}")


def test_nothing_is_reported_to_anyone(kind: str, folder: Path, tmp_path: Path) -> None:
    """onnxruntime reports its use unless told otherwise, and keeps a database for it in the home folder."""
    home = tmp_path / "home"
    home.mkdir()
    program = (
        "import sys\n"
        "from raycontext.embed.registry import embedder_for\n"
        "assert embedder_for(sys.argv[1]).embed_query('card').any()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, f"{kind}:{folder}"],
        env={
            "RAYCONTEXT_EMBEDDERS": str(folder),
            "HOME": str(home),
            "TMPDIR": str(home),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.rglob("*")) == []


@pytest.mark.parametrize("name", ["", "model2vec", "onnx:", "other:/folder", "static:/folder", "Static"])
def test_unknown_names_are_refused_with_the_known_ones(name: str) -> None:
    for find in (embedder_for, absolute_name):
        with pytest.raises(
            InvalidInput, match=rf"no embedder '{name}'.*static, model2vec:FOLDER, onnx:FOLDER, sentence"
        ):
            find(name)


def test_home_folder_is_put_in(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    assert embedder_for(f"{kind}:~/model").name == f"{kind}:{folder}"


def test_relative_folder_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert absolute_name("static") == "static"
    assert absolute_name("onnx:models/../small") == f"onnx:{tmp_path / 'small'}"
    assert absolute_name("model2vec:/models/a:b") == "model2vec:/models/a:b"
    assert absolute_name("onnx:~/model") == f"onnx:{tmp_path / 'home/model'}"
