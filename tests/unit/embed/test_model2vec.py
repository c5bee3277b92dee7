"""Embedders of model2vec: the same vectors as the package's, in all layouts of its folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from model2vec import StaticModel
from safetensors.numpy import save_file

from raycontext.embed.registry import embedder_for
from raycontext.errors import InvalidInput

from .model_folders import UNKNOWN, WORDS, unit, vectors, write_model2vec


def test_vector_is_the_mean_over_the_tokens(tmp_path: Path) -> None:
    table = vectors(10)
    folder = write_model2vec(tmp_path, table)
    embedder = embedder_for(f"model2vec:{folder}")
    expected = table[[WORDS.index("charge"), WORDS.index("card")]].mean(axis=0)
    np.testing.assert_allclose(embedder.embed_query(f"Charge card, {UNKNOWN}!"), unit(expected), atol=1e-6)
    package = StaticModel.from_pretrained(folder).encode(["router request pay"])[0]
    np.testing.assert_allclose(embedder.embed_query("router request pay"), unit(package), atol=1e-6)


def test_text_without_known_words_is_zero(tmp_path: Path) -> None:
    assert not embedder_for(f"model2vec:{write_model2vec(tmp_path, vectors(10))}").embed_query(UNKNOWN).any()


def test_half_precision_is_enough(tmp_path: Path) -> None:
    table = vectors(10)
    half = write_model2vec(tmp_path / "half", table.astype(np.float16))
    full = write_model2vec(tmp_path / "full", table)
    one, other = (embedder_for(f"model2vec:{folder}").embed_query("pay router") for folder in (half, full))
    assert one.dtype == np.float32
    assert abs(float(np.linalg.norm(one)) - 1) < 1e-6
    np.testing.assert_allclose(one, other, atol=2e-3)


@pytest.mark.parametrize("place", [".", "0_StaticEmbedding"])
def test_layouts_of_sentence_transformers_are_read(tmp_path: Path, place: str) -> None:
    table = vectors(10)
    plain = write_model2vec(tmp_path / "plain", table)
    folder = tmp_path / "other"
    (folder / place).mkdir(parents=True)
    shutil.copy(plain / "tokenizer.json", folder / place / "tokenizer.json")
    save_file({"embedding.weight": table}, folder / place / "model.safetensors")
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": {}}))
    one, other = (embedder_for(f"model2vec:{found}").embed_query("pay router") for found in (plain, folder))
    assert one.tobytes() == other.tobytes()


def test_configuration_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = write_model2vec(tmp_path, vectors(10))
    (folder / "config.json").unlink()
    with pytest.raises(InvalidInput, match=r"config\.json"):
        embedder_for(f"model2vec:{folder}")
