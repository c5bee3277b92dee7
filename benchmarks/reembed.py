"""Embedding anew with a heavy model, three ways: `python benchmarks/reembed.py FOLDER [--json FILE]`.

The chunks of a folder go through an ONNX encoder of random weights (6 layers of 384 and 1,536 components, as that of
MiniLM without its attention) on two processes: in index tasks, as is the default; in a pool of two embedder actors, as
with `RAYCONTEXT_EMBEDDER_ACTORS=2`; and through `map_batches` of Ray Data with a pool of two actors, where pandas,
which it needs, is installed. The first two write a whole index, with the vectors of names and paths; beside Ray Data,
which only makes vectors of chunks, two embedder actors do the same. Prints seconds, each with the start of its
processes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from record import show
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

import raycontext
from raycontext.actors.embedder import EmbedderActor
from raycontext.embed.registry import opened_embedder
from raycontext.index.request import EmbedderPlan
from raycontext.store.collection import Location
from raycontext.store.segments.segment import Segment

LAYERS, WIDTH, INNER = 6, 384, 1536
WORKERS = 2
BATCH = 64


def write_model(folder: Path, words: list[str]) -> str:
    """An encoder in a folder; its name."""
    folder.mkdir()
    vocabulary = {word: number for number, word in enumerate(["[UNK]", *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    chance = np.random.default_rng(0)
    tensors = [numpy_helper.from_array(chance.normal(size=(len(vocabulary), WIDTH)).astype(np.float32), "table")]
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["hidden0"])]
    for layer in range(LAYERS):
        for name, shape in (("up", (WIDTH, INNER)), ("down", (INNER, WIDTH))):
            weights = (chance.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)
            tensors.append(numpy_helper.from_array(weights, f"{name}{layer}"))
        nodes += [
            helper.make_node("MatMul", [f"hidden{layer}", f"up{layer}"], [f"wide{layer}"]),
            helper.make_node("Tanh", [f"wide{layer}"], [f"bent{layer}"]),
            helper.make_node("MatMul", [f"bent{layer}", f"down{layer}"], [f"hidden{layer + 1}"]),
        ]
    nodes.append(helper.make_node("Identity", [f"hidden{LAYERS}"], ["last_hidden_state"]))
    shape = ["batch", "length", WIDTH]
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, shape)],
        tensors,
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), folder / "model.onnx"
    )
    return f"onnx:{folder}"


class Encoder:
    """What an actor of Ray Data runs."""

    def __init__(self, name: str) -> None:
        self._embedder: Any = opened_embedder(name)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {"vector": self._embedder.embed_texts([str(text) for text in batch["text"]])}


def by_ray_data(texts: list[str], name: str) -> int:
    import ray.data

    ray.data.DataContext.get_current().enable_progress_bars = False
    vectors = ray.data.from_items([{"text": text} for text in texts], override_num_blocks=8).map_batches(
        Encoder, fn_constructor_args=(name,), batch_size=BATCH, concurrency=WORKERS, num_cpus=1
    )
    return sum(len(batch["vector"]) for batch in vectors.iter_batches(batch_size=None))


def by_embedder_actors(texts: list[str], name: str) -> int:
    import ray

    actors = [ray.remote(EmbedderActor).options(num_cpus=1).remote(name, EmbedderPlan()) for _ in range(WORKERS)]
    asked = [
        actors[place // BATCH % WORKERS].embed.remote(texts[place : place + BATCH], "run", None, 0)
        for place in range(0, len(texts), BATCH)
    ]
    return sum(len(found.places) for found in ray.get(asked))


def chunks_of(root: str, collection: str) -> list[str]:
    opened = Location(root, collection).open()
    manifest = opened.latest()
    assert manifest is not None
    texts: list[str] = []
    for reference in manifest.segments:
        segment = Segment(opened.storage, collection, reference)
        texts += [segment.text(row) for row in range(reference.rows)]
    return texts


def seconds_of(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def index(folder: Path, root: Path, name: str, actors: int) -> float:

    os.environ["RAYCONTEXT_EMBEDDER_ACTORS"] = str(actors)
    with raycontext.connect(root=root, runtime="ray", workers=WORKERS) as context:
        return seconds_of(lambda: context.index(folder, embedder=name))


def measured(folder: Path, temporary: Path) -> dict[str, Any]:
    with raycontext.connect(root=temporary / "texts", runtime="inline") as context:
        collection = context.index(folder).collection
    texts = chunks_of(str(temporary / "texts"), collection)
    words = sorted({word for text in texts for word in text.split()})[:30_000]
    name = write_model(temporary / "model", words)
    figures: dict[str, Any] = {"texts": len(texts), "characters": sum(map(len, texts))}
    figures["index_tasks_seconds"] = index(folder, temporary / "tasks", name, 0)
    figures["embedder_actors_seconds"] = index(folder, temporary / "actors", name, WORKERS)
    with raycontext.connect(root=temporary / "alone", runtime="ray", workers=WORKERS):
        figures["embedder_actors_alone_seconds"] = seconds_of(lambda: by_embedder_actors(texts, name))
    if find_spec("pandas") is None:
        sys.stderr.write("Ray Data needs pandas (pip install pandas): left out\n")
        return figures
    with raycontext.connect(root=temporary / "data", runtime="ray", workers=WORKERS):
        figures["ray_data_seconds"] = seconds_of(lambda: by_ray_data(texts, name))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = measured(arguments.folder.resolve(), Path(temporary))
    show(figures, arguments.json)


if __name__ == "__main__":
    main()
