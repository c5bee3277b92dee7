"""Protocol of embedders, and the stored form of vectors: 8-bit codes and sign bits."""

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
"""Largest magnitude of a code. -128 is not used, so that codes are symmetric."""


@dataclass(frozen=True, slots=True, eq=False)
class Documents:
    """Batch of n documents to embed, in two forms. An embedder uses the one that it needs."""

    postings: Postings
    """Terms of the documents. Row i is document i."""
    texts: Callable[[], Sequence[str]]
    """Function that returns the n texts of the documents. It decodes them at each call."""


class Embedder(Protocol):
    """Map from texts to vectors whose cosine says how similar two texts are.

    The vector of a document depends on the document alone, neither on its batch nor on the machine. Vectors have unit
    length, so the inner product of two vectors is their cosine.
    """

    @property
    def name(self) -> str:
        """Name under which `embedder_for` knows the embedder."""

    @property
    def fingerprint(self) -> str:
        """Text that differs between any two embedders whose vectors cannot be compared."""

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""

    def embed_documents(self, documents: Documents) -> NDArray[np.float32]:
        """Return one vector for each document, float32[n, dimension].

        A vector has unit length, or is zero where the document has no known word.
        """

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a query, float32[dimension]. It is zero where the query has no known word."""


@dataclass(frozen=True, slots=True, eq=False)
class QuantizedVectors:
    """Quantised form of n vectors of dimension d: d + 4 bytes for each vector, and d / 8 bytes for its signs.

    `codes * scales[:, None]` differs from the vectors by at most half a scale.
    """

    codes: NDArray[np.int8]
    """Components in units of the scale, int8[n, d], from -127 to 127."""
    scales: NDArray[np.float32]
    """Units of the codes, float32[n]. A zero vector has scale 0."""
    signs: NDArray[np.uint8]
    """Sign bits, uint8[n, ceil(d / 8)]. A bit is set where the component is not negative; the first component is the
    highest bit."""

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: slice | NDArray[Any]) -> QuantizedVectors:
        return QuantizedVectors(self.codes[rows], self.scales[rows], self.signs[rows])

    @staticmethod
    def joined(pieces: Sequence[QuantizedVectors]) -> QuantizedVectors:
        """Join at least one piece, in order."""
        if len(pieces) == 1:
            return pieces[0]
        return QuantizedVectors(
            np.concatenate([piece.codes for piece in pieces]),
            np.concatenate([piece.scales for piece in pieces]),
            np.concatenate([piece.signs for piece in pieces]),
        )


def quantized(embedder: Embedder) -> Callable[[Documents], QuantizedVectors]:
    """Return a function that embeds documents with `embedder` and quantises their vectors."""
    return lambda documents: quantize(embedder.embed_documents(documents))


def quantize(vectors: NDArray[np.float32]) -> QuantizedVectors:
    """Quantise vectors, float32[n, d], row by row. The largest magnitude of a row becomes 127.

    Raises `InvalidInput` where a component is not a finite number.
    """
    if vectors.shape[0] == 0:
        return QuantizedVectors(
            np.empty(vectors.shape, np.int8), np.empty(0, np.float32), np.packbits(vectors >= 0, axis=1)
        )
    scales = np.maximum(vectors.max(axis=1), -vectors.min(axis=1)) / np.float32(MAX_CODE)
    if not np.isfinite(scales).all():
        raise InvalidInput("The embedder returned a vector that is not finite")
    # A subnormal scale would be too coarse, so such a vector counts as zero.
    scales[scales < np.finfo(np.float32).tiny] = 0
    scaled = vectors / np.where(scales > 0, scales, np.float32(1))[:, np.newaxis]
    codes = np.rint(scaled, out=scaled).astype(np.int8)
    return QuantizedVectors(codes, scales, np.packbits(vectors >= 0, axis=1))
