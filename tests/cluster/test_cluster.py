"""Shards and replicas on several nodes: the same answers as alone, and no answer lost with a node."""

from __future__ import annotations

from typing import Any

import pytest

from .scenarios import seen_by

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the scenario saw."""
    return seen_by("scenario", tmp_path_factory.mktemp("cluster"))


def test_answers_do_not_depend_on_nodes_and_shards(seen: dict[str, Any]) -> None:
    assert all(seen["expected"])
    assert seen["answers"] == seen["expected"]


def test_replicas_of_a_shard_lie_on_different_nodes(seen: dict[str, Any]) -> None:
    assert seen["actors"] == 6
    assert seen["apart"] == [True] * 3
    assert seen["on_lost_node"] in (1, 2, 3)


def test_actors_of_all_collections_are_spread_over_all_nodes(seen: dict[str, Any]) -> None:
    assert len(seen["by_node"]) == 3
    assert max(seen["by_node"]) - min(seen["by_node"]) <= 1


def test_nodes_export_metrics(seen: dict[str, Any]) -> None:
    expected = {"search_seconds_count", "commit_seconds_count", "segments", "indexed_files_total", "resident_bytes"}
    assert set(seen["metrics"]) >= {f"ray_raycontext_{name}" for name in expected}


def test_search_goes_on_with_replicas_when_a_node_is_lost(seen: dict[str, Any]) -> None:
    assert seen["during_loss"] == [3, 3]
    assert seen["during_loss_answer"] == seen["expected"][0]
    assert seen["after_loss"] == seen["expected"]


def test_models_run_where_the_gpus_are(seen: dict[str, Any]) -> None:
    found = seen["on_gpu"]
    assert (found["actors"], found["there"], found["left"]) == (2, True, [])
    assert found["texts"] > 40


def test_index_run_outlives_the_loss_of_a_node(seen: dict[str, Any]) -> None:
    assert seen["index_after_loss"] == [400, {}, []]  # no file is blamed for the node
    assert seen["grown"] == seen["grown_expected"]
    assert seen["verified"] == [0]
