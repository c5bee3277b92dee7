"""The last step of a query: cut, rank and choose among the candidates of all shards. Needs neither Ray nor numba."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.models import Hit
from raycontext.search.query import FEATURES, PROPOSERS, Candidates, Description, SearchRequest
from raycontext.search.ranker import Ranker, cosine_moments
from raycontext.search.selection import propose

__all__ = ["RankedChunk", "finish", "hits_of"]

LEXICAL_SHARE, VECTOR_SHARE, DEFINITION_SHARE = 0.5, 0.2, 0.6
"""Of the evidence in the choice among the chunks of a file."""

REPEAT_FACTOR = 0.25
"""What remains of the score at a file's second hit, and once more at the third: a person sees several files first,
but a file that is far better than all others may show two of its chunks."""


class RankedChunk(NamedTuple):
    """A chunk that answers: where it lies and how it scored."""

    shard: int
    row: int
    path: str
    language: str
    score: float
    lexical: float
    vector: float


@dataclass(frozen=True, slots=True)
class _Files:
    """The candidate files of all shards that remain after the cut."""

    parts: NDArray[np.int64]  # [m] which of the shards' candidates
    places: NDArray[np.int64]  # [m] which file there
    features: NDArray[np.float64]  # [m, len(FEATURES)]


def finish(
    ranker: Ranker, request: SearchRequest, parts: Sequence[Candidates], limit: int, min_score: float
) -> list[RankedChunk]:
    """Rank the candidates of all shards together; at most `limit` chunks of at least `min_score`, best first."""
    files = _cut(parts, request.files)
    paths = [parts[part].paths[place] for part, place in zip(files.parts, files.places, strict=True)]
    languages = [parts[part].languages[place] for part, place in zip(files.parts, files.places, strict=True)]
    moments = cosine_moments([part.cosine_sums for part in parts])
    scores = ranker.scores(request.text, files.features, paths, languages, moments)
    chunks: list[RankedChunk] = []
    answering = 0
    for number in sorted(range(len(paths)), key=lambda place: (-scores[place], paths[place])):
        # The chunks of a file are worth at most as much as the file: `limit` files hold the best `limit` chunks.
        if answering == limit or scores[number] < min_score:
            break
        part, place = parts[files.parts[number]], int(files.places[number])
        of_file = _chunks_of_file(part, place, paths[number], languages[number], float(scores[number]))
        answering += bool(of_file)
        chunks.extend(of_file)
    chunks.sort(key=lambda chunk: (-chunk.score, chunk.path, chunk.row))
    return [chunk for chunk in chunks if chunk.score >= min_score][:limit]


def hits_of(collection: str, chunks: Sequence[RankedChunk], descriptions: Sequence[Description]) -> list[Hit]:
    """The public form of ranked chunks; `descriptions` in their order."""
    return [
        Hit(
            collection=collection,
            path=chunk.path,
            start_line=description.start_line,
            end_line=description.end_line,
            language=chunk.language,
            kind=description.kind,
            symbol=description.symbol,
            scope=description.scope,
            text=description.text,
            score=chunk.score,
            lexical=chunk.lexical,
            vector=chunk.vector,
        )
        for chunk, description in zip(chunks, descriptions, strict=True)
    ]


def _cut(parts: Sequence[Candidates], count: int) -> _Files:
    """Of the shards' proposals those that a single shard would have made."""
    owners = np.concatenate([np.full(len(part.paths), number, np.int64) for number, part in enumerate(parts)])
    places = np.concatenate([np.arange(len(part.paths), dtype=np.int64) for part in parts])
    features = np.concatenate([part.features for part in parts])
    order = np.concatenate([part.order for part in parts])
    kept = propose((features[:, FEATURES.index(name)] for name in PROPOSERS), order, count)
    return _Files(owners[kept], places[kept], features[kept])


def _chunks_of_file(part: Candidates, place: int, path: str, language: str, score: float) -> list[RankedChunk]:
    """The chunks of a file, best first; each next one falls behind."""
    first, last = int(part.row_offsets[place]), int(part.row_offsets[place + 1])
    rows, lexical, vector = part.rows[first:last], part.lexical[first:last], part.vector[first:last]
    best = float(np.max(lexical, initial=0.0))
    share = lexical / best if best > 0.0 else lexical
    defined = part.defined[first:last]
    worth = LEXICAL_SHARE * share + VECTOR_SHARE * np.maximum(vector, 0.0) + DEFINITION_SHARE * defined
    ranking = np.lexsort((rows, -worth))
    return [
        RankedChunk(
            shard=part.shard,
            row=int(rows[number]),
            path=path,
            language=language,
            score=score * REPEAT_FACTOR**repeat,
            lexical=float(lexical[number]),
            vector=float(vector[number]),
        )
        for repeat, number in enumerate(ranking)
    ]
