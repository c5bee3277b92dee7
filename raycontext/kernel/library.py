"""Compiled library of the kernels: its variants, and the choice for this processor."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from raycontext.errors import KernelsMissing

try:
    from raycontext.kernel.declarations import ffi
except ImportError:
    raise KernelsMissing(str(Path(__file__).parent)) from None

__all__ = ["VARIANTS", "ffi", "kernels", "load", "usable"]

FOLDER = Path(__file__).parent

VARIANTS = ("avx2", "baseline")
"""Names of the variants of the library, the fastest first. All give the same results, bit for bit."""


@cache
def load(variant: str) -> Any:
    """Return a variant of the library. Raises `KernelsMissing` where its file is missing or cannot be loaded."""
    place = FOLDER / f"kernels-{variant}.so"
    try:
        return ffi.dlopen(str(place))
    except OSError as error:
        raise KernelsMissing(str(place)) from error


def usable() -> tuple[str, ...]:
    """Return the variants that this processor can run, the fastest first."""
    has_avx2 = load("baseline").has_avx2() and (FOLDER / "kernels-avx2.so").exists()
    return VARIANTS if has_avx2 else VARIANTS[1:]


@cache
def kernels() -> Any:
    """Return the fastest variant for this processor. Its functions release Python's global interpreter lock."""
    return load(usable()[0])
