"""Retrieval quality on judged queries: NDCG@10 beside that of other searches, in all and by group.

    python benchmarks/quality.py QUERIES CORPUS [--only NAME,NAME] [--peers bm25,semble] [--json FILE]

QUERIES is a folder of judged files (their format and the scoring stand in `raycontext.evaluation`), CORPUS a folder
with a repository for each. Peers are asked in the same run: `bm25` is plain BM25 over pieces of 50 lines, `semble` that
package without its model, where it is installed; `--peers ''` asks none. Intervals are 95 %, over queries.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from peers import DEPTH, PEERS, missing

import raycontext
from raycontext.evaluation.scoring import JudgedQueries, QueryOutcome, evaluate, read_judged, summary

OURS = "raycontext"


@dataclass(frozen=True, slots=True)
class Row:
    """How one query went with one system."""

    system: str
    repository: str
    language: str
    outcome: QueryOutcome


def measure(judged: JudgedQueries, corpus: Path, context: raycontext.SyncContext, peers: list[str]) -> list[Row]:
    """Index one repository with every system and ask its queries."""
    folder = corpus / str(judged.name) / (judged.root or "")
    collection = context.index(folder).collection
    evaluations = {
        OURS: evaluate(judged, lambda query: context.search(query, collection=collection, limit=DEPTH), DEPTH)
    }
    for peer in peers:
        evaluations[peer] = evaluate(judged, PEERS[peer](folder), DEPTH)
    return [
        Row(system, str(judged.name), str(judged.language), outcome)
        for system, evaluation in evaluations.items()
        for outcome in evaluation.outcomes
    ]


def table(title: str, rows: list[Row], group_of: Callable[[Row], str]) -> None:
    """Mean NDCG of each group, a column for each system; the interval is ours."""
    systems = list(dict.fromkeys(row.system for row in rows))
    print(f"\n{title:<18}queries" + "".join(f"{system:>12}" for system in systems) + "  our interval")
    for group in sorted({group_of(row) for row in rows}):
        found = {
            system: summary([row.outcome for row in rows if row.system == system and group_of(row) == group])
            for system in systems
        }
        ours = found[OURS]
        means = "".join(f"{figures.ndcg.mean:>12.4f}" for figures in found.values())
        print(f"  {group:<16}{ours.queries:>7}{means}  {ours.ndcg.low:.3f} to {ours.ndcg.high:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queries", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--json", type=Path, default=None)
    arguments = parser.parse_args()
    only = set(filter(None, arguments.only.split(",")))
    reasons = {peer: missing(peer) for peer in filter(None, arguments.peers.split(","))}
    for peer, reason in reasons.items():
        if reason:
            print(f"{peer} is left out: {reason}", file=sys.stderr)
    peers = [peer for peer, reason in reasons.items() if not reason]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as root, raycontext.connect(root=root, runtime="inline") as context:
        for file in sorted(arguments.queries.glob("*.json")):
            judged = read_judged(file)
            if only and judged.name not in only:
                continue
            if not (arguments.corpus / str(judged.name)).is_dir():
                print(f"{judged.name}: not in {arguments.corpus}", file=sys.stderr)
                continue
            rows.extend(measure(judged, arguments.corpus, context, peers))
    if not rows:
        sys.exit("no query was asked")
    table("by repository", rows, lambda row: row.repository)
    table("by language", rows, lambda row: row.language)
    table("by category", rows, lambda row: row.outcome.category)
    table(f"NDCG@{DEPTH}", rows, lambda _: "all")
    for system in (OURS, *peers):
        figures = summary([row.outcome for row in rows if row.system == system])
        print(
            f"{system}: recall@{DEPTH} {figures.recall.mean:.4f}, MRR {figures.mean_reciprocal_rank.mean:.4f}, "
            f"median time of a query {figures.median_milliseconds:.1f} ms"
        )
    if arguments.json:
        flat = [
            {"system": row.system, "repository": row.repository, "language": row.language}
            | row.outcome.model_dump(mode="json")
            for row in rows
        ]
        arguments.json.write_text(json.dumps(flat, indent=1))


if __name__ == "__main__":
    main()
