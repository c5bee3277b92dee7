"""Vectors for an index task from the pool of embedder actors, with all that was embedded before left out."""

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
SLICE_CHARACTERS = 1 << 20
"""What is asked for at once, and then kept: a task that dies loses no more of what was paid for."""

PROBE = "dimension"


class EmbeddingUse(NamedTuple):
    """What embedding came to: texts that were embedded, texts whose vectors were there, tokens."""

    embedded: int = 0
    reused: int = 0
    tokens: int = 0

    def plus(self, other: EmbeddingUse) -> EmbeddingUse:
        return EmbeddingUse(*(ours + theirs for ours, theirs in zip(self, other, strict=True)))


class EmbeddedTexts(NamedTuple):
    """What an embedder actor answers."""

    places: NDArray[np.int64]
    """[k] of the texts that have vectors."""
    vectors: QuantizedVectors
    """[k]"""
    tokens: int
    error: BaseException | None
    """Why the others have none."""


class TextEmbedder(Protocol):
    """The actor that embeds, as an index task sees it."""

    async def embed(self, texts: Sequence[str], run: str, most_tokens: int | None, spent_tokens: int) -> EmbeddedTexts:
        """Return the vectors of some texts, none of them blank; of a part of them where a server fails or the budget
        ends.

        run: name of the index run that pays. most_tokens: what it may cost in all. spent_tokens: what it knows to have
        spent. Raises `InvalidInput` where a model cannot be used.
        """
        ...


class EmbeddingRun(NamedTuple):
    """Who embeds for an index task, and on whose account."""

    pool: tuple[ActorHandle[TextEmbedder], ...]
    run: str
    most_tokens: int | None
    """Largest number of tokens that the whole run may use. None: no limit."""
    spent_tokens: int
    """By the run so far: an actor that came back has not seen them."""


class PooledEmbedder:
    """From documents to vectors, for one task. `use` tells what it came to."""

    def __init__(self, run: EmbeddingRun, vectors: ContentVectors) -> None:
        self.use = EmbeddingUse()
        self._run = run
        self._vectors = vectors
        self._next = random.randrange(len(run.pool))  # tasks begin with different actors
        self._dimension = 0

    def __call__(self, documents: Documents) -> QuantizedVectors:
        """Blank documents get zero vectors. Raises `EmbeddingFailed`, `EmbeddingBudgetExceeded`, `StorageError`."""
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
        if pieces:
            found = QuantizedVectors.joined([piece for _, piece in pieces])
            row_of_key = np.empty(len(keys), np.int64)
            row_of_key[np.concatenate([places for places, _ in pieces])] = np.arange(len(keys))
            rows = row_of_key[inverse.reshape(-1)]
            codes[told], scales[told], signs[told] = found.codes[rows], found.scales[rows], found.signs[rows]
        return QuantizedVectors(codes, scales, signs)

    def _pieces(
        self, keys: NDArray[np.uint64], texts: Sequence[str]
    ) -> list[tuple[NDArray[np.int64], QuantizedVectors]]:
        """The vectors of some texts, all different, with their places."""
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
            if len(told):  # kept before anything else happens: it may have cost money
                self._vectors.add(keys[told], found.vectors)
            if found.error is not None:
                raise found.error
            pieces.append((told, found.vectors))
        return pieces

    def _embed(self, texts: Sequence[str]) -> EmbeddedTexts:
        actor = self._run.pool[self._next % len(self._run.pool)]
        self._next += 1
        spent = self._run.spent_tokens + self.use.tokens
        found = actor.wait(TextEmbedder.embed, texts, self._run.run, self._run.most_tokens, spent)
        self.use = self.use.plus(EmbeddingUse(embedded=len(found.places), tokens=found.tokens))
        return found

    def _known_dimension(self, pieces: Sequence[tuple[NDArray[np.int64], QuantizedVectors]]) -> int:
        if pieces:
            self._dimension = pieces[0][1].codes.shape[1]
        elif not self._dimension:  # all documents are blank
            self._dimension = self._pieces(content_keys([PROBE]), [PROBE])[0][1].codes.shape[1]
        return self._dimension
