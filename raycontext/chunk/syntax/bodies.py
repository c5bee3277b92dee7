"""Blank out the bodies of small functions of C before they are parsed: no chunk begins inside of them.

That is where most of a C file is, and white space costs a parser next to nothing.
"""

from __future__ import annotations

import numpy as np

from raycontext.kernel.text import blank_bodies

__all__ = ["without_bodies"]


def without_bodies(data: bytes, most_bytes: int) -> bytes:
    """Return C source with the insides of functions and of values in braces blanked out: offsets and rows stay.

    A body is blanked out where it has at most `most_bytes`, counted from the end of the declaration before it, and
    holds no directive of the preprocessor. What cannot be told from a type with attributes is left as it is, and so is
    all that follows a brace that does not match.
    """
    blanked = np.frombuffer(data, np.uint8).copy()
    return blanked.tobytes() if blank_bodies(blanked, most_bytes) else data
