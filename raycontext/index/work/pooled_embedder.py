"""Embedder of an index task that asks a pool of embedder actors, and reuses the vectors of known contents."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from raycontext.batching import cut_into_runs
from raycontext.embed.vectors import Documents, QuantizedVectors
from raycontext.runtime.base import ActorHandle
from raycontext.store.segments.content_vectors import ContentVectors, content_keys

__all__ = ["EmbeddedTexts", "EmbeddingRun", "EmbeddingUse", "PooledEmbedder", "TextEmbedder"]

SLICE_TEXTS = 1024
"""Largest number of texts in one call of an actor. Its vectors are stored before the next call, since they may have
cost money: a task that dies loses no more than one call."""
SLICE_CHARACTERS = 1 << 20
"""Largest number of characters in the texts of one call. A longer text has a call of its own."""

PROBE = "dimension"
"""Text that is embedded to learn the dimension where all documents are blank."""


NO_PLACES = np.empty(0, np.int64)


class EmbeddingUse(NamedTuple):
    """Counts of what was embedded, for the report and the budget of a run."""

    embedded: int = 0
    """Number of texts that actors embedded."""
    reused: int = 0
    """Number of texts whose vectors were already stored."""
    tokens: int = 0
    """Number of tokens that a server counted. 0 for a local model."""

    def plus(self, other: EmbeddingUse) -> EmbeddingUse:
        """Return the sums of both."""
        return EmbeddingUse(*(ours + theirs for ours, theirs in zip(self, other, strict=True)))


class EmbeddedTexts(NamedTuple):
    """Answer of an embedder actor: vectors of k of the n texts that it was given."""

    places: NDArray[np.int64]
    """Indices of the texts that have vectors, [k]."""
    vectors: QuantizedVectors
    """Vectors of these texts, [k]."""
    tokens: int
    """Number of tokens that the call has used. 0 for a local model."""
    error: BaseException | None
    """Reason why the other texts have no vectors; None where all have one, or are refused."""
    refused: NDArray[np.int64] = NO_PLACES
    """Indices of the texts that the server refuses while it takes others."""


class TextEmbedder(Protocol):
    """Interface of an embedder actor to index tasks."""

    async def embed(self, texts: Sequence[str], run: str, most_tokens: int | None, spent_tokens: int) -> EmbeddedTexts:
        """Return the vectors of texts, none of which is blank.

        Where a server fails or the budget ends, only a part of the texts have vectors; see `EmbeddedTexts.error`.

        run: name of the index run that pays. most_tokens: largest number of tokens that the whole run may use, None for
        no limit. spent_tokens: number of tokens that the run is known to have used. Raises `InvalidInput` where a model
        cannot be used.
        """
        ...


class EmbeddingRun(NamedTuple):
    """Embedder actors of an index run, and the budget of the run."""

    pool: tuple[ActorHandle[TextEmbedder], ...]
    """Actors, at least one."""
    run: str
    """Name of the index run, under which actors count its tokens."""
    most_tokens: int | None
    """Largest number of tokens that the whole run may use. None: no limit."""
    spent_tokens: int
    """Number of tokens that the run has used so far. An actor that was started again does not know it."""


class PooledEmbedder:
    """Function from documents to vectors, for one task. `use` counts what it embedded and reused."""

    def __init__(self, run: EmbeddingRun, vectors: ContentVectors) -> None:
        self.use = EmbeddingUse()
        self._run = run
        self._vectors = vectors
        self._next = random.randrange(len(run.pool))  # tasks begin with different actors
        self._dimension = 0
        self.refused: list[NDArray[np.int64]] = []
        """Indices of the documents whose texts the server refuses, in an array for each call."""

    def __call__(self, documents: Documents) -> QuantizedVectors:
        """Return one vector for each document. A blank document gets a zero vector, and so does one that the server
        refuses; see `refused`.

        Documents with equal texts share one vector. Raises `EmbeddingFailed`, `EmbeddingBudgetExceeded`, `InvalidInput`
        where a model cannot be used, `StorageError`, or `RuntimeUnavailable` where an actor has died.
        """
        texts = list(documents.texts())
        told = [place for place, text in enumerate(texts) if text.strip()]
        keys, first, inverse = np.unique(
            content_keys([texts[place] for place in told]), axis=0, return_index=True, return_inverse=True
        )
        pieces = self._pieces(keys, [texts[told[place]] for place in first])
        dimension = self._known_dimension(pieces)
        codes = np.zeros((len(texts), dimension), np.int8)
        scales = np.zeros(len(texts), np.float32)
        signs = np.full((len(texts), (dimension + 7) // 8), np.packbits(np.ones(dimension, bool)), np.uint8)
        row_of_key = np.full(len(keys), -1, np.int64)
        if pieces:
            found = QuantizedVectors.joined([piece for _, piece in pieces])
            there = np.concatenate([places for places, _ in pieces])
            row_of_key[there] = np.arange(len(there))
            rows = row_of_key[inverse.reshape(-1)]
            taken, rows = np.array(told, np.int64)[rows >= 0], rows[rows >= 0]
            codes[taken], scales[taken], signs[taken] = found.codes[rows], found.scales[rows], found.signs[rows]
        self.refused.append(np.array(told, np.int64)[row_of_key[inverse.reshape(-1)] < 0])
        return QuantizedVectors(codes, scales, signs)

    def _pieces(
        self, keys: NDArray[np.uint64], texts: Sequence[str]
    ) -> list[tuple[NDArray[np.int64], QuantizedVectors]]:
        """Return the vectors of n texts that all differ; `keys` are their content keys, uint64[n, 2].

        They come in pieces. Each piece holds the indices of its texts, int64[k], and their k vectors. Texts without a
        stored vector are embedded, and their vectors stored.
        """
        pieces = self._vectors.find(keys) if len(keys) else []
        missing = np.ones(len(keys), bool)
        for places, _ in pieces:
            missing[places] = False
        self.use = self.use.plus(EmbeddingUse(reused=len(keys) - int(missing.sum())))
        slices = cut_into_runs(
            np.flatnonzero(missing).tolist(),
            lambda place: len(texts[place]),
            most_size=SLICE_CHARACTERS,
            most_items=SLICE_TEXTS,
        )
        for places in map(np.array, slices):
            found = self._embed([texts[place] for place in places])
            told = places[found.places]
            if len(told):  # stored before anything else can fail, since it may have cost money
                self._vectors.add(keys[told], found.vectors)
            if found.error is not None:
                raise found.error
            if len(told):
                pieces.append((told, found.vectors))
        return pieces

    def _embed(self, texts: Sequence[str]) -> EmbeddedTexts:
        """Ask the next actor of the pool for the vectors of texts, and count them."""
        actor = self._run.pool[self._next % len(self._run.pool)]
        self._next += 1
        spent = self._run.spent_tokens + self.use.tokens
        found = actor.wait(TextEmbedder.embed, texts, self._run.run, self._run.most_tokens, spent)
        self.use = self.use.plus(EmbeddingUse(embedded=len(found.places), tokens=found.tokens))
        return found

    def _known_dimension(self, pieces: Sequence[tuple[NDArray[np.int64], QuantizedVectors]]) -> int:
        """Return the dimension of the vectors. Embed a probe to learn it if no text had a vector yet."""
        if pieces:
            self._dimension = pieces[0][1].codes.shape[1]
        elif not self._dimension:  # all documents are blank
            self._dimension = self._pieces(content_keys([PROBE]), [PROBE])[0][1].codes.shape[1]
        return self._dimension
