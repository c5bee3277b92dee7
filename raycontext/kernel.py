"""Compiled functions: numba, without the interpreter's lock, with the machine code cached on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

__all__ = ["as_int", "kernel"]

FunctionT = TypeVar("FunctionT", bound=Callable[..., object])


def kernel(function: FunctionT) -> FunctionT:
    """Compile `function` on its first call with each combination of argument types.

    The machine code is cached beside the source file or, where that folder cannot be written, in the
    user's cache folder. Where neither can be written every process compiles for itself.

    numba compiles anew when the file of `function` changes, but not when another file does from which it
    takes kernels or constants. So that is done only with files that hardly change (this one, `hashing`,
    `characters`, `utf8`, and `arithmetic` of the search); who edits one of them removes the `__pycache__`
    folders of the package.
    """
    try:
        return cast(FunctionT, njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba found no folder for its cache
        return cast(FunctionT, njit(nogil=True)(function))


@kernel
def as_int(value: np.integer[Any]) -> int:
    """`value` as a signed integer of 64 bits. Kernels need it: signed and unsigned in one sum make a float."""
    return np.int64(value)  # type: ignore[return-value]
