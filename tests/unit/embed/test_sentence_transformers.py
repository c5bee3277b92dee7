"""Embedders of sentence-transformers.

The package needs PyTorch, some hundred megabytes, so it is not among what tests install: a module that stands in for
it records how it is called, with the names that the package documents. That the package takes these calls is not
tested here.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from raycontext.analyse.terms import analyse_texts
from raycontext.embed.registry import embedder_for
from raycontext.embed.vectors import Documents
from raycontext.errors import InvalidInput


class SentenceTransformer:
    """Stands in for the package's class; a text's vector is its length and that of its prompt."""

    made: list[tuple[tuple[Any, ...], dict[str, Any]]]
    encoded: list[tuple[str, list[str], dict[str, Any]]]
    threads: set[str]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.made.append((arguments, options))

    def encode_query(self, texts: Sequence[str], **options: Any) -> NDArray[np.float32]:
        return self._encode("query", texts, options)

    def encode_document(self, texts: Sequence[str], **options: Any) -> NDArray[np.float32]:
        return self._encode("document", texts, options)

    def _encode(self, task: str, texts: Sequence[str], options: dict[str, Any]) -> NDArray[np.float32]:
        assert isinstance(texts, list)
        self.encoded.append((task, texts, options))
        self.threads.add(threading.current_thread().name)
        return np.array([[3.0 * len(text), 4.0 * len(text), 0.0] for text in texts], np.float32)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> type[SentenceTransformer]:
    module = ModuleType("sentence_transformers")
    module.__spec__ = ModuleSpec("sentence_transformers", None)
    kind = type("SentenceTransformer", (SentenceTransformer,), {"made": [], "encoded": [], "threads": set()})
    module.__version__ = "6.0.0"  # type: ignore[attr-defined]
    module.SentenceTransformer = kind  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    return kind


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("modules.json", "config.json", "tokenizer.json", "1_Pooling/config.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    return tmp_path


def test_model_is_loaded_from_the_folder_alone(package: type[SentenceTransformer], folder: Path) -> None:
    embedder = embedder_for(f"sentence-transformers:{folder}")
    assert embedder.fingerprint
    assert package.made == []  # whoever only compares fingerprints need not load it
    assert embedder.dimension == 3
    options = {"device": "cpu", "local_files_only": True, "trust_remote_code": False}
    assert package.made == [((str(folder),), options)]


@pytest.mark.parametrize(
    ("prompts", "for_query", "for_document"),
    [({}, "", ""), ({"query": "query: ", "passage": "passage: ", "document": ""}, "query: ", "passage: ")],
)
def test_queries_and_documents_are_encoded_as_such(
    package: type[SentenceTransformer], folder: Path, prompts: dict[str, str], for_query: str, for_document: str
) -> None:
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))
    embedder = embedder_for(f"sentence-transformers:{folder}")
    texts = ["one", "", "three"]
    found = embedder.embed_documents(Documents(analyse_texts(texts), lambda: texts))
    np.testing.assert_allclose(found, [[0.6, 0.8, 0], [0, 0, 0], [0.6, 0.8, 0]], atol=1e-6)
    np.testing.assert_allclose(embedder.embed_query("what?"), [0.6, 0.8, 0], atol=1e-6)
    assert not embedder.embed_query("").any()
    options = {"batch_size": 1, "show_progress_bar": False, "convert_to_numpy": True, "normalize_embeddings": True}
    assert package.encoded[-2:] == [
        ("document", ["one", "three"], {"prompt": for_document, **options}),
        ("query", ["what?"], {"prompt": for_query, **options}),
    ]


def test_model_is_used_by_one_thread(package: type[SentenceTransformer], folder: Path) -> None:
    embedder = embedder_for(f"sentence-transformers:{folder}")
    threads = [threading.Thread(target=embedder.embed_query, args=("card",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(package.made) == 1
    assert len(package.encoded) == 5
    assert len(package.threads) == 1


def test_fingerprint_is_of_all_that_the_model_reads(package: type[SentenceTransformer], folder: Path) -> None:
    embedder = embedder_for(f"sentence-transformers:{folder}")
    before = embedder.fingerprint
    for name in ("README.md", "onnx/model.json", ".cache/huggingface/model.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("something else")
        assert embedder.fingerprint == before
    seen = {before}
    for name in ("1_Pooling/config.json", "2_Dense/model.safetensors", "vocab.txt", "model.safetensors"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("something else")
        seen.add(embedder.fingerprint)
    assert len(seen) == 5


def test_folder_without_a_model_is_refused(package: type[SentenceTransformer], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no sentence-transformers model.*modules\.json"):
        embedder_for(f"sentence-transformers:{tmp_path}")


CODE: dict[str, tuple[str, str]] = {
    "a Python file": ("modeling_own.py", "open('/tmp/run', 'w')"),
    "a pickle": ("1_Pooling/state.pkl", "cos"),
    "a class of the configuration": ("config.json", '{"auto_map": {"AutoModel": "modeling_own.Own"}}'),
    "a module of the model": ("modules.json", '[{"idx": 0, "name": "0", "path": "", "type": "modeling_own.Own"}]'),
}


@pytest.mark.parametrize("case", CODE)
def test_model_that_brings_code_is_not_loaded(package: type[SentenceTransformer], folder: Path, case: str) -> None:
    name, content = CODE[case]
    (folder / name).write_text(content)
    with pytest.raises(InvalidInput, match="holds or names code"):
        embedder_for(f"sentence-transformers:{folder}").embed_query("card")
    assert package.made == []


def test_modules_of_the_package_are_no_foreign_code(package: type[SentenceTransformer], folder: Path) -> None:
    types = ("sentence_transformers.models.Transformer", "sentence_transformers.sentence_transformer.modules.Pooling")
    (folder / "modules.json").write_text(json.dumps([{"type": name} for name in types]))
    assert embedder_for(f"sentence-transformers:{folder}").embed_query("card").any()


def test_release_that_runs_code_of_local_folders_is_refused(
    package: type[SentenceTransformer], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["sentence_transformers"], "__version__", "5.1.2")
    with pytest.raises(InvalidInput, match=r"5\.1\.2.*pip install"):
        embedder_for(f"sentence-transformers:{folder}").embed_query("card")
    assert package.made == []
