"""Train the table of term vectors on mined pairs, from a random start, and save it for the static embedder.

    python training/train_embedder.py WORK [--size 28000] [--dimension 256] [--steps 2400]

Reads WORK/pairs (see `mine_pairs.py`); writes `raycontext/embed/models/data/`. A text is the sum over its terms of
sqrt(frequency) times weight times vector. Vectors start at random and weights as 1e-3 / (1e-3 + share of all words)
(Arora, Liang, Ma 2017, "A simple but tough-to-beat baseline for sentence embeddings"); both are trained together by
the softmax over all bodies of a batch, and over all its queries (InfoNCE: van den Oord, Li, Vinyals 2018). Batches are
made of blocks of neighbouring pairs of one package, whose other pairs are hard negatives.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from measure import evaluation_sets, mean_reciprocal_rank
from numpy.typing import NDArray
from pairs import Bags, Pairs, load, stop_terms, vocabulary
from table import save_table
from torch import nn

TEMPERATURE = 0.07
BATCH = 1024
BLOCK = 16
SEED = 20_240
LANGUAGE_POWER = 0.6  # blocks of a language are drawn in proportion to its pairs to this power
DROPPED_FROM_QUERIES = 0.05
STEPS_BETWEEN_EVALUATIONS = 200


class TextRows:
    """Bags as numbers of the vocabulary, terms outside of it left out."""

    def __init__(self, bags: Bags, terms: NDArray[np.uint64], left_out: NDArray[np.uint64] | None = None) -> None:
        ids = np.searchsorted(terms, bags.terms)
        ids[ids == terms.size] = 0
        known = terms[ids] == bags.terms
        rows = np.repeat(np.arange(bags.offsets.size - 1, dtype=np.int32), np.diff(bags.offsets))
        if left_out is not None:
            is_stop = np.isin(bags.terms, left_out)
            others = np.bincount(rows[~is_stop], minlength=bags.offsets.size - 1)
            known &= ~is_stop | (others[rows] == 0)
        self.ids = ids[known].astype(np.int32)
        self.weights = np.sqrt(bags.frequencies[known].astype(np.float32))
        self.offsets = np.concatenate([[0], np.cumsum(np.bincount(rows[known], minlength=bags.offsets.size - 1))])

    def gather(self, rows: NDArray[np.int32]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Ids, offsets and weights of the rows, as `embedding_bag` takes them."""
        starts, lengths = self.offsets[rows], np.diff(self.offsets)[rows]
        bounds = np.concatenate([[0], np.cumsum(lengths)])
        at = np.arange(bounds[-1]) - np.repeat(bounds[:-1] - starts, lengths)
        return (
            torch.from_numpy(self.ids[at].astype(np.int64)),
            torch.from_numpy(bounds[:-1].astype(np.int64)),
            torch.from_numpy(self.weights[at]),
        )


