"""What of a chunk is shown first: the name that matches the query."""

from __future__ import annotations

import pytest

from raycontext.search.signals.matching import matching_first

NAMES = "MAX_RETRIES BASE_DELAY JITTER_RATIO requestTimeout"


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("JITTER_RATIO", "JITTER_RATIO"),
        ("jitterRatio", "JITTER_RATIO"),
        ("how long is the base delay", "BASE_DELAY"),
        ("request_timeout", "requestTimeout"),
        ("time out of a request", "requestTimeout"),
        ("delays", "BASE_DELAY"),
        ("something else", "MAX_RETRIES"),
        ("", "MAX_RETRIES"),
    ],
)
def test_the_name_that_matches_comes_first(query: str, first: str) -> None:
    found = matching_first([NAMES], query)[0].split(" ")
    assert found[0] == first
    assert found[1:] == [name for name in NAMES.split(" ") if name != first]


@pytest.mark.parametrize("symbol", ["", "alone"])
def test_one_name_or_none_stays(symbol: str) -> None:
    assert matching_first([symbol], "alone") == [symbol]
