"""The process that holds a cluster together is killed: nothing that was acknowledged goes with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .scenarios import seen_by

pytestmark = pytest.mark.ray


def test_lost_head_is_told_and_a_new_one_finds_everything(tmp_path: Path) -> None:
    seen = seen_by("head_scenario", tmp_path, "1")
    version, files = seen["acknowledged"]
    assert (version, files) == (1, 20)
    assert seen["before"]
    assert seen["without_head"] == seen["before"]
    assert seen["index"].startswith("RuntimeUnavailable: The head of the Ray cluster at ")
    assert seen["afterwards"].startswith("RuntimeUnavailable: ")
    assert seen["damage"] == [0]
    assert seen["after"] == seen["before"]
    assert (seen["files"], seen["new"]) == (21, ["new.py"])