class Model(nn.Module):
    """Vectors and logarithms of weights of the vocabulary."""

    def __init__(self, shares: NDArray[np.float64], dimension: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(shares.size, dimension) / dimension**0.5)
        self.logarithms = nn.Parameter(torch.from_numpy(np.log(1e-3 / (1e-3 + shares))).float())

    def forward(self, ids: torch.Tensor, offsets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        sums = nn.functional.embedding_bag(
            ids, self.vectors, offsets, mode="sum", per_sample_weights=weights * self.logarithms.exp()[ids]
        )
        return nn.functional.normalize(sums, dim=1, eps=1e-6)


class Sampler:
    """Draws batches."""

    def __init__(self, pairs: Pairs) -> None:
        self.generator = np.random.default_rng(SEED)
        starts = [
            np.arange(first, max(first + 1, last - BLOCK // 2), BLOCK)
            for first, last in zip(pairs.project_starts[:-1], pairs.project_starts[1:], strict=True)
        ]
        self.starts = np.concatenate(starts)
        self.ends = np.concatenate(
            [np.full(found.size, last) for found, last in zip(starts, pairs.project_starts[1:], strict=True)]
        )
        languages = pairs.languages[self.starts]
        counts = np.bincount(languages)[languages]
        odds = counts.astype(np.float64) ** (LANGUAGE_POWER - 1)
        self.odds = odds / odds.sum()

    def batch(self) -> NDArray[np.int64]:
        """Numbers of the pairs of one batch."""
        blocks = self.generator.choice(self.starts.size, BATCH // BLOCK, replace=False, p=self.odds)
        shift = int(self.generator.integers(-BLOCK // 2, BLOCK // 2))
        found = [
            np.arange(max(0, self.starts[at] + shift), min(self.ends[at], self.starts[at] + shift + BLOCK))
            for at in blocks
        ]
        return np.unique(np.concatenate(found))


@dataclass(frozen=True, slots=True)
class Data:
    """Mined pairs as numbers of the vocabulary."""

    terms: NDArray[np.uint64]
    shares: NDArray[np.float64]
    training: Pairs
    queries: TextRows
    bodies: TextRows
    held_out: Pairs
    held_out_queries: TextRows
    held_out_bodies: TextRows


def prepare(folder: Path, size: int) -> Data:
    """Read the pairs below `folder`, with a vocabulary of `size` terms."""
    terms, shares = vocabulary(folder, size)
    training, held_out, stops = load(folder, held_out=False), load(folder, held_out=True), stop_terms()
    print(f"{terms.size} terms; pairs: {training.kinds.size} of {training.project_starts.size - 1} packages", end="")
    print(f", held out {held_out.kinds.size} of {held_out.project_starts.size - 1}", flush=True)
    return Data(
        terms,
        shares,
        training,
        TextRows(training.bags, terms, stops),
        TextRows(training.bags, terms),
        held_out,
        TextRows(held_out.bags, terms, stops),
        TextRows(held_out.bags, terms),
    )


def evaluate(model: Model, data: Data, sets: dict[str, NDArray[np.int64]]) -> dict[str, float]:
    """Mean reciprocal rank in each set of held-out pairs."""
    results = {}
    with torch.no_grad():
        for name, chosen in sets.items():
            left = model(*data.held_out_queries.gather(data.held_out.queries[chosen]))
            right = model(*data.held_out_bodies.gather(data.held_out.bodies[chosen]))
            results[name] = mean_reciprocal_rank((left @ right.T).numpy())
    return results


def loss_of(model: Model, data: Data, chosen: NDArray[np.int64]) -> torch.Tensor:
    """Cross entropy of each query among the bodies of the batch and of each body among its queries."""
    query_rows, body_rows = data.training.queries[chosen], data.training.bodies[chosen]
    sides = []
    for texts, rows, dropped in ((data.queries, query_rows, DROPPED_FROM_QUERIES), (data.bodies, body_rows, 0.0)):
        ids, offsets, weights = texts.gather(rows)
        sides.append(model(ids, offsets, weights * (torch.rand(weights.shape) >= dropped)))
    same = (query_rows[:, None] == query_rows[None, :]) | (body_rows[:, None] == body_rows[None, :])
    np.fill_diagonal(same, False)
    scores = (sides[0] @ sides[1].T / TEMPERATURE).masked_fill(torch.from_numpy(same), -1e4)
    target = torch.arange(chosen.size)
    return (nn.functional.cross_entropy(scores, target) + nn.functional.cross_entropy(scores.T, target)) / 2


def fit(data: Data, dimension: int, steps: int, rate: float) -> NDArray[np.float32]:
    """Vectors of the terms with their weights, float32[terms, dimension]: the best on the held-out pairs."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    sets, sampler, model = evaluation_sets(data.held_out), Sampler(data.training), Model(data.shares, dimension)
    groups = [{"params": [model.vectors], "lr": rate}, {"params": [model.logarithms], "lr": rate * 2}]
    optimizer = torch.optim.Adam(groups, betas=(0.9, 0.98), fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 50) * max(0.02, 1 - step / steps)
    )
    best, best_vectors, started = 0.0, None, time.monotonic()
    for step in range(steps):
        loss = loss_of(model, data, sampler.batch())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % STEPS_BETWEEN_EVALUATIONS == STEPS_BETWEEN_EVALUATIONS - 1 or step == steps - 1:
            results = evaluate(model, data, sets)
            mean = float(np.mean(list(results.values())))
            figures = ", ".join(f"{name} {value:.4f}" for name, value in results.items())
            print(f"step {step + 1}, {time.monotonic() - started:.0f} s, loss {loss.item():.3f}: {mean:.4f}, {figures}")
            if mean > best:
                best, best_vectors = mean, (model.vectors * model.logarithms.exp()[:, None]).detach().numpy().copy()
    assert best_vectors is not None
    return best_vectors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--size", type=int, default=28_000, help="terms")
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--rate", type=float, default=5e-3)
    arguments = parser.parse_args()
    data = prepare(arguments.work / "pairs", arguments.size)
    save_table(data.terms, fit(data, arguments.dimension, arguments.steps, arguments.rate))


if __name__ == "__main__":
    main()
