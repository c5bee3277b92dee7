"""Weights of a user for one collection: kept beside no root, and read only where they are surely this user's."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from raycontext.errors import StorageError
from raycontext.search.ranking.kept_weights import Tuned, forget_weights, keep_weights, kept_weights
from raycontext.search.ranking.ranker import MODEL_FEATURES, ranker_of

SHOP = Tuned("/roots/one", "shop", "01ID", "static")
WEIGHTS = tuple(float(number) for number in range(len(MODEL_FEATURES)))


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def the_file(state: Path) -> Path:
    (place,) = (state / "raycontext" / "weights").iterdir()
    return place


def test_weights_come_back_until_they_are_forgotten(state: Path) -> None:
    assert kept_weights(SHOP) is None
    keep_weights(SHOP, WEIGHTS)
    assert kept_weights(SHOP) == WEIGHTS
    assert the_file(state).stat().st_mode & 0o777 == 0o600
    keep_weights(SHOP, WEIGHTS[::-1])
    assert kept_weights(SHOP) == WEIGHTS[::-1]
    assert forget_weights(SHOP)
    assert kept_weights(SHOP) is None
    assert not forget_weights(SHOP)


@pytest.mark.parametrize(
    "other", [{"root": "/roots/two"}, {"collection": "web"}, {"id": "02"}, {"embedder": "onnx:/m"}]
)
def test_weights_are_for_one_collection_and_embedder(other: dict[str, str]) -> None:
    keep_weights(SHOP, WEIGHTS)
    assert kept_weights(SHOP._replace(**other)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"weights": {**dict.fromkeys(MODEL_FEATURES, 1.0), "chunks": "much"}},
        {"weights": {**dict.fromkeys(MODEL_FEATURES, 1.0), "chunks": True}},
        {"weights": {**dict.fromkeys(MODEL_FEATURES, 1.0), "chunks": 1e9}},
        {"weights": {**dict.fromkeys(MODEL_FEATURES, 1.0), "chunks": float("nan")}},
        {"weights": {**dict.fromkeys(MODEL_FEATURES, 1.0), "another": 1.0}},
        {"weights": {"chunks": 1.0}},
        {"weights": [1.0]},
        {"id": "of another"},
    ],
)
def test_file_with_anything_else_counts_as_none(state: Path, change: dict[str, object]) -> None:
    keep_weights(SHOP, WEIGHTS)
    place = the_file(state)
    place.write_text(json.dumps(json.loads(place.read_text()) | change))
    assert kept_weights(SHOP) is None


@pytest.mark.parametrize("content", ["", "[" * 100_000, "{}", "\0", "null"])
def test_file_that_is_no_description_counts_as_none(state: Path, content: str) -> None:
    keep_weights(SHOP, WEIGHTS)
    the_file(state).write_text(content)
    assert kept_weights(SHOP) is None


def test_file_that_others_may_write_or_that_is_a_link_counts_as_none(state: Path) -> None:
    keep_weights(SHOP, WEIGHTS)
    place = the_file(state)
    place.chmod(0o620)
    assert kept_weights(SHOP) is None
    place.chmod(0o600)
    assert kept_weights(SHOP) == WEIGHTS
    elsewhere = state / "elsewhere.json"
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    assert kept_weights(SHOP) is None
    place.unlink()
    os.mkfifo(place)
    assert kept_weights(SHOP) is None


def test_folder_that_cannot_be_written_is_an_error_that_says_so(state: Path) -> None:
    (state / "raycontext").write_text("in the way")
    with pytest.raises(StorageError, match="weights cannot be kept"):
        keep_weights(SHOP, WEIGHTS)
    assert kept_weights(SHOP) is None


def test_ranker_of_weights_has_them_in_the_order_of_the_features() -> None:
    assert ranker_of(WEIGHTS).weights.tolist() == list(WEIGHTS)
    assert ranker_of(None).weights.tolist() != list(WEIGHTS)
