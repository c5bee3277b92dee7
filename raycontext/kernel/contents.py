"""Calls of `contents.c`: contents of files from the texts of their chunks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from raycontext.kernel.arguments import INT32, UINT8, UINT32, checked
from raycontext.kernel.library import kernels

__all__ = ["content"]

LINE_END = 0x0A


def content(
    size: int,
    starts: NDArray[np.uint32],
    ends: NDArray[np.uint32],
    texts: Iterable[tuple[NDArray[np.uint8], NDArray[np.int32]]],
    blanks: bytes,
) -> NDArray[np.uint8]:
    """Return the content of a file, uint8[size].

    starts, ends: place of each of its chunks in bytes, [n]. texts: the texts of the chunks in one piece or more; text i
    of a piece is `data[offsets[i]:offsets[i + 1]]`. blanks: what stands before, between and behind the chunks; empty
    where it is nothing but line ends. Raises `CorruptArrays` where a text or the blanks do not fit.
    """
    library, found, first = kernels(), np.empty(size, np.uint8), 0
    found.fill(LINE_END)
    for data, offsets in texts:
        rows = offsets.size - 1
        result = library.place_texts(
            UINT8.read(data, data.size, "texts"), data.size, INT32.read(offsets, rows + 1, "offsets of texts"), rows,
            UINT32.read(starts[first : first + rows], rows, "places of chunks"), UINT8.write(found), size,
        )  # fmt: skip
        checked(result, "texts")
        first += rows
    if blanks:
        bytes_of = np.frombuffer(blanks, np.uint8)
        result = library.place_blanks(
            UINT8.read(bytes_of, bytes_of.size, "blanks"), bytes_of.size,
            UINT32.read(starts, starts.size, "places of chunks"), UINT32.read(ends, starts.size, "ends of chunks"),
            starts.size, UINT8.write(found), size,
        )  # fmt: skip
        checked(result, "blanks")
    return found
