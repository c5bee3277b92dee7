"""Hashes of terms. They are part of the index format: a change makes every index on disk unreadable."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raycontext.kernel import kernel

__all__ = ["FNV_OFFSET", "FNV_PRIME", "fnv1a", "splitmix64"]

FNV_OFFSET = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)

_MULTIPLIER_1 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLIER_2 = np.uint64(0x94D049BB133111EB)


@kernel
def fnv1a(data: NDArray[np.uint8], first: int, last: int) -> np.uint64:
    """FNV-1a, 64 bits, of `data[first:last]` (Fowler, Noll, Vo; RFC 9923)."""
    value = FNV_OFFSET
    for position in range(first, last):
        value = (value ^ np.uint64(data[position])) * FNV_PRIME
    return value


@kernel
def splitmix64(value: np.uint64) -> np.uint64:
    """The output function of SplitMix64 (Steele, Lea, Flood 2014): a bijection that mixes all bits."""
    value = (value ^ (value >> np.uint64(30))) * _MULTIPLIER_1
    value = (value ^ (value >> np.uint64(27))) * _MULTIPLIER_2
    return value ^ (value >> np.uint64(31))
