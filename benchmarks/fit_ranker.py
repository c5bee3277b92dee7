"""Fit the weights of the ranker on judged queries, with leave-one-repository-out validation.

    python benchmarks/fit_ranker.py QUERIES CORPUS [--write] [--drop FEATURE,FEATURE] [--ablation]

Prints NDCG@10 of files with weights fitted on all repositories and with weights fitted without the repository of the
query (the honest figure), in all and by category, and the weights. `--write` puts the former into the package. `--drop`
leaves features out; `--ablation` does so with each group of features in turn and prints what it costs. The model is a
softmax over the candidate files of a query: the loss is the mean over queries of minus the logarithm of the probability
of each answering file, with a small L2 penalty.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import raycontext
from raycontext.analyse.path_kinds import PATH_KINDS
from raycontext.evaluation.fitting import FitSamples, fit_weights
from raycontext.evaluation.scoring import same_file
from raycontext.models import SearchFilters
from raycontext.sdk.context import CANDIDATE_FILES
from raycontext.search.query import SearchRequest
from raycontext.search.ranking.ranker import MODEL_FEATURES, CollectionFacts, model_features
from raycontext.search.shard import ShardSearch
from raycontext.store.collection import Location

DEPTH = 10
PENALTY = 0.002
PRIOR = {
    "exact_symbol": 5.0,
    "test": -1.0,
    "example": -0.5,
    "legacy": -0.5,
    "vendored": -1.0,
    "generated": -1.0,
    "internal": -0.5,
    "entry": -0.3,
    "declaration": -0.3,
    "prose": -1.0,
    "data": -0.5,
}
"""Weights that the penalty draws to, where it is not zero: few judged queries say anything of generated code, and who
gives nothing but a name wants its definition."""
WEIGHTS = Path(raycontext.__file__).parent / "search" / "ranking" / "weights.json"
GROUPS = {
    "vectors": ("vector_best", "vector_three", "vector_names", "vector_path"),
    "file names": ("stem_cover", "vector_path"),
    "definitions": ("best_definition", "exact_definition", "exact_symbol"),
    "path flags": PATH_KINDS,
    "size": ("size",),
}
"""What `--ablation` leaves out, group by group."""


@dataclass(frozen=True)
class Sample:
    """The candidate files of one query."""

    repository: str
    category: str
    query: str
    features: NDArray[np.float64]  # [files, features]
    paths: tuple[str, ...]
    answered: tuple[frozenset[int], ...]  # targets that each file answers
    targets: int


def gather(judged: dict[str, Any], corpus: Path, root: Path, context: raycontext.SyncContext) -> list[Sample]:
    """Index one repository and collect the candidates of its queries."""
    name = context.index(corpus / judged["name"] / judged["root"]).collection
    search = ShardSearch(Location(str(root), name).open(), 0)
    samples = []
    for query in judged["queries"]:
        request = SearchRequest(query["query"], SearchFilters(), files=CANDIDATE_FILES, rows=1)
        found = search.candidates(request, search.statistics(request))
        collection = CollectionFacts.total([found.cosine_sums], [found.kind_counts])
        paths = tuple(search.path(found.version, file) for file in found.files.tolist())
        targets = [target["path"] for target in query["targets"]]
        samples.append(
            Sample(
                repository=judged["name"],
                category=query["category"],
                query=query["query"],
                features=model_features(query["query"], found.features, found.kinds, collection),
                paths=paths,
                answered=tuple(
                    frozenset(number for number, target in enumerate(targets) if same_file(path, target))
                    for path in paths
                ),
                targets=len(targets),
            )
        )
    return samples


def ndcg(sample: Sample, weights: NDArray[np.float64]) -> float:
    ranking = np.argsort(-(sample.features @ weights), kind="stable")[:DEPTH]
    seen: set[int] = set()
    gain = 0.0
    for rank, file in enumerate(ranking, 1):
        fresh = sample.answered[file] - seen
        gain += len(fresh) / math.log2(rank + 1)
        seen |= fresh
    return min(gain / sum(1 / math.log2(rank + 1) for rank in range(1, min(DEPTH, sample.targets) + 1)), 1.0)


class Problem:
    """The samples as one matrix, so that a step of the fit is a handful of array operations."""

    def __init__(self, samples: list[Sample], kept: NDArray[np.float64]) -> None:
        usable = [sample for sample in samples if any(sample.answered)]
        answers = [np.array([bool(found) for found in sample.answered]) for sample in usable]
        self.samples = FitSamples.of(
            [(sample.features * kept, found) for sample, found in zip(usable, answers, strict=True)]
        )
        self.repositories = np.array([sample.repository for sample in usable])
        self.prior = np.array([PRIOR.get(name, 0.0) for name in MODEL_FEATURES])

    def fit(self, without: str | None) -> NDArray[np.float64]:
        """Weights fitted on all repositories but one."""
        return fit_weights(self.samples, self.repositories != without, np.zeros_like(self.prior), self.prior, PENALTY)


def ablation(samples: list[Sample], kept: NDArray[np.float64], full: float) -> None:
    """Print the honest figure without each group of features, and its distance from that of all, `full`."""
    for group, names in GROUPS.items():
        left = kept * [name not in names for name in MODEL_FEATURES]
        problem = Problem(samples, left)
        weights = {name: problem.fit(name) * left for name in {sample.repository for sample in samples}}
        values = [ndcg(sample, weights[sample.repository]) for sample in samples]
        report(f"without {group} ({statistics.fmean(values) - full:+.4f})", samples, values)


def report(title: str, samples: list[Sample], values: list[float]) -> None:
    print(f"{title}: {statistics.fmean(values):.4f}", end="  ")
    for category in sorted({sample.category for sample in samples}):
        of_category = [value for sample, value in zip(samples, values, strict=True) if sample.category == category]
        print(f"{category} {statistics.fmean(of_category):.4f}", end="  ")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queries", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--drop", default="")
    parser.add_argument("--ablation", action="store_true")
    parser.add_argument("--worst", type=int, default=0)
    arguments = parser.parse_args()
    dropped = set(filter(None, arguments.drop.split(",")))
    kept = np.array([0.0 if name in dropped else 1.0 for name in MODEL_FEATURES])
    samples: list[Sample] = []
    with (
        tempfile.TemporaryDirectory() as root,
        raycontext.connect(root=root, runtime="inline") as context,
    ):
        for file in sorted(arguments.queries.glob("*.json")):
            judged = json.loads(file.read_text())
            if (arguments.corpus / judged["name"]).is_dir():
                samples.extend(gather(judged, arguments.corpus, Path(root), context))
    problem = Problem(samples, kept)
    everything = problem.fit(None) * kept
    without = {name: problem.fit(name) * kept for name in sorted({sample.repository for sample in samples})}
    fitted = [ndcg(sample, everything) for sample in samples]
    honest = [ndcg(sample, without[sample.repository]) for sample in samples]
    report("fitted on all", samples, fitted)
    report("without the query's repository", samples, honest)
    reachable = [ndcg(sample, np.zeros(len(kept))) if not any(sample.answered) else 1.0 for sample in samples]
    print(f"queries with an answer among the candidates: {sum(reachable):.0f} of {len(samples)}")
    for name in without:
        of_repository = [value for sample, value in zip(samples, honest, strict=True) if sample.repository == name]
        print(f"  {name:<16}{statistics.fmean(of_repository):.3f}")
    for name, weight in sorted(zip(MODEL_FEATURES, everything, strict=True), key=lambda pair: -abs(pair[1])):
        print(f"  {name:<18}{weight:+.2f}")
    for value, sample in sorted(zip(honest, samples, strict=True), key=lambda pair: pair[0])[: arguments.worst]:
        found = [path for path, answered in zip(sample.paths, sample.answered, strict=True) if answered]
        print(f"  {value:.2f} {sample.repository}: {sample.query} -> {found}")
    if arguments.ablation:
        ablation(samples, kept, statistics.fmean(honest))
    if arguments.write:
        weights = {name: round(float(value), 3) for name, value in zip(MODEL_FEATURES, everything, strict=True)}
        WEIGHTS.write_text(json.dumps({"weights": weights}, indent=2) + "\n")


if __name__ == "__main__":
    main()
