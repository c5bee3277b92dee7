"""`raycontext eval` as a process: figures, the worst queries, and what is wrong with a judged file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from raycontext.evaluation.scoring import Evaluation

from .conftest import Command

pytestmark = pytest.mark.process

CHARGED = {"query": "charge_card", "category": "symbol", "targets": [{"path": "shop/payment.py"}]}
ROUTED = {
    "query": "where are requests dispatched to handlers?",
    "category": "semantic",
    "targets": [{"path": "web/router.js", "start_line": 11, "end_line": 15}],
}
UNANSWERED = {
    "query": "where is the ledger \x1b[31mkept?",
    "category": "semantic",
    "targets": [{"path": "core/ledger.go"}, {"path": "core/gone.go", "start_line": 2, "end_line": 4}],
}


def judged_file(place: Path, content: Any) -> Path:
    file = place / "judged.json"
    file.write_text(json.dumps(content))
    return file


def test_figures_are_printed_by_category_with_the_worst_queries(command: Command, source: Path) -> None:
    queries = judged_file(source.parent, {"name": "shop", "queries": [CHARGED, ROUTED, UNANSWERED]})
    done = command("eval", queries, source, "--runtime", "inline")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"3 queries on {source} as 'shop', version 1")
    assert lines[1].split() == ["queries", "NDCG@10", "interval", "recall@10", "MRR"]
    half = 1 / (1 + 1 / math.log2(3))  # the second of two answers is missing
    assert [line.split()[:3] for line in lines[2:5]] == [
        ["all", "3", f"{(2 + half) / 3:.3f}"],
        ["semantic", "2", f"{(1 + half) / 2:.3f}"],
        ["symbol", "1", "1.000"],
    ]
    assert lines[4].split() == ["symbol", "1", "1.000", "1.000", "to", "1.000", "1.000", "1.000"]
    assert lines[2].split()[-2:] == ["0.833", "1.000"]
    assert lines[-3:] == [
        "worst queries:",
        f"  {half:.3f}  where is the ledger \\x1b[31mkept?  (semantic; first answer at 1)",
        "         missed core/gone.go:2-4",
    ]
    stages = ("queued", "walking", "hashing", "indexing", "committing", "done")
    assert all(line.split()[0] in stages for line in done.stderr.splitlines())
    assert "worst" not in command("eval", queries, source, "--runtime", "inline", "--worst", "0").stdout


def test_json_holds_everything(command: Command, source: Path) -> None:
    queries = judged_file(source.parent, [ROUTED, UNANSWERED])
    arguments = ("--runtime", "inline", "--limit", "1", "--collection", "judged", "--json")
    done = command("eval", queries, source, *arguments)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    index = printed.pop("index")
    assert (index["collection"], index["source"], index["files"], index["changed"]) == ("judged", str(source), 5, True)
    found = Evaluation.model_validate(printed)
    assert (found.depth, found.overall.queries, list(found.categories)) == (1, 2, ["semantic"])
    assert [(row.query, row.ndcg, row.recall, row.first_rank) for row in found.outcomes] == [
        (ROUTED["query"], 1.0, 1.0, 1),
        (UNANSWERED["query"], 1.0, 0.5, 1),
    ]
    assert [target.path for target in found.outcomes[1].missed] == ["core/gone.go"]


def test_changed_repository_is_indexed_again(command: Command, source: Path) -> None:
    queries = judged_file(source.parent, [{"query": "frobnicate", "targets": [{"path": "core/new.py"}]}])

    def ndcg() -> float:
        done = command("eval", queries, source, "--runtime", "inline", "--json")
        assert done.returncode == 0, done.stderr
        return float(json.loads(done.stdout)["overall"]["ndcg"]["mean"])

    assert ndcg() == 0.0
    (source / "core/new.py").write_text("def frobnicate():\n    return 1\n")
    assert ndcg() == 1.0


def test_folder_that_the_file_names_is_indexed_if_it_is_there(command: Command, source: Path) -> None:
    queries = judged_file(source.parent, {"root": "shop", "queries": [CHARGED]})

    def run(place: Path) -> tuple[dict[str, Any], str]:
        done = command("eval", queries, place, "--runtime", "inline", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    inner, told = run(source)
    assert (inner["index"]["source"], inner["index"]["files"]) == (str(source / "shop"), 2)
    assert inner["overall"]["ndcg"]["mean"] == 1.0
    assert "no folder" not in told
    whole, told = run(source / "shop")  # already within: there is no shop/shop
    assert whole["index"]["source"] == str(source / "shop")
    assert whole["overall"] == {**inner["overall"], "median_milliseconds": whole["overall"]["median_milliseconds"]}
    assert f"there is no folder shop in {source / 'shop'}: all of it is indexed" in told


@pytest.mark.parametrize(
    ("content", "place", "options", "code", "words"),
    [
        ([], "shop", (), 2, ("judged.json", "queries", "at least 1")),
        ({"queries": [{"query": "q", "targets": []}]}, "shop", (), 2, ("judged.json", "queries.0.targets")),
        ([{**ROUTED, "query": "x" * 10_001}], "shop", (), 2, ("queries.0", "10001 characters")),
        ([CHARGED], "gone", (), 3, ("gone",)),
        ({"root": "shop", "queries": [CHARGED]}, "gone\x1b[31m", (), 3, ("gone\\x1b[31m",)),
        ([CHARGED], "shop", ("--address", "127.0.0.1:1", "--runtime", "ray"), 7, ("127.0.0.1:1",)),
        ([CHARGED], "shop", ("--limit", "0"), 2, ("--limit",)),
    ],
)
def test_error_has_its_exit_code(
    command: Command,
    source: Path,
    content: Any,
    place: str,
    options: tuple[str, ...],
    code: int,
    words: tuple[str, ...],
) -> None:
    queries = judged_file(source.parent, content)
    done = command("eval", queries, source.parent / place, "--runtime", "inline", *options)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    message = done.stderr if code == 2 and options else done.stderr.splitlines()[-1]
    for word in words:
        assert word in message


def test_missing_judged_file_is_wrong_use(command: Command, source: Path) -> None:
    done = command("eval", source.parent / "gone.json", source, "--runtime", "inline")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {source.parent / 'gone.json'} cannot be read: No such file")
    assert not command.root.exists()
