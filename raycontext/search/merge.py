"""The last step of a query: cut, rank and choose among the candidates of all shards. Needs neither Ray nor numba."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.models import FeatureContribution, Hit, Hits
from raycontext.search.proposals import propose
from raycontext.search.query import Candidates, Description, SearchRequest
from raycontext.search.ranker import Ranker, cosine_moments

__all__ = ["RankedChunk", "finish", "hits_of", "merged"]

LEXICAL_SHARE, VECTOR_SHARE, DEFINITION_SHARE = 0.5, 0.2, 0.6
"""Of the evidence in the choice among the chunks of a file."""


class RankedChunk(NamedTuple):
    """A chunk that answers: where it lies and how it scored."""

    shard: int
    row: int
    order: int
    score: float
    lexical: float
    vector: float
    explanation: tuple[FeatureContribution, ...]


@dataclass(frozen=True, slots=True)
class _Files:
    """The candidate files of all shards that remain after the cut."""

    parts: NDArray[np.int64]  # [m] which of the shards' candidates
    places: NDArray[np.int64]  # [m] which file there
    order: NDArray[np.uint64]  # [m]
    kinds: NDArray[np.uint16]  # [m]
    features: NDArray[np.float64]  # [m, len(FEATURES)]


def finish(
    ranker: Ranker, request: SearchRequest, parts: Sequence[Candidates], limit: int, min_score: float
) -> list[RankedChunk]:
    """Rank the candidates of all shards together; at most `limit` chunks of at least `min_score`, best first."""
    files = _cut(parts, request.files)
    moments = cosine_moments([part.cosine_sums for part in parts])
    contributions = ranker.contributions(request.text, files.features, files.kinds, moments)
    scores = ranker.scores(contributions)
    # The chunks of a file are worth at most as much as the file: `limit` files hold the best `limit` chunks.
    ranking = [
        number
        for number in np.lexsort((files.order, -scores)).tolist()
        if scores[number] >= min_score and _has_chunks(parts[files.parts[number]], int(files.places[number]))
    ][:limit]
    least = float(scores[ranking[-1]]) if len(ranking) == limit else min_score
    chunks: list[RankedChunk] = []
    for number in ranking:
        part, place = parts[files.parts[number]], int(files.places[number])
        explanation = _explanation(ranker.names, contributions[number]) if request.explain else ()
        worths = _repeats(float(scores[number]), request.repeat_factor, max(least, min_score), limit)
        chunks.extend(_chunks_of_file(part, place, worths, explanation))
    chunks.sort(key=lambda chunk: (-chunk.score, chunk.order))  # stable: chunks of one file stay in their order
    return [chunk for chunk in chunks if chunk.score >= min_score][:limit]


def hits_of(collection: str, chunks: Sequence[RankedChunk], descriptions: Sequence[Description]) -> list[Hit]:
    """The public form of ranked chunks, best first, then by path; `descriptions` in the order of `chunks`."""
    hits = [
        Hit(
            collection=collection,
            path=description.path,
            source=description.source,
            digest=description.digest,
            start_line=description.start_line,
            end_line=description.end_line,
            language=description.language,
            kind=description.kind,
            symbol=description.symbol,
            scope=description.scope,
            text=description.text,
            score=chunk.score,
            lexical=chunk.lexical,
            vector=chunk.vector,
            explanation=chunk.explanation,
        )
        for chunk, description in zip(chunks, descriptions, strict=True)
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.path))  # chunks of one file stay in their order


def merged(answers: Iterable[Hits], limit: int) -> Hits:
    """The best of several collections together, by score, then by collection and path."""
    parts = list(answers)
    hits: list[Hit] = sorted(
        (hit for part in parts for hit in part), key=lambda hit: (-hit.score, hit.collection, hit.path)
    )
    return Hits(
        hits[:limit],
        shards_answered=sum(part.shards_answered for part in parts),
        shards_total=sum(part.shards_total for part in parts),
    )


def _cut(parts: Sequence[Candidates], count: int) -> _Files:
    """Of the shards' proposals those that a single shard would have made."""
    owners = np.concatenate([np.full(len(part.files), number, np.int64) for number, part in enumerate(parts)])
    places = np.concatenate([np.arange(len(part.files), dtype=np.int64) for part in parts])
    order = np.concatenate([part.order for part in parts])
    kept = propose(np.concatenate([part.proposals for part in parts], axis=1), order, count)
    kinds = np.concatenate([part.kinds for part in parts])
    features = np.concatenate([part.features for part in parts])
    return _Files(owners[kept], places[kept], order[kept], kinds[kept], features[kept])


def _has_chunks(part: Candidates, place: int) -> bool:
    return bool(part.row_offsets[place] < part.row_offsets[place + 1])


def _repeats(score: float, repeat_factor: float, least: float, limit: int) -> list[float]:
    """Scores of a file's first, second, … hit, as long as they are at least `least`; with a factor of zero one."""
    worths = [score]
    while repeat_factor > 0.0 and len(worths) < limit and worths[-1] * repeat_factor >= least:
        worths.append(worths[-1] * repeat_factor)
    return worths


def _explanation(names: Sequence[str], contributions: NDArray[np.float64]) -> tuple[FeatureContribution, ...]:
    """What counted, most first."""
    by_weight = np.argsort(-np.abs(contributions), kind="stable")
    return tuple(
        FeatureContribution(feature=names[place], contribution=float(contributions[place]))
        for place in by_weight
        if contributions[place] != 0.0
    )


def _chunks_of_file(
    part: Candidates, place: int, worths: Sequence[float], explanation: tuple[FeatureContribution, ...]
) -> list[RankedChunk]:
    """The chunks of a file, best first, at most as many as there are scores for them in `worths`; a chunk with less
    evidence than the first has as much less of its score."""
    # Few rows: plain numbers are quicker than arrays.
    chunks = slice(int(part.row_offsets[place]), int(part.row_offsets[place + 1]))
    rows, lexical, vector = part.rows[chunks].tolist(), part.lexical[chunks].tolist(), part.vector[chunks].tolist()
    best = max(0.0, *lexical)
    worth = [
        LEXICAL_SHARE * (score / best if best > 0.0 else score)
        + VECTOR_SHARE * max(similarity, 0.0)
        + DEFINITION_SHARE * defined
        for score, similarity, defined in zip(lexical, vector, part.defined[chunks].tolist(), strict=True)
    ]
    ranking = sorted(range(len(rows)), key=lambda number: (-worth[number], rows[number]))
    most = worth[ranking[0]]
    order = int(part.order[place])
    return [
        RankedChunk(
            shard=part.shard,
            row=rows[number],
            order=order,
            score=score * (worth[number] / most if most > 0.0 else 1.0),
            lexical=lexical[number],
            vector=vector[number],
            explanation=explanation,
        )
        for score, number in zip(worths, ranking, strict=False)
    ]
