"""The registry of embedders, and quantisation."""

from __future__ import annotations

import numpy as np
import pytest

from raycontext.analyse.postings import ANALYSIS_FINGERPRINT
from raycontext.embed.registry import embedder_for
from raycontext.embed.vectors import quantize
from raycontext.errors import InvalidInput


def test_embedder_is_found_by_its_name() -> None:
    embedder = embedder_for("static")
    assert embedder.name == "static"
    assert embedder.dimension % 8 == 0
    assert ANALYSIS_FINGERPRINT in embedder.fingerprint


def test_unknown_embedder_is_refused_with_the_known_names() -> None:
    with pytest.raises(InvalidInput, match=r"no embedder 'other'.*static"):
        embedder_for("other")


def test_vectors_are_scaled_by_their_largest_component() -> None:
    quantized = quantize(np.array([[0.5, -1.0, 0.0], [0.0, 0.0, 0.0], [2.0, 1.0, -0.01]], dtype=np.float32))
    assert quantized.codes.tolist() == [[64, -127, 0], [0, 0, 0], [127, 64, -1]]
    np.testing.assert_allclose(quantized.scales, [1 / 127, 0, 2 / 127], rtol=1e-6)
    assert quantized.signs.tolist() == [[0b10100000], [0b11100000], [0b11000000]]


def test_no_vectors_are_quantised_to_none() -> None:
    quantized = quantize(np.empty((0, 16), dtype=np.float32))
    assert quantized.codes.shape == (0, 16)
    assert quantized.scales.shape == (0,)
    assert quantized.signs.shape == (0, 2)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(InvalidInput):
        quantize(np.array([[0.1, value]], dtype=np.float32))
