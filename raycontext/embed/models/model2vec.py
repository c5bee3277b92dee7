"""Models of the package model2vec (Tulkens and van Dongen, 2024): a vector is the mean of a text's token vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from raycontext.embed.models.local import PROMPTS_FILE, ModelKind, TextModel, first_file
from raycontext.errors import InvalidInput

__all__ = ["KIND"]

# Names of vectors, tokenizer and configuration in the layouts that the package reads, in its order.
_LAYOUTS = (
    ("model.safetensors", "tokenizer.json", "config.json"),
    ("model.safetensors", "tokenizer.json", PROMPTS_FILE),
    ("0_StaticEmbedding/model.safetensors", "0_StaticEmbedding/tokenizer.json", PROMPTS_FILE),
)


class _Model2Vec:
    """Loaded model of the package. Implements `TextModel`."""

    def __init__(self, folder: Path) -> None:
        from model2vec import StaticModel

        self._model = StaticModel.from_pretrained(folder)

    def encode_documents(self, texts: Sequence[str]) -> NDArray[Any]:
        # In this thread alone, since the other cores work on other documents.
        return self._model.encode(list(texts), use_multiprocessing=False, show_progress_bar=False)

    encode_queries = encode_documents  # these models have no prompts


def _files(folder: Path) -> dict[str, Path]:
    """Return the files of the first complete layout, by their part. Raises `InvalidInput` without one."""
    for weights, tokenizer, configuration in _LAYOUTS:
        if all((folder / name).is_file() for name in (weights, tokenizer, configuration)):
            return {
                "weights": folder / weights,
                "tokenizer": folder / tokenizer,
                "configuration": folder / configuration,
            }
    for name in _LAYOUTS[0]:
        first_file(folder, "model2vec", name)
    raise InvalidInput(f"{folder} holds no model2vec model")


def _load(folder: Path, files: Mapping[str, Path], device: str) -> TextModel:
    return _Model2Vec(folder)


KIND = ModelKind(
    name="model2vec",
    is_heavy=False,
    version=1,
    packages=("model2vec",),
    example="minishlab/potion-code-16M",
    files=_files,
    load=_load,
)
