"""What an embedder is, which there are, and how vectors are stored: 8-bit codes and sign bits."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.postings import Postings
from raycontext.embed.remote import KINDS, RemoteEmbedder, remote_embedder
from raycontext.errors import InvalidInput

__all__ = ["Documents", "Embedder", "QuantizedVectors", "absolute_name", "embedder_for", "quantize", "quantized"]

MAX_CODE = 127

STATIC = "static"
# Kind of model -> module with its `KIND`. Modules are imported when asked for.
_MODELS = {
    "model2vec": "raycontext.embed.model2vec",
    "onnx": "raycontext.embed.onnx",
    "sentence-transformers": "raycontext.embed.sentence_transformers",
}


@dataclass(frozen=True, slots=True, eq=False)
class Documents:
    """n documents to embed, in two forms: an embedder takes the one that it works on."""

    postings: Postings
    """Their terms; row i is document i."""
    texts: Callable[[], Sequence[str]]
    """Their texts, n of them, decoded when called."""


class Embedder(Protocol):
    """Maps text to vectors whose cosine says how alike two texts are.

    The vector of a document depends on nothing but the document: neither on the batch that it came in
    nor on the machine. The inner product of two vectors is their cosine.
    """

    @property
    def name(self) -> str:
        """The name under which `embedder_for` knows it."""

    @property
    def fingerprint(self) -> str:
        """Differs between any two embedders whose vectors cannot be compared."""

    @property
    def dimension(self) -> int:
        """Length of its vectors."""

    def embed_documents(self, documents: Documents) -> NDArray[np.float32]:
        """One vector a document, float32[n, dimension]: of unit length, or zero for a document without a known word."""

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """The vector of a query, float32[dimension]: of unit length, or zero where it has no known word."""


@cache
def embedder_for(name: str, device: str = "cpu") -> Embedder | RemoteEmbedder:
    """The embedder of that name: `static`; KIND:FOLDER with an absolute folder that holds a model (`~` is allowed), to
    be run on `device`, "cpu" or "cuda"; or KIND:MODEL[@URL] of a server.

    The same object for the same name. Raises InvalidInput where there is no such kind, the folder or a file of the
    model is missing, or the package that runs it is not installed.
    """
    if name == STATIC:
        from .static import StaticEmbedder

        return StaticEmbedder()
    from .local import LocalEmbedder

    kind, folder = _split(name)
    if kind in KINDS:
        return remote_embedder(kind, folder)
    if not os.path.isabs(folder):  # noqa: PTH117 - of os.path, as below
        raise InvalidInput(f"The folder of the embedder '{name}' is not absolute", "Give its whole path.")
    return LocalEmbedder(import_module(_MODELS[kind]).KIND, Path(folder), device)


def absolute_name(name: str) -> str:
    """The name in full, as other processes need it: with an absolute folder, or with the URL of the server. Raises
    InvalidInput for an unknown kind."""
    if name == STATIC:
        return name
    kind, folder = _split(name)
    if kind in KINDS:
        return remote_embedder(kind, folder).name
    return f"{kind}:{os.path.abspath(folder)}"  # noqa: PTH100 - pathlib keeps `..`


def _split(name: str) -> tuple[str, str]:
    """Kind and folder, with the home folder put in, or kind and model of a server."""
    kind, _, folder = name.partition(":")
    if kind in KINDS and folder:
        return kind, folder
    if kind not in _MODELS or not folder:
        known = ", ".join((STATIC, *(f"{kind}:FOLDER" for kind in _MODELS), *(f"{kind}:MODEL" for kind in KINDS)))
        raise InvalidInput(f"There is no embedder '{name}'", f"Known embedders: {known}.")
    return kind, os.path.expanduser(folder)  # noqa: PTH111 - pathlib fails where there is no such user


@dataclass(frozen=True, slots=True, eq=False)
class QuantizedVectors:
    """n vectors of dimension d in d + 4 bytes each, and their signs in d / 8 bytes each.

    `codes * scales[:, None]` is within half a scale of the vectors.
    """

    codes: NDArray[np.int8]
    """[n, d], from -127 to 127."""
    scales: NDArray[np.float32]
    """[n], 0 for a zero vector."""
    signs: NDArray[np.uint8]
    """[n, ceil(d / 8)], bit set where the component is not negative; the first component is the highest bit."""

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: slice | NDArray[Any]) -> QuantizedVectors:
        return QuantizedVectors(self.codes[rows], self.scales[rows], self.signs[rows])

    @staticmethod
    def joined(pieces: Sequence[QuantizedVectors]) -> QuantizedVectors:
        """One after the other; at least one piece."""
        if len(pieces) == 1:
            return pieces[0]
        return QuantizedVectors(
            np.concatenate([piece.codes for piece in pieces]),
            np.concatenate([piece.scales for piece in pieces]),
            np.concatenate([piece.signs for piece in pieces]),
        )


def quantized(embedder: Embedder) -> Callable[[Documents], QuantizedVectors]:
    """From documents to vectors as they are stored."""
    return lambda documents: quantize(embedder.embed_documents(documents))


def quantize(vectors: NDArray[np.float32]) -> QuantizedVectors:
    """Quantise float32[n, d] row by row: the largest magnitude of a row becomes 127.

    Raises InvalidInput where a component is not a finite number.
    """
    if vectors.shape[0] == 0:
        return QuantizedVectors(
            np.empty(vectors.shape, np.int8), np.empty(0, np.float32), np.packbits(vectors >= 0, axis=1)
        )
    scales = np.maximum(vectors.max(axis=1), -vectors.min(axis=1)) / np.float32(MAX_CODE)
    if not np.isfinite(scales).all():
        raise InvalidInput("The embedder returned a vector that is not finite")
    # Below the normal numbers a scale would be too coarse: such a vector counts as zero.
    scales[scales < np.finfo(np.float32).tiny] = 0
    scaled = vectors / np.where(scales > 0, scales, np.float32(1))[:, np.newaxis]
    codes = np.rint(scaled, out=scaled).astype(np.int8)
    return QuantizedVectors(codes, scales, np.packbits(vectors >= 0, axis=1))
