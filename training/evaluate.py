"""Compare the saved table with what needs no training, on pairs of the held-out packages.

    python training/evaluate.py WORK

Mean reciprocal rank of a query's own body among up to 2,000 bodies: by the table, by random indexing (a fixed
pseudo-random vector of 256 signs for each term), and by BM25 with word counts from the training packages.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from measure import evaluation_sets, mean_reciprocal_rank
from numpy.typing import NDArray
from pairs import Bags, load, stop_terms

from raycontext.embed.models.static import load_table


def bag_matrix(bags: Bags, rows: NDArray[np.int32], terms: NDArray[np.uint64]) -> NDArray[np.float32]:
    """Frequencies of the terms in the rows, float32[rows, terms]."""
    matrix = np.zeros((rows.size, terms.size), np.float32)
    for at, row in enumerate(rows):
        own = slice(bags.offsets[row], bags.offsets[row + 1])
        columns = np.minimum(np.searchsorted(terms, bags.terms[own]), terms.size - 1)
        found = terms[columns] == bags.terms[own]
        matrix[at, columns[found]] = bags.frequencies[own][found]
    return matrix


def normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return vectors / lengths


def signs(terms: NDArray[np.uint64], dimension: int) -> NDArray[np.float32]:
    """A pseudo-random vector for each term."""
    generator = np.random.default_rng(1)
    return np.where(generator.random((terms.size, dimension), np.float32) < 0.5, np.float32(-1), np.float32(1))


def bm25(queries: NDArray[np.float32], bodies: NDArray[np.float32], idf: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = bodies.sum(axis=1, keepdims=True)
    weighted = bodies * 2.2 / (bodies + 1.2 * (0.25 + 0.75 * lengths / lengths.mean()))
    scores: NDArray[np.float32] = (np.minimum(queries, 1) * idf) @ weighted.T
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    folder = parser.parse_args().work / "pairs"
    held_out, table, stops = load(folder, held_out=True), load_table(), stop_terms()
    training = load(folder, held_out=False).bags
    known, counts = np.unique(training.terms, return_counts=True)
    rows_in_training = training.offsets.size - 1
    vectors_of_terms = table.codes.astype(np.float32) * table.scales[:, np.newaxis]
    for name, chosen in evaluation_sets(held_out).items():
        rows = held_out.queries[chosen], held_out.bodies[chosen]
        used = [
            held_out.bags.terms[held_out.bags.offsets[row] : held_out.bags.offsets[row + 1]]
            for row in np.concatenate(rows)
        ]
        terms = np.unique(np.concatenate(used))
        queries, bodies = (bag_matrix(held_out.bags, found, terms) for found in rows)
        without_stops = queries * ~np.isin(terms, stops)
        queries = np.where(without_stops.any(axis=1, keepdims=True), without_stops, queries)
        at = np.minimum(np.searchsorted(known, terms), known.size - 1)
        found_in = np.where(known[at] == terms, counts[at], 0)
        idf = np.log1p((rows_in_training - found_in + 0.5) / (found_in + 0.5)).astype(np.float32)
        random = signs(terms, 256)
        places = table.rows_of(terms)
        trained = np.where(places[:, np.newaxis] >= 0, vectors_of_terms[places], 0)
        left, right = np.sqrt(queries), np.sqrt(bodies)
        by_table = normalised(left @ trained), normalised(right @ trained)
        by_random = normalised(left @ random), normalised(right @ random)
        lexical = bm25(queries, bodies, idf)
        lexical /= np.maximum(lexical.max(axis=1, keepdims=True), 1e-9)
        results = {
            "table": by_table[0] @ by_table[1].T,
            "random indexing": by_random[0] @ by_random[1].T,
            "BM25": lexical,
            "BM25 and table": lexical + by_table[0] @ by_table[1].T,
            "BM25 and random indexing": lexical + by_random[0] @ by_random[1].T,
        }
        figures = ", ".join(f"{system} {mean_reciprocal_rank(found):.3f}" for system, found in results.items())
        print(f"{name} ({chosen.size}): {figures}", flush=True)


if __name__ == "__main__":
    main()
