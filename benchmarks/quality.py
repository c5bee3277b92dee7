"""Retrieval quality on judged queries: NDCG@10 over all, by category, by language, by repository.

    python benchmarks/quality.py QUERIES CORPUS [--only NAME,NAME] [--json FILE]

QUERIES is a folder of judgement files, CORPUS a folder with a repository for each. A judgement file holds
`name`, `language`, `root` (the part of the repository to index) and `queries`, each with `query`, `category` and
`targets` (path and, where it matters, start_line and end_line).

A result answers a target when one path is a suffix of the other at a `/` and, where the target has lines, the lines
overlap. Each target counts once, at the rank of the first result that answers it; gains are 1; the ideal is over
min(10, number of targets).
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import raycontext
from raycontext.models import Hit

DEPTH = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one query went."""

    repository: str
    language: str
    category: str
    query: str
    ndcg: float
    milliseconds: float


def answers(hit: Hit, target: dict[str, Any]) -> bool:
    path, wanted = f"/{hit.path}", f"/{target['path']}"
    if not (path.endswith(wanted) or wanted.endswith(path)):
        return False
    if "start_line" not in target:
        return True
    return hit.start_line <= target["end_line"] and target["start_line"] <= hit.end_line


def ndcg(hits: Sequence[Hit], targets: Sequence[dict[str, Any]]) -> float:
    """NDCG at `DEPTH` with binary gains; each target counts at its first answer."""
    open_targets = list(targets)
    gain = 0.0
    for rank, hit in enumerate(hits[:DEPTH], 1):
        answered = [target for target in open_targets if answers(hit, target)]
        if answered:
            gain += len(answered) / math.log2(rank + 1)
            open_targets = [target for target in open_targets if target not in answered]
    ideal = sum(1.0 / math.log2(rank + 1) for rank in range(1, min(DEPTH, len(targets)) + 1))
    return min(gain / ideal, 1.0)


def measure(judged: dict[str, Any], corpus: Path, context: raycontext.SyncContext) -> list[Outcome]:
    """Index one repository and ask its queries."""
    source = corpus / judged["name"] / judged["root"]
    name = context.index(source).collection
    outcomes = []
    for query in judged["queries"]:
        begun = time.perf_counter()
        hits = context.search(query["query"], collection=name, limit=DEPTH)
        milliseconds = (time.perf_counter() - begun) * 1e3
        value = ndcg(hits, query["targets"])
        outcomes.append(
            Outcome(judged["name"], judged["language"], query["category"], query["query"], value, milliseconds)
        )
    return outcomes


def table(title: str, outcomes: Iterable[Outcome], key: str) -> list[tuple[str, int, float]]:
    groups: dict[str, list[float]] = {}
    for outcome in outcomes:
        groups.setdefault(getattr(outcome, key), []).append(outcome.ndcg)
    print(f"\n{title}")
    rows = [(name, len(values), statistics.fmean(values)) for name, values in sorted(groups.items())]
    for name, count, value in rows:
        print(f"  {name:<16}{count:>5}  {value:.3f}")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queries", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path, default=None)
    arguments = parser.parse_args()
    only = set(filter(None, arguments.only.split(",")))
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as root, raycontext.connect(root=root, runtime="inline") as context:
        for file in sorted(arguments.queries.glob("*.json")):
            judged = json.loads(file.read_text())
            if only and judged["name"] not in only:
                continue
            if not (arguments.corpus / judged["name"]).is_dir():
                print(f"{judged['name']}: not in {arguments.corpus}", file=sys.stderr)
                continue
            outcomes.extend(measure(judged, arguments.corpus, context))
    if not outcomes:
        sys.exit("no query was asked")
    for title, key in (("by repository", "repository"), ("by language", "language"), ("by category", "category")):
        table(title, outcomes, key)
    print(f"\nNDCG@{DEPTH} over {len(outcomes)} queries: {statistics.fmean(outcome.ndcg for outcome in outcomes):.4f}")
    print(f"query time, median: {statistics.median(outcome.milliseconds for outcome in outcomes):.1f} ms")
    if arguments.json:
        rows = [{name: getattr(outcome, name) for name in Outcome.__slots__} for outcome in outcomes]
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
