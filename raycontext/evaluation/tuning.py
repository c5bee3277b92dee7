"""Weights of the ranker that are fitted for one collection, and whether they are better than those of the package.

The questions are cut into parts by the files of their answers. Each part is answered with weights that were fitted on
the others, so that the gain is one on questions that the weights have not seen.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.errors import InvalidInput
from raycontext.evaluation.asking import Asked
from raycontext.evaluation.fitting import FitSamples, fit_weights
from raycontext.evaluation.scoring import Estimate, JudgedQuery, Target, estimates, same_file, score
from raycontext.models import FrozenModel
from raycontext.runtime.base import Runtime
from raycontext.search.ranking.ranker import MODEL_FEATURES, CollectionFacts, Ranker, model_features, ranker_of

__all__ = ["LEAST_QUESTIONS", "TUNED_DEPTH", "Fitted", "Tuning", "fitted", "refuse_few"]

LEAST_QUESTIONS = 200
"""Smallest number of questions from which weights are fitted."""
PARTS = 5
"""Number of parts into which the questions are cut."""
PENALTY = 0.01
"""Penalty with which the weights are drawn to those of the package."""
TUNED_DEPTH = 10
"""Number of hits of each question that count."""


class Tuning(FrozenModel):
    """Outcome of `tune`: NDCG with the weights of the package and with fitted ones, each with its 95 % interval."""

    collection: str
    mine: str | None
    """What the questions were mined from: "docs" or "commits"; None for judged queries."""
    questions: int
    """Number of questions."""
    shipped: Estimate
    """NDCG@10 with the weights of the package."""
    tuned: Estimate
    """NDCG@10 where each question was answered with weights that were fitted without its part of the questions."""
    gain: Estimate
    """Difference of both, question by question."""
    significant: bool
    """Whether the whole interval of the gain lies above 0."""
    kept: bool
    """Whether searches of the collection use the fitted weights from now on."""
    weights: dict[str, float]
    """Weights that were fitted on all questions, by feature."""


class Fitted(NamedTuple):
    """Fitted weights, one for each of `MODEL_FEATURES`, and the NDCG of each question, [q]."""

    weights: tuple[float, ...]
    shipped: NDArray[np.float64]
    tuned: NDArray[np.float64]
    """With weights that were fitted without the part of the question."""

    def tuning(self, collection: str, mine: str | None, *, keep: bool) -> Tuning:
        """Return the outcome. The weights are kept where the gain is significant, and in any case with `keep`."""
        columns = np.stack([self.shipped, self.tuned, self.tuned - self.shipped], axis=1)
        shipped, tuned, gain = estimates(columns)
        significant = gain.low > 0.0
        return Tuning(
            collection=collection,
            mine=mine,
            questions=len(columns),
            shipped=shipped,
            tuned=tuned,
            gain=gain,
            significant=significant,
            kept=significant or keep,
            weights=dict(zip(MODEL_FEATURES, self.weights, strict=True)),
        )


def refuse_few(questions: int) -> None:
    """Raise `InvalidInput` where there are too few questions to fit weights."""
    if questions < LEAST_QUESTIONS:
        raise InvalidInput(
            f"There are {questions} questions, and weights are fitted on at least {LEAST_QUESTIONS}",
            "Mine the other kind of questions, or judge more; the weights of the package stay.",
        )


async def fitted(runtime: Runtime, questions: Sequence[JudgedQuery], asked: Sequence[Asked]) -> Fitted:
    """Fit weights on questions, in parallel tasks. `asked` has the candidates of each question."""
    answers = [_answering(each, question.targets) for each, question in zip(asked, questions, strict=True)]
    features = [_features(each) for each in asked]
    usable = np.array([bool(found.any()) for found in answers])
    parts = np.array([_part(question.targets[0].path) for question in questions])
    shipped = ranker_of(None)
    if not usable.any():
        raise InvalidInput("No question has an answer in the index", "See whether the paths of the answers are right.")
    samples = FitSamples.of([(features[at], answers[at]) for at in np.flatnonzero(usable)])
    without = [parts[usable] != part for part in range(PARTS)]
    fits = [
        runtime.run(fit_weights, samples, counted, shipped.weights, shipped.weights, PENALTY)
        for counted in (*without, np.ones(int(usable.sum()), np.bool_))
    ]
    *of_parts, of_all = [tuple(found.tolist()) for found in await asyncio.gather(*fits)]
    before = await asyncio.to_thread(_ndcg, questions, asked, [shipped] * len(questions))
    after = await asyncio.to_thread(_ndcg, questions, asked, [ranker_of(of_parts[part]) for part in parts])
    return Fitted(of_all, before, after)


def _ndcg(questions: Sequence[JudgedQuery], asked: Sequence[Asked], rankers: Sequence[Ranker]) -> NDArray[np.float64]:
    """Return the NDCG of each question with its ranker."""
    return np.array(
        [
            score(each.answer(ranker, TUNED_DEPTH), question.targets, TUNED_DEPTH).ndcg
            for question, each, ranker in zip(questions, asked, rankers, strict=True)
        ]
    )


def _part(path: str) -> int:
    """Return the part of the questions whose first answer is in a file."""
    return (
        int.from_bytes(hashlib.md5(path.encode(errors="surrogateescape"), usedforsecurity=False).digest()[:4]) % PARTS
    )


def _features(asked: Asked) -> NDArray[np.float64]:
    """Return the features of the candidate files of all shards, [m, len(MODEL_FEATURES)]."""
    parts = asked.candidates
    facts = CollectionFacts.total([part.cosine_sums for part in parts], [part.kind_counts for part in parts])
    raw = np.concatenate([part.features for part in parts])
    return model_features(asked.request.text, raw, np.concatenate([part.kinds for part in parts]), facts)


def _answering(asked: Asked, targets: Sequence[Target]) -> NDArray[np.bool_]:
    """Return which of these files a target names, [m]."""
    return np.array(
        [any(same_file(path, target.path) for target in targets) for paths in asked.paths for path in paths], np.bool_
    )
