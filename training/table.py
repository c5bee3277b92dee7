"""Write the table of term vectors in the form that the static embedder loads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import raycontext

__all__ = ["save_table"]

DATA = Path(raycontext.__file__).parent / "embed" / "models" / "data"


def save_table(terms: NDArray[np.uint64], vectors: NDArray[np.float32], folder: Path = DATA) -> None:
    """Save the vectors of ascending terms: 8-bit codes, and a scale for each term."""
    folder.mkdir(parents=True, exist_ok=True)
    scales = np.maximum(np.abs(vectors).max(axis=1) / np.float32(127), np.finfo(np.float32).tiny)
    np.save(folder / "terms.npy", terms.astype("<u8"))
    np.save(folder / "codes.npy", np.rint(vectors / scales[:, np.newaxis]).astype(np.int8))
    np.save(folder / "scales.npy", scales.astype("<f4"))
