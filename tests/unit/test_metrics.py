"""Metrics are documented, the dashboard shows nothing else, and without Ray they cost nothing."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from raycontext.actors import metrics
from raycontext.actors.metrics import INSTRUMENTS, add, timed

DOCS = Path(__file__).parents[2] / "docs"
SERIES = re.compile(r"ray_(raycontext_\w+)")
SUFFIXES = re.compile(r"_(bucket|count|sum)$")


def test_every_metric_is_documented_with_its_labels() -> None:
    rows = {
        cells[0].strip("`"): cells
        for line in (DOCS / "metrics.md").read_text().splitlines()
        if line.startswith("| `ray_") and (cells := [cell.strip() for cell in line.strip("|").split("|")])
    }
    assert set(rows) == {f"ray_{name}" for name in INSTRUMENTS}
    for name, instrument in INSTRUMENTS.items():
        _, kind, description, labels = rows[f"ray_{name}"]
        assert (kind, description) == (instrument.kind.lower(), instrument.description)
        assert tuple(re.findall(r"`(\w+)`", labels)) == instrument.tags


def test_dashboard_shows_every_metric_and_no_other() -> None:
    dashboard = json.loads((DOCS / "grafana.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    shown = {SUFFIXES.sub("", name) for expression in expressions for name in SERIES.findall(expression)}
    assert shown == set(INSTRUMENTS)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_names_say_what_they_count_in() -> None:
    for instrument in INSTRUMENTS.values():
        assert instrument.kind != "Counter" or instrument.name.endswith("_total")
        assert instrument.kind != "Histogram" or instrument.name.endswith("_seconds")


def test_nothing_is_recorded_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr(metrics, "metric", lambda name: pytest.fail(f"{name} was recorded"))
    add("raycontext_compactions_total", 1, collection="shop")
    with pytest.raises(ZeroDivisionError), timed("raycontext_commit_seconds", collection="shop"):
        _ = 1 / 0
