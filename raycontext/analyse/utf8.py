"""UTF-8 and the table of code points, as the tokeniser reads them byte by byte."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.characters import CJK, CLASS_SHIFT, SEPARATOR, TABLE_SIZE
from raycontext.kernel import as_int, kernel

__all__ = ["decode", "encode", "entry_of"]


@kernel
def decode(data: NDArray[np.uint8], position: int, end: int) -> tuple[int, int]:
    """Code point at `position`, which holds no ASCII byte, and its width in bytes.

    (0, 1) where the bytes are not valid UTF-8 up to `end`; U+0000 is a separator.
    """
    lead = as_int(data[position])
    if lead < 0xC2 or lead > 0xF4:
        return 0, 1
    width = 2 if lead < 0xE0 else (3 if lead < 0xF0 else 4)
    if position + width > end:
        return 0, 1
    code_point = lead & (0x7F >> width)
    for offset in range(1, width):
        following = as_int(data[position + offset])
        if following & 0xC0 != 0x80:
            return 0, 1
        code_point = (code_point << 6) | (following & 0x3F)
    if (width == 3 and code_point < 0x800) or (width == 4 and not 0x10000 <= code_point < 0x110000):
        return 0, 1
    return code_point, width


@kernel
def entry_of(code_points: NDArray[np.uint32], code_point: int) -> int:
    """Class and lower case of a code point, as in the table, for all planes."""
    if code_point < TABLE_SIZE:
        return as_int(code_points[code_point])
    if code_point < 0x40000:
        return (CJK << CLASS_SHIFT) | code_point
    return SEPARATOR << CLASS_SHIFT


@kernel
def encode(code_point: int, out: NDArray[np.uint8], position: int) -> int:
    """Write a code point as UTF-8; the position after it."""
    if code_point < 0x80:
        out[position] = code_point
        return position + 1
    if code_point < 0x800:
        out[position] = 0xC0 | (code_point >> 6)
    else:
        if code_point < 0x10000:
            out[position] = 0xE0 | (code_point >> 12)
        else:
            out[position] = 0xF0 | (code_point >> 18)
            out[position + 1] = 0x80 | ((code_point >> 12) & 0x3F)
            position += 1
        out[position + 1] = 0x80 | ((code_point >> 6) & 0x3F)
        position += 1
    out[position + 1] = 0x80 | (code_point & 0x3F)
    return position + 2
