"""What `raycontext index` says before it starts something that goes on when the command has ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from raycontext.cli.indexing import runs as index_runs
from raycontext.daemon_client import wire


@pytest.mark.parametrize("runs", [False, True])
def test_daemon_is_announced_where_none_runs(
    runs: bool, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def followed(place: str, asked: dict[str, Any], show: Any) -> str:
        return place

    monkeypatch.setenv("RAYCONTEXT_DAEMON", "on")
    monkeypatch.setattr(wire, "health", lambda _: {"state": "ready", "ray": "ready"} if runs else None)
    monkeypatch.setattr(index_runs, "followed", followed)
    assert index_runs.index_folder(".", root=str(root)) == str(root)
    told = capsys.readouterr().err
    assert ("starting the daemon" in told) is not runs
    assert (str(root) in told, "raycontext down" in told) == (not runs, not runs)
