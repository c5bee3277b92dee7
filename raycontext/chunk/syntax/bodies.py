"""Blank out the bodies of small functions of C before they are parsed: no chunk begins inside of them.

That is where most of a C file is, and white space costs a parser next to nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raycontext.kernel import kernel

__all__ = ["without_bodies"]

# Bytes that the scan stops at; a kernel knows numbers only.
TAB, NEWLINE, RETURN, SPACE = 9, 10, 13, 32
QUOTE, APOSTROPHE, HASH, STAR, SLASH, BACKSLASH = 34, 39, 35, 42, 47, 92
OPENING_PARENTHESIS, CLOSING_PARENTHESIS, OPENING_BRACE, CLOSING_BRACE = 40, 41, 123, 125
SEMICOLON, EQUALS, UNDERSCORE = 59, 61, 95
UPPER_A, UPPER_Z, LOWER_A, LOWER_Z, DIGIT_0, DIGIT_9 = 65, 90, 97, 122, 48, 57


def without_bodies(data: bytes, most_bytes: int) -> bytes:
    """`data`, C source, with the insides of functions and of values in braces blanked out: offsets and rows stay.

    Only of those that, with all that stands between the declaration before and their end, have at most `most_bytes`,
    and that hold no directive of the preprocessor. What cannot be told from a type with attributes is left as it is,
    and so is all that follows a brace that does not match.
    """
    blanked = np.frombuffer(data, np.uint8).copy()
    return blanked.tobytes() if _blank_bodies(blanked, most_bytes) else data


@kernel
def _blank_bodies(data: NDArray[np.uint8], most_bytes: int) -> int:
    """Blank out in place; returns how many bodies."""
    size = data.size
    found = depth = parentheses = linkages = position = 0
    begin = 0  # of the declaration that is read
    opened = 0  # its outermost brace
    is_body = False
    starts_line = True
    last = SEMICOLON  # the last byte that is neither white space nor in a comment
    while position < size:
        byte = data[position]
        if byte == NEWLINE:
            starts_line = True
            position += 1
        elif byte in (SPACE, TAB, RETURN):
            position += 1
        elif byte == HASH and starts_line:
            is_body = False
            position = _behind_directive(data, position)
        elif byte == SLASH and position + 1 < size and (data[position + 1] == STAR or data[position + 1] == SLASH):
            position = _behind_comment(data, position)
        else:
            starts_line = False
            if byte == OPENING_PARENTHESIS:
                parentheses += 1
            elif byte == CLOSING_PARENTHESIS:
                parentheses -= 1
            elif byte == SEMICOLON and depth == 0 and parentheses == 0:
                begin = position + 1
            elif byte == OPENING_BRACE and depth == 0 and last == QUOTE:  # extern "C" {
                linkages += 1
                begin = position + 1
            elif byte == CLOSING_BRACE and depth == 0 and linkages > 0:
                linkages -= 1
                begin = position + 1
            elif byte == OPENING_BRACE:
                if depth == 0:
                    opened = position
                    is_body = parentheses == 0 and (last == EQUALS or _ends_signature(data, begin, position))
                depth += 1
            elif byte == CLOSING_BRACE:
                depth -= 1
                if depth < 0 or (depth == 0 and parentheses != 0):
                    return found
                if depth == 0 and is_body:
                    if position + 1 - begin <= most_bytes:
                        _blank(data, opened + 1, position)
                        found += 1
                    begin = position + 1
            last = byte
            if byte in (QUOTE, APOSTROPHE):
                position = _behind_literal(data, position)
            else:
                position += 1
    return found


@kernel
def _blank(data: NDArray[np.uint8], start: int, end: int) -> None:
    for position in range(start, end):
        if data[position] != NEWLINE and data[position] != RETURN:
            data[position] = SPACE


@kernel
def _behind_directive(data: NDArray[np.uint8], position: int) -> int:
    """At the line end of a directive, behind the lines that continue it and the comments in it."""
    size = data.size
    while position < size and data[position] != NEWLINE:
        byte = data[position]
        if byte == BACKSLASH and position + 1 < size:
            position += 2
            if data[position - 1] == RETURN and position < size and data[position] == NEWLINE:
                position += 1
        elif byte == SLASH and position + 1 < size and data[position + 1] == STAR:
            position = _behind_comment(data, position)
        else:
            position += 1
    return position


@kernel
def _behind_comment(data: NDArray[np.uint8], position: int) -> int:
    size = data.size
    if data[position + 1] == SLASH:
        while position < size and data[position] != NEWLINE:
            position += 1
        return position
    position += 2
    while position + 1 < size:
        if data[position] == STAR and data[position + 1] == SLASH:
            return position + 2
        position += 1
    return size


@kernel
def _behind_literal(data: NDArray[np.uint8], position: int) -> int:
    """Behind a string or a character; at the line end where it is not closed before."""
    size = data.size
    quote = data[position]
    position += 1
    while position < size and data[position] != NEWLINE:
        if data[position] == quote:
            return position + 1
        position += 2 if data[position] == BACKSLASH else 1
    return min(position, size)


@kernel
def _ends_signature(data: NDArray[np.uint8], begin: int, end: int) -> bool:
    """Whether `name(…)` stands before a brace; not `struct name __attribute__((…))`, nor `MACRO(…)`."""
    position = end - 1
    while position > begin and data[position] <= SPACE:
        position -= 1
    if data[position] != CLOSING_PARENTHESIS:
        return False
    depth = 0
    while position > begin:
        if data[position] == CLOSING_PARENTHESIS:
            depth += 1
        elif data[position] == OPENING_PARENTHESIS:
            depth -= 1
            if depth == 0:
                break
        position -= 1
    position -= 1
    while position > begin and data[position] <= SPACE:
        position -= 1
    while position > begin and _is_of_word(data[position - 1]):
        position -= 1
    first, second = data[position], data[position + 1]
    return bool(LOWER_A <= first <= LOWER_Z or (first == UNDERSCORE and second != UNDERSCORE))


@kernel
def _is_of_word(byte: int) -> bool:
    is_letter = LOWER_A <= byte <= LOWER_Z or UPPER_A <= byte <= UPPER_Z
    return is_letter or DIGIT_0 <= byte <= DIGIT_9 or byte == UNDERSCORE
