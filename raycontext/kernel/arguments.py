"""Arrays on their way into a kernel: their types, layouts and sizes are checked before a pointer is taken."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycontext.errors import CorruptArrays
from raycontext.kernel.library import ffi

__all__ = [
    "BOOL", "FLOAT32", "FLOAT64", "INT8", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64",
    "Kind", "checked", "offsets_of",
]  # fmt: skip

_NOTHING = ffi.NULL
_from_buffer = ffi.from_buffer


class Kind:
    """Elements of one type, as numpy and C name them."""

    __slots__ = ("_type", "dtype")

    def __init__(self, dtype: type[np.generic], name: str) -> None:
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self._type = ffi.typeof(f"{name}[]")

    def read(self, array: NDArray[Any], size: int, what: str) -> Any:
        """Return the pointer to an array of `size` elements that a kernel reads.

        Raises `CorruptArrays` where the array has another type or size, or does not lie in one aligned piece.
        """
        if array.dtype != self.dtype or array.size != size or not array.flags.aligned:
            raise CorruptArrays(what, f"{array.dtype}[{array.size}] where {self.dtype}[{size}] is needed")
        try:
            return _from_buffer(self._type, array)
        except (BufferError, ValueError):
            raise CorruptArrays(what, "its elements do not lie side by side") from None

    def write(self, array: NDArray[Any]) -> Any:
        """Return the pointer to an array that the caller made for a kernel to fill."""
        return _from_buffer(self._type, array, True)


BOOL = Kind(np.bool_, "uint8_t")
INT8 = Kind(np.int8, "int8_t")
UINT8 = Kind(np.uint8, "uint8_t")
UINT16 = Kind(np.uint16, "uint16_t")
INT32 = Kind(np.int32, "int32_t")
UINT32 = Kind(np.uint32, "uint32_t")
INT64 = Kind(np.int64, "int64_t")
UINT64 = Kind(np.uint64, "uint64_t")
FLOAT32 = Kind(np.float32, "float")
FLOAT64 = Kind(np.float64, "double")


def offsets_of(array: NDArray[np.integer[Any]], size: int, what: str) -> tuple[Any, Any]:
    """Return the pointers to offsets of 32 and of 64 bits: the one that they are not is null."""
    if array.dtype == INT32.dtype:
        return INT32.read(array, size, what), _NOTHING
    return _NOTHING, INT64.read(array, size, what)


def checked(result: int, what: str) -> int:
    """Return what a kernel returned. Raises `CorruptArrays` where it met an index that leads outside of its arrays."""
    if result < 0:
        raise CorruptArrays(what, "an offset or a row number leads outside of the data")
    return result
