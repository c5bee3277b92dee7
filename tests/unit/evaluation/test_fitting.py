"""Fitted weights: that they learn, that they stay near those of the package, and when a gain counts."""

from __future__ import annotations

import numpy as np
import pytest

from raycontext.errors import InvalidInput
from raycontext.evaluation.fitting import FitSamples, fit_weights
from raycontext.evaluation.tuning import LEAST_QUESTIONS, Fitted, refuse_few
from raycontext.search.ranking.ranker import MODEL_FEATURES, ranker_of

SHIPPED = tuple(ranker_of(None).weights.tolist())


def samples() -> FitSamples:
    """Return 40 questions with 5 files each; the answer has the second feature, and the first one misleads."""
    random = np.random.default_rng(1)
    questions = []
    for _ in range(40):
        features = random.random((5, 3))
        answers = np.zeros(5, np.bool_)
        answers[random.integers(5)] = True
        features[:, 1] = answers + random.random(5) * 0.2
        features[:, 0] = ~answers
        questions.append((features, answers))
    return FitSamples.of(questions)


def test_fit_finds_the_feature_that_answers() -> None:
    found = fit_weights(samples(), np.ones(40, np.bool_), np.zeros(3), np.zeros(3), 0.01)
    assert found[1] > 1.0 > 0.0 > found[0]
    assert abs(found[2]) < found[1] / 4


def test_fit_on_no_question_keeps_the_prior() -> None:
    prior = np.array([1.0, 2.0, 3.0])
    assert fit_weights(samples(), np.zeros(40, np.bool_), prior, prior, 0.01) == pytest.approx(prior)


def test_larger_penalty_stays_nearer_to_the_prior() -> None:
    prior = np.array([1.0, 1.0, 1.0])
    far, near = (
        np.abs(fit_weights(samples(), np.ones(40, np.bool_), prior, prior, penalty) - prior).sum()
        for penalty in (0.01, 1.0)
    )
    assert near < far


@pytest.mark.parametrize(
    ("gains", "keep", "significant", "kept"),
    [
        ([0.5] * 150 + [0.0] * 150, False, True, True),
        ([0.1, -0.1] * 150, False, False, False),
        ([0.1, -0.1] * 150, True, False, True),
        ([-0.2] * 300, False, False, False),
        ([0.0] * 300, False, False, False),
    ],
)
def test_weights_are_kept_where_the_whole_interval_of_the_gain_is_above_zero(
    gains: list[float], keep: bool, significant: bool, kept: bool
) -> None:
    shipped = np.full(300, 0.4)
    tuning = Fitted(SHIPPED, shipped, shipped + np.array(gains)).tuning("shop", "docs", keep=keep)
    assert (tuning.significant, tuning.kept, tuning.questions) == (significant, kept, 300)
    assert tuning.gain.mean == pytest.approx(sum(gains) / 300)
    assert tuning.gain.low <= tuning.gain.mean <= tuning.gain.high
    assert tuple(tuning.weights) == MODEL_FEATURES


def test_few_questions_are_refused() -> None:
    refuse_few(LEAST_QUESTIONS)
    with pytest.raises(InvalidInput, match="199 questions"):
        refuse_few(199)
