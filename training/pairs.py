"""Load mined pairs: bags of terms of the vocabulary, train and held-out projects."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.terms import STOP_WORDS, analyse_texts

__all__ = ["Bags", "Pairs", "load", "vocabulary"]

HELD_OUT_OF = 20  # one project in so many is held out
MIN_PROJECTS = 3


@dataclass(frozen=True, slots=True)
class Bags:
    """Terms of texts by row: those of row i are `terms[offsets[i]:offsets[i + 1]]`."""

    offsets: NDArray[np.int64]
    terms: NDArray[np.uint64]
    frequencies: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Pairs:
    """All pairs of the training projects or of the held-out ones, with the bags of their texts."""

    bags: Bags
    queries: NDArray[np.int32]  # rows of `bags`
    bodies: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    languages: NDArray[np.uint8]
    project_starts: NDArray[np.int64]  # first pair of each project, and the number of pairs at the end


def project_of(name: str) -> str:
    """What packages of one project have in common: `debian.php-symfony-form` is `symfony`."""
    package = name.split(".", 1)[1].lower().lstrip("@")
    package = re.sub(r"^(?:golang-github|golang|librust|ruby|php|lua|haskell|react-native|python|lib)-?", "", package)
    return re.split(r"[-_.+]", package.lstrip("-"))[0]


def load(folder: Path, held_out: bool) -> Pairs:
    """The pairs of the files below `folder` whose projects are held out, or of the others."""
    chosen = []
    for path in sorted(folder.glob("*.npz")):
        number = int.from_bytes(hashlib.md5(project_of(path.stem).encode()).digest()[:4], "big")
        if (number % HELD_OUT_OF == 0) == held_out:
            chosen.append(np.load(path))
    row_counts = [len(found["offsets"]) - 1 for found in chosen]
    first_rows = np.concatenate([[0], np.cumsum(row_counts)])
    lengths = np.concatenate([np.diff(found["offsets"]) for found in chosen])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    pairs = np.concatenate(
        [found["pairs"].astype(np.int64) + first for found, first in zip(chosen, first_rows[:-1], strict=True)]
    ).astype(np.int32)
    counts = [len(found["pairs"]) for found in chosen]
    return Pairs(
        Bags(
            offsets,
            np.concatenate([found["terms"] for found in chosen]),
            np.concatenate([found["frequencies"] for found in chosen]),
        ),
        pairs[:, 0],
        pairs[:, 1],
        np.concatenate([found["kinds"] for found in chosen]),
        np.concatenate([found["languages"] for found in chosen]),
        np.concatenate([[0], np.cumsum(counts)]),
    )


def vocabulary(folder: Path, size: int) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """The most common terms of all packages, ascending, and the share of each of all words.

    A term counts for more by the number of projects that have it than by how often each has it.
    """
    terms, scores, counts = [], [], []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as found:
            unique, inverse = np.unique(found["terms"], return_inverse=True)
            counts.append(np.bincount(inverse, found["frequencies"]))
            terms.append(unique)
            scores.append(np.log1p(np.bincount(inverse)))
    unique, inverse = np.unique(np.concatenate(terms), return_inverse=True)
    projects = np.bincount(inverse)
    score = np.bincount(inverse, np.concatenate(scores))
    total = np.bincount(inverse, np.concatenate(counts))
    score[projects < MIN_PROJECTS] = 0
    kept = np.sort(np.argsort(-score, kind="stable")[: min(size, np.count_nonzero(score))])
    return unique[kept], total[kept] / total.sum()


def stop_terms() -> NDArray[np.uint64]:
    """Terms that leave queries."""
    return np.unique(analyse_texts(sorted(STOP_WORDS)).terms)
