"""Embedders as a protocol, and vectors as they are stored: 8-bit codes and sign bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.postings import Postings
from raycontext.errors import InvalidInput

__all__ = ["Documents", "Embedder", "QuantizedVectors", "quantize", "quantized"]

MAX_CODE = 127


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
