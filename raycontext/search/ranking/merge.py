"""Last step of a query: it cuts, ranks and selects the candidates of all shards. It needs neither Ray nor kernels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.models import FeatureContribution, FurtherPlace, Hit
from raycontext.models.hits import Hits
from raycontext.search.query import Candidates, Description, SearchRequest
from raycontext.search.ranking.chunk_choice import chunk_shares
from raycontext.search.ranking.proposals import propose
from raycontext.search.ranking.ranker import CollectionFacts, Ranker

__all__ = ["MOST_FURTHER", "FurtherChunk", "RankedChunk", "finish", "hits_of", "merged"]


MOST_FURTHER = 4
"""Largest number of further places in its file that a hit names."""

QUOTED = "quoted"
"""Name of what a score gains by what the query quotes."""

FURTHER_SHARE = 0.7
"""Smallest score of a further place, as a share of the score of the best chunk of its file."""


class FurtherChunk(NamedTuple):
    """Chunk of a file that is no hit of its own."""

    row: int
    """Number of the row in the view of its shard."""
    score: float
    """Score that it would have if it were the only hit of its file."""


class RankedChunk(NamedTuple):
    """Chunk that answers a query, with its place and its score."""

    shard: int
    row: int
    """Number of the row in the view of its shard."""
    order: int
    """Key that decides between equal scores. The smaller key comes first."""
    score: float
    lexical: float
    """BM25F of the chunk."""
    vector: float
    """Cosine of the chunk with the query."""
    explanation: tuple[FeatureContribution, ...]
    """Contribution of each feature to the score. Empty unless the request asks for it."""
    more: tuple[FurtherChunk, ...] = ()
    """Further chunks of the file, best first. Only the best chunk of a file has them."""


@dataclass(frozen=True, slots=True)
class _Files:
    """Candidate files of all shards that remain after the cut, m of them."""

    parts: NDArray[np.int64]  # [m] index of the shard's `Candidates`
    places: NDArray[np.int64]  # [m] index of the file in these `Candidates`
    order: NDArray[np.uint64]  # [m]
    kinds: NDArray[np.uint16]  # [m]
    quoted: NDArray[np.float64]  # [m]
    features: NDArray[np.float64]  # [m, len(FEATURES)]


def finish(
    ranker: Ranker, request: SearchRequest, parts: Sequence[Candidates], limit: int, min_score: float
) -> list[RankedChunk]:
    """Rank the candidates of all shards together and return at most `limit` chunks, best first.

    parts: candidates of the shards, at least one. min_score: smallest score of a chunk that is returned.
    """
    files = _cut(parts, request.files)
    collection = CollectionFacts.total([part.cosine_sums for part in parts], [part.kind_counts for part in parts])
    contributions = ranker.contributions(request.text, files.features, files.kinds, collection)
    contributions = np.column_stack([contributions, files.quoted])
    scores = ranker.scores(contributions)
    # The chunks of a file are worth at most as much as the file: `limit` files hold the best `limit` chunks.
    ranking = [
        number
        for number in np.lexsort((files.order, -scores)).tolist()
        if scores[number] >= min_score and _has_chunks(parts[files.parts[number]], int(files.places[number]))
    ][:limit]
    least = max(float(scores[ranking[-1]]) if len(ranking) == limit else 0.0, min_score)
    chunks: list[RankedChunk] = []
    of_files: list[list[RankedChunk]] = []
    for number in ranking:
        part, place = parts[files.parts[number]], int(files.places[number])
        explanation = _explanation((*ranker.names, QUOTED), contributions[number]) if request.explain else ()
        of_file = _chunks_of_file(part, place, float(scores[number]), collection, explanation)
        chunks.extend(_repeated(of_file[:limit], request.repeat_factor, least))
        of_files.append(of_file)
    chunks.sort(key=lambda chunk: (-chunk.score, chunk.order))  # stable: chunks of one file keep their order
    return _with_further(chunks[:limit], of_files)


def hits_of(collection: str, chunks: Sequence[RankedChunk], descriptions: Sequence[Description]) -> list[Hit]:
    """Return ranked chunks as hits of `collection`, sorted by falling score, then by path.

    `descriptions` are those of the chunks, in the same order.
    """
    hits = [
        Hit(
            collection=collection,
            path=description.path,
            source=description.source,
            digest=description.digest,
            start_line=description.start_line,
            end_line=description.end_line,
            language=description.language,
            encoding=description.encoding,
            redactions=description.redactions,
            kind=description.kind,
            symbol=description.symbol,
            scope=description.scope,
            text=description.text,
            text_cut=description.text_cut,
            match=description.match,
            score=chunk.score,
            lexical=chunk.lexical,
            vector=chunk.vector,
            explanation=chunk.explanation,
            more=tuple(
                FurtherPlace(line=line, symbol=symbol, score=further.score)
                for (line, symbol), further in zip(description.more, chunk.more, strict=True)
            ),
        )
        for chunk, description in zip(chunks, descriptions, strict=True)
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.path))  # stable: chunks of one file keep their order


def merged(answers: Iterable[Hits], limit: int) -> Hits:
    """Return the best `limit` hits of several answers, sorted by falling score, then by collection and path."""
    parts = list(answers)
    if len(parts) == 1:
        return parts[0]
    hits: list[Hit] = sorted(
        (hit for part in parts for hit in part), key=lambda hit: (-hit.score, hit.collection, hit.path)
    )
    return Hits(
        hits[:limit],
        shards_answered=sum(part.shards_answered for part in parts),
        shards_total=sum(part.shards_total for part in parts),
        notes=(note for part in parts for note in part.notes),
        searched=(searched for part in parts for searched in part.searched),
    )


def _cut(parts: Sequence[Candidates], count: int) -> _Files:
    """Return the files that one shard with all the data would have proposed: `count` for each of `PROPOSERS`."""
    owners = np.concatenate([np.full(len(part.files), number, np.int64) for number, part in enumerate(parts)])
    places = np.concatenate([np.arange(len(part.files), dtype=np.int64) for part in parts])
    order = np.concatenate([part.order for part in parts])
    kept = propose(np.concatenate([part.proposals for part in parts], axis=1), order, count)
    kinds = np.concatenate([part.kinds for part in parts])
    quoted = np.concatenate([part.quoted for part in parts])
    features = np.concatenate([part.features for part in parts])
    return _Files(owners[kept], places[kept], order[kept], kinds[kept], quoted[kept], features[kept])


def _has_chunks(part: Candidates, place: int) -> bool:
    """Return whether a candidate file has chunks that may be hits."""
    return bool(part.row_offsets[place] < part.row_offsets[place + 1])


def _repeated(of_file: Sequence[RankedChunk], repeat_factor: float, least: float) -> Iterator[RankedChunk]:
    """Yield the chunks of a file that score at least `least` as its first, second and further hit.

    The score of each is its own times `repeat_factor` for each one before it. A factor of 0 gives one hit.
    """
    share = 1.0
    for chunk in of_file:
        if chunk.score * share < least or share == 0.0:
            return
        yield chunk._replace(score=chunk.score * share)
        share *= repeat_factor


def _with_further(hits: Sequence[RankedChunk], of_files: Sequence[Sequence[RankedChunk]]) -> list[RankedChunk]:
    """Return the hits. The best one of each file gets those chunks of its file that are no hits.

    of_files: chunks of each file, best first.
    """
    taken = {(chunk.shard, chunk.row) for chunk in hits}
    further = {
        (best.shard, best.row): tuple(
            FurtherChunk(chunk.row, chunk.score)
            for chunk in others
            if (chunk.shard, chunk.row) not in taken and chunk.score >= FURTHER_SHARE * best.score
        )[:MOST_FURTHER]
        for best, *others in of_files
    }
    return [chunk._replace(more=further.get((chunk.shard, chunk.row), ())) for chunk in hits]


def _explanation(names: Sequence[str], contributions: NDArray[np.float64]) -> tuple[FeatureContribution, ...]:
    """Return the features with a contribution other than zero, the largest absolute contribution first."""
    by_weight = np.argsort(-np.abs(contributions), kind="stable")
    return tuple(
        FeatureContribution(feature=names[place], contribution=float(contributions[place]))
        for place in by_weight
        if contributions[place] != 0.0
    )


def _chunks_of_file(
    part: Candidates,
    place: int,
    score: float,
    collection: CollectionFacts,
    explanation: tuple[FeatureContribution, ...],
) -> list[RankedChunk]:
    """Return the chunks of a file, best first. The best one has the score of the file, others a share of it."""
    chunks = slice(int(part.row_offsets[place]), int(part.row_offsets[place + 1]))
    rows, lexical, vector = part.rows[chunks].tolist(), part.lexical[chunks].tolist(), part.vector[chunks].tolist()
    shares = chunk_shares(
        lexical,
        vector,
        part.defined[chunks].tolist(),
        part.priors[chunks].tolist(),
        (collection.cosine_mean, collection.cosine_deviation),
    )
    order = int(part.order[place])
    return [
        RankedChunk(
            shard=part.shard,
            row=rows[number],
            order=order,
            score=score * shares[number],
            lexical=lexical[number],
            vector=vector[number],
            explanation=explanation,
        )
        for number in sorted(range(len(rows)), key=lambda number: (-shares[number], rows[number]))
    ]
