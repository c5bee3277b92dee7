"""The last step of a query: cut, rank and describe the candidates of all shards. Needs neither Ray nor numba."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raycontext.models import Hit
from raycontext.search.query import FEATURES, Candidates, SearchRequest
from raycontext.search.ranker import Ranker
from raycontext.search.selection import propose

__all__ = ["Ranked", "finish", "hits_of"]


@dataclass(frozen=True, slots=True)
class Ranked:
    """The rows that answer, best first: where they lie, what they are, how they scored."""

    places: tuple[tuple[int, int], ...]
    """Shard and row of each."""
    described: tuple[tuple[Candidates, int], ...]
    scores: NDArray[np.float64]


def finish(ranker: Ranker, request: SearchRequest, parts: Sequence[Candidates], limit: int, min_score: float) -> Ranked:
    """Rank the candidates of all shards together; at most `limit` rows of at least `min_score`."""
    owners = np.concatenate([np.full(len(part.rows), number) for number, part in enumerate(parts)])
    within = np.concatenate([np.arange(len(part.rows)) for part in parts])
    order = np.concatenate([part.order for part in parts])
    features = np.concatenate([part.features for part in parts])
    lexical, vector = (features[:, FEATURES.index(name)] for name in ("lexical", "vector"))
    kept = propose(lexical, vector, order, request.candidates)
    owners, within, features = owners[kept], within[kept], features[kept]
    scores = ranker.scores(request.text, features)
    described = [(parts[owner], int(row)) for owner, row in zip(owners, within, strict=True)]
    ranking = sorted(
        range(len(described)),
        key=lambda place: (-scores[place], described[place][0].paths[described[place][1]],
                           described[place][0].start_lines[described[place][1]]),
    )  # fmt: skip
    chosen = [place for place in ranking if scores[place] >= min_score][:limit]
    return Ranked(
        places=tuple(
            (described[place][0].shard, int(described[place][0].rows[described[place][1]])) for place in chosen
        ),
        described=tuple(described[place] for place in chosen),
        scores=scores[chosen],
    )


def hits_of(collection: str, ranked: Ranked, texts: Sequence[str]) -> list[Hit]:
    """The public form of ranked rows; `texts` in their order."""
    return [
        Hit(
            collection=collection,
            path=part.paths[row],
            start_line=int(part.start_lines[row]),
            end_line=int(part.end_lines[row]),
            language=part.languages[row],
            kind=part.kinds[row],
            symbol=part.symbols[row],
            scope=part.scopes[row],
            text=text,
            score=float(score),
            lexical=float(part.features[row, FEATURES.index("lexical")]),
            vector=float(part.features[row, FEATURES.index("vector")]),
        )
        for (part, row), score, text in zip(ranked.described, ranked.scores, texts, strict=True)
    ]
