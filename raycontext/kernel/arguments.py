"""Checks of the arrays that go to a kernel: types, layouts and sizes, before a pointer is taken."""

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
    """Type of the elements of an array, in numpy and in C."""

    __slots__ = ("_type", "dtype")

    def __init__(self, dtype: type[np.generic], name: str) -> None:
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self._type = ffi.typeof(f"{name}[]")

    def read(self, array: NDArray[Any], size: int, what: str) -> Any:
        """Return the pointer to an array of `size` elements, which a kernel only reads.

        `what` names the array in an error. Raises `CorruptArrays` where the array has another type or size, or its
        elements do not lie side by side.
        """
        is_type = array.dtype is self.dtype or array.dtype == self.dtype  # numpy mostly has one object for a type
        if not is_type or array.size != size or not array.flags.aligned:
            raise CorruptArrays(what, f"{array.dtype}[{array.size}] where {self.dtype}[{size}] is needed")
        try:
            return _from_buffer(self._type, array)
        except (BufferError, ValueError):
            raise CorruptArrays(what, "its elements do not lie side by side") from None

    def write(self, array: NDArray[Any]) -> Any:
        """Return the pointer to an array that the caller has made for a kernel to fill."""
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
    """Return the pointers to offsets of 32 bits and of 64 bits. One of them is null.

    Raises `CorruptArrays`, like `Kind.read`.
    """
    if array.dtype == INT32.dtype:
        return INT32.read(array, size, what), _NOTHING
    return _NOTHING, INT64.read(array, size, what)


def checked(result: int, what: str) -> int:
    """Return the result of a kernel.

    Raises `CorruptArrays` where it is negative: then the kernel met an index that leads outside of its arrays.
    """
    if result < 0:
        raise CorruptArrays(what, "an offset or a row number leads outside of the data")
    return result
