"""Small models that tests write themselves: a vocabulary of some words, one vector each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = (
    "[PAD]",
    "[CLS]",
    "[SEP]",
    "[UNK]",
    "cart",
    "card",
    "charge",
    "pay",
    "router",
    "request",
    "ledger",
    "query",
    "passage",
)
UNKNOWN = "zyzzyva"


def vectors(dimension: int, seed: int = 0) -> NDArray[np.float32]:
    """One for each word, [words, dimension]."""
    return np.random.default_rng(seed).normal(size=(len(WORDS), dimension)).astype(np.float32)


def tokenizer(*, special: bool = False) -> Tokenizer:
    """Words of letters, in lower case; all between them is left out. `special`: between [CLS] and [SEP]."""
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Split(Regex("[A-Za-z]+"), behavior="removed", invert=True)
    if special:
        made.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
        )
    return made


def write_model2vec(folder: Path, table: NDArray[np.float32], **configuration: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer().save(str(folder / "tokenizer.json"))
    save_file({"embeddings": table}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"normalize": False, **configuration}))
    return folder


def write_onnx(
    folder: Path,
    table: NDArray[np.float32],
    *,
    graph: str = "model.onnx",
    inputs: Sequence[str] = ("input_ids", "attention_mask", "token_type_ids"),
    output: str = "last_hidden_state",
    integer: int = TensorProto.INT64,
    special: bool = False,
) -> Path:
    """A graph whose hidden state of a token is the token's vector, mixed with those of the other tokens that the mask
    lets through, as attention would."""
    folder.mkdir(parents=True, exist_ok=True)
    made = tokenizer(special=special)
    made.enable_padding(length=64)  # as published models have it: it must be switched off
    made.enable_truncation(64)
    made.save(str(folder / "tokenizer.json"))
    dimension = table.shape[1]
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["tokens"])]
    if "attention_mask" in inputs:
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
            helper.make_node("Mul", ["tokens", "column"], ["seen"]),
        ]
    else:
        nodes.append(helper.make_node("Identity", ["tokens"], ["seen"]))
    nodes += [
        helper.make_node("ReduceSum", ["seen", "middle"], ["context"], keepdims=1),
        helper.make_node("Mul", ["context", "tenth"], ["share"]),
        helper.make_node("Add", ["tokens", "share"], ["hidden"]),
    ]
    shape: list[int | str] = ["batch", "length", dimension]
    if output == "sentence_embedding":
        nodes.append(helper.make_node("ReduceMax", ["hidden", "middle"], [output], keepdims=0))
        shape = ["batch", dimension]
    else:
        nodes.append(helper.make_node("Identity", ["hidden"], [output]))
    made_graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, integer, ["batch", "length"]) for name in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([-1]), "last"),
            numpy_helper.from_array(np.array([1]), "middle"),
            numpy_helper.from_array(np.array(0.1, np.float32), "tenth"),
        ],
    )
    path = folder / graph
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(made_graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return folder


def hidden_states(table: NDArray[np.float32], words: Sequence[str]) -> NDArray[np.float64]:
    """What the graph of `write_onnx` puts out for these words, [words, dimension]."""
    tokens = table[[WORDS.index(word) for word in words]].astype(np.float64)
    return tokens + 0.1 * tokens.sum(axis=0)


def unit(vector: NDArray[Any]) -> NDArray[np.float64]:
    exact = np.asarray(vector, np.float64)
    return exact / np.linalg.norm(exact)
