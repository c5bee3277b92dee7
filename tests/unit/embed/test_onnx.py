"""Embedders of ONNX graphs: what is fed, what is pooled, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from raycontext.analyse.terms import analyse_texts
from raycontext.embed.registry import embedder_for
from raycontext.embed.vectors import Documents
from raycontext.errors import InvalidInput

from .model_folders import UNKNOWN, hidden_states, unit, vectors, write_onnx

DIMENSION = 12
TABLE = vectors(DIMENSION)


def query(folder: Path, text: str) -> NDArray[np.float32]:
    return embedder_for(f"onnx:{folder}").embed_query(text)


def document(folder: Path, text: str) -> NDArray[np.float32]:
    return embedder_for(f"onnx:{folder}").embed_documents(Documents(analyse_texts([text]), lambda: [text]))[0]


def configure(folder: Path, name: str, content: Any) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(content))


@pytest.mark.parametrize(
    "inputs",
    [("input_ids",), ("input_ids", "attention_mask"), ("attention_mask", "token_type_ids", "input_ids")],
)
@pytest.mark.parametrize("integer", [TensorProto.INT64, TensorProto.INT32])
def test_graph_gets_the_inputs_that_it_has(tmp_path: Path, inputs: tuple[str, ...], integer: int) -> None:
    folder = write_onnx(tmp_path, TABLE, inputs=inputs, integer=integer)
    expected = unit(hidden_states(TABLE, ["charge", "card"]).mean(axis=0))
    np.testing.assert_allclose(query(folder, "Charge card!"), expected, atol=1e-6)


def test_padding_that_the_tokenizer_asks_for_changes_nothing(tmp_path: Path) -> None:
    """The tokenizer of the test asks for padding to 64, as published ones do; its vector is that of [PAD], not zero."""
    folder = write_onnx(tmp_path, TABLE, special=True)
    for words in (["card"], ["charge", "card"], ["router"] * 30 + ["pay"]):
        expected = unit(hidden_states(TABLE, ["[CLS]", *words, "[SEP]"]).mean(axis=0))
        np.testing.assert_allclose(document(folder, " ".join(words)), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("configuration", "mode"),
    [
        (None, "mean"),
        ({"pooling_mode": "mean"}, "mean"),
        ({"pooling_mode": ["cls"]}, "cls"),
        ({"pooling_mode": "max", "include_prompt": True}, "max"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode_max_tokens": True, "pooling_mode_mean_sqrt_len_tokens": False}, "max"),
    ],
)
def test_tokens_are_pooled_as_configured(tmp_path: Path, configuration: Any, mode: str) -> None:
    folder = write_onnx(tmp_path, TABLE, special=True)
    if configuration is not None:
        configure(folder, "1_Pooling/config.json", configuration)
    states = hidden_states(TABLE, ["[CLS]", "router", "request", "[SEP]"])
    pooled = {"mean": states.mean(axis=0), "cls": states[0], "max": states.max(axis=0)}[mode]
    np.testing.assert_allclose(query(folder, "router request"), unit(pooled), atol=1e-6)


@pytest.mark.parametrize(
    "configuration",
    [
        {"pooling_mode": "lasttoken"},
        {"pooling_mode": ["mean", "max"]},
        {"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True},
        {"pooling_mode_weightedmean_tokens": True},
        {"pooling_mode_cls_token": False},
        {"pooling_mode": "mean", "include_prompt": False},
    ],
)
def test_unknown_pooling_is_refused(tmp_path: Path, configuration: Any) -> None:
    folder = write_onnx(tmp_path, TABLE)
    configure(folder, "1_Pooling/config.json", configuration)
    with pytest.raises(InvalidInput, match="pooling"):
        query(folder, "card")


def test_sentence_embedding_of_the_graph_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = write_onnx(tmp_path, TABLE, output="sentence_embedding")
    configure(folder, "1_Pooling/config.json", {"pooling_mode": "lasttoken"})
    configure(folder, "modules.json", [{"idx": 2, "type": "sentence_transformers.models.Dense"}])
    expected = unit(hidden_states(TABLE, ["charge", "card"]).max(axis=0))
    np.testing.assert_allclose(query(folder, "charge card"), expected, atol=1e-6)


def test_layers_beyond_the_graph_are_refused(tmp_path: Path) -> None:
    folder = write_onnx(tmp_path, TABLE)
    kinds = ("Transformer", "Pooling", "Normalize")
    configure(folder, "modules.json", [{"type": f"sentence_transformers.models.{kind}"} for kind in kinds])
    assert query(folder, "card").any()
    configure(folder, "modules.json", [{"type": "sentence_transformers.models.Dense"}])
    with pytest.raises(InvalidInput, match="Dense"):
        query(folder, "card")


@pytest.mark.parametrize(
    ("prompts", "for_query", "for_document"),
    [
        ({"query": "query: ", "document": "passage: "}, ["query"], ["passage"]),
        ({"query": "query: ", "passage": "passage: ", "document": ""}, ["query"], ["passage"]),
        ({"query": "query: "}, ["query"], []),
        ({"other": "ledger: "}, [], []),
        (None, [], []),
    ],
)
def test_prompts_go_before_queries_and_documents(
    tmp_path: Path, prompts: Any, for_query: list[str], for_document: list[str]
) -> None:
    folder = write_onnx(tmp_path, TABLE)
    configure(folder, "config_sentence_transformers.json", {"prompts": prompts})
    for embed, before in ((query, for_query), (document, for_document)):
        expected = unit(hidden_states(TABLE, [*before, "card"]).mean(axis=0))
        np.testing.assert_allclose(embed(folder, "card"), expected, atol=1e-6)
        assert not embed(folder, " ").any()


@pytest.mark.parametrize(("configured", "most"), [(None, 512), (128, 128), (4096, 512), ("many", 512)])
def test_long_texts_are_cut(tmp_path: Path, configured: Any, most: int) -> None:
    folder = write_onnx(tmp_path, TABLE)
    if configured is not None:
        configure(folder, "sentence_bert_config.json", {"max_seq_length": configured})
    words = ["card"] * (most - 1) + ["router"]
    expected = unit(hidden_states(TABLE, words).mean(axis=0))
    np.testing.assert_allclose(query(folder, " ".join([*words, *["ledger"] * 500])), expected, atol=1e-5)
    other = unit(hidden_states(TABLE, [*words, *["ledger"] * 500]).mean(axis=0))
    assert np.abs(expected - other).max() > 1e-2


def test_text_without_any_token_is_zero(tmp_path: Path) -> None:
    folder = write_onnx(tmp_path, TABLE)
    assert not query(folder, "12 + 3").any()
    assert query(folder, UNKNOWN).any()


def test_graph_in_a_folder_of_its_own_is_the_same_model(tmp_path: Path) -> None:
    plain, nested = write_onnx(tmp_path / "a", TABLE), write_onnx(tmp_path / "b", TABLE, graph="onnx/model.onnx")
    assert query(plain, "card").tobytes() == query(nested, "card").tobytes()
    one, other = (embedder_for(f"onnx:{folder}").fingerprint for folder in (plain, nested))
    assert one == other


@pytest.mark.parametrize(
    "name",
    ["1_Pooling/config.json", "config_sentence_transformers.json", "sentence_bert_config.json", "model.onnx_data"],
)
def test_whatever_changes_vectors_changes_the_fingerprint(tmp_path: Path, name: str) -> None:
    folder = write_onnx(tmp_path, TABLE)
    before = embedder_for(f"onnx:{folder}").fingerprint
    configure(folder, name, {"pooling_mode": "cls"})
    assert embedder_for(f"onnx:{folder}").fingerprint != before


def test_graph_with_other_inputs_or_outputs_is_refused(tmp_path: Path) -> None:
    wants = write_onnx(tmp_path / "a", TABLE, inputs=("input_ids", "position_ids"))
    with pytest.raises(InvalidInput, match="wants position_ids"):
        query(wants, "card")
    gives = write_onnx(tmp_path / "b", TABLE, output="logits")
    with pytest.raises(InvalidInput, match="puts out logits"):
        query(gives, "card")


@pytest.mark.parametrize("content", ["{", "[1]", "3"])
def test_configuration_that_is_no_object_is_refused(tmp_path: Path, content: str) -> None:
    folder = write_onnx(tmp_path, TABLE)
    (folder / "config_sentence_transformers.json").write_text(content)
    with pytest.raises(InvalidInput, match=r"config_sentence_transformers\.json"):
        query(folder, "card")
