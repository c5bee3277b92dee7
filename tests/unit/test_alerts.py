"""The alert rules ask for metrics and labels that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from raycontext.actors.metrics import INSTRUMENTS

FILE = Path(__file__).parents[2] / "docs" / "alerts.yaml"
RULES: list[dict[str, Any]] = [rule for group in yaml.safe_load(FILE.read_text())["groups"] for rule in group["rules"]]
SUFFIXES = {"Histogram": ("_bucket", "_count", "_sum"), "Counter": ("",), "Gauge": ("",)}
WORDS = {"by", "unless", "sum", "rate", "histogram_quantile"}


def series() -> dict[str, set[str]]:
    """Labels of each series that a node exports, by name."""
    return {
        f"ray_{name}{suffix}": {*instrument.tags, *(("le",) if suffix == "_bucket" else ())}
        for name, instrument in INSTRUMENTS.items()
        for suffix in SUFFIXES[instrument.kind]
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_rule_asks_for_series_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    expression = rule["expr"]
    asked = set(re.findall(r"ray_\w+", expression))
    assert asked
    assert asked <= set(series()), asked - set(series())
    labels = set.intersection(*(series()[name] for name in asked))
    grouped = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}
    assert grouped <= labels
    kept = grouped or labels
    assert set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))) <= kept
    words = set(re.findall(r"[a-z_]+", expression)) - asked - grouped
    assert {word for word in words if len(word) > 1} <= WORDS
    assert expression.count("(") == expression.count(")")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_rule_says_for_how_long_how_grave_and_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description"}
    assert rule["alert"].startswith("Raycontext")


def test_names_of_rules_are_unique() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
