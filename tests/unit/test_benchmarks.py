"""The pictures of the benchmark report are those of its results, and every result says what it is of."""

from __future__ import annotations

import importlib
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BENCHMARKS = REPOSITORY / "benchmarks"
PICTURES = REPOSITORY / "docs" / "benchmarks"


@contextmanager
def script(name: str) -> Iterator[ModuleType]:
    """The script, with its neighbours as it imports them."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield importlib.import_module(name)
    finally:
        sys.path.remove(str(BENCHMARKS))
        for module in (name, "record"):
            sys.modules.pop(module, None)


@pytest.fixture(scope="module")
def plot() -> Iterator[ModuleType]:
    with script("plot") as module:
        yield module


def test_pictures_are_what_the_results_say(plot: ModuleType) -> None:
    assert {path.stem for path in PICTURES.glob("*.svg")} == set(plot.PLOTS)
    for name, draw in plot.PLOTS.items():
        written = (PICTURES / f"{name}.svg").read_text(encoding="utf-8")
        assert draw() == written, f"{name}: run `python benchmarks/plot.py`"
        ElementTree.fromstring(written)


def test_table_of_first_answers_is_what_the_result_says() -> None:
    with script("first_answer") as first_answer:
        figures = json.loads((BENCHMARKS / "results" / "first_answer.json").read_text())["figures"]
        table = "\n".join(first_answer.table(figures))
    assert table in (REPOSITORY / "docs" / "benchmarks.md").read_text(), f"docs/benchmarks.md must have\n{table}"


def test_every_picture_is_shown() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(benchmarks/([\w-]+)\.svg\)", (REPOSITORY / "docs/benchmarks.md").read_text())
    assert sorted(shown) == sorted(path.stem for path in PICTURES.glob("*.svg"))


def test_results_name_machine_day_and_versions(plot: ModuleType) -> None:
    for place in sorted((BENCHMARKS / "results").glob("*.json")):
        found = plot.record.read(place)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", found["date"])
        assert {"processor", "cores", "memory_gib"} <= set(found["machine"])
        assert {"python", "raycontext"} <= set(found["versions"])


def test_labels_are_escaped(plot: ModuleType) -> None:
    drawn = plot.bars("a < b & c", "", [plot.Bar("<script>", 1.0, "&"), plot.Bar("nothing", 0.0, "0")])
    texts = [element.text for element in ElementTree.fromstring(drawn).iter() if element.text and element.text.strip()]
    assert {"a < b & c", "<script>", "&"} <= set(texts)


def test_sample_of_definitions_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "store.py").write_text("LIMIT = 3\n\n\ndef open_store(path):\n    return path\n")
    sys.path.insert(0, str(BENCHMARKS))
    try:
        definitions = importlib.import_module("definitions")
    finally:
        sys.path.remove(str(BENCHMARKS))
    definitions.show_sample("python", definitions.tallied([tmp_path], beside_ctags=False)["python"], 1)
    line = capsys.readouterr().out.rstrip("\n").split("\t")
    assert line in (
        ["python", "constant", "LIMIT", "LIMIT = 3", f"{tmp_path}/store.py:1"],
        ["python", "function", "open_store", "def open_store(path):", f"{tmp_path}/store.py:4"],
    )
