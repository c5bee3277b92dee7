"""Calls of `marks.c`: places in a text where one of many literals stands, with what it asks for behind it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag
from itertools import accumulate
from typing import Any, NamedTuple

from raycontext.errors import CorruptArrays
from raycontext.kernel.library import ffi, kernels

__all__ = ["Asks", "Mark", "Marks"]

SPACE = 256
"""Number of places that one call can return."""
MOST_GROUPS = 255
"""Largest number of different beginnings of literals."""
LEAST_BYTES = 3
"""Smallest size of a literal, in bytes."""
HASHES = 1 << 16
"""Number of values of the hash of the beginning of a literal."""


class Asks(IntFlag):
    """What must stand around a literal, so that it is reported."""

    NOTHING = 0
    START = 1
    """No letter, digit or underscore stands before it."""
    TOKEN = 2
    """At least 12 letters, digits and signs of base 64 follow."""
    VALUE = 4
    """A value of at least 8 characters, with a digit and a letter, is assigned to the name that holds it."""
    USER_INFO = 8
    """A name, a colon, a password and an `@` follow."""


class Mark(NamedTuple):
    """Literal to look for."""

    literal: bytes
    """At least three bytes, in lower case. Letters of ASCII match in any case."""
    asks: Asks


class Marks:
    """Literals in the form that the kernel takes."""

    def __init__(self, marks: Sequence[Mark]) -> None:
        """Take the literals.

        Raises `ValueError` where one is too short or has capitals, or where there are too many different ones.
        """
        by_hash: dict[int, list[int]] = {}
        for number, mark in enumerate(marks):
            if len(mark.literal) < LEAST_BYTES or mark.literal != mark.literal.lower():
                raise ValueError(mark.literal)
            by_hash.setdefault(kernels().mark_hash(*mark.literal[:LEAST_BYTES]), []).append(number)
        if len(by_hash) > MOST_GROUPS:
            raise ValueError(len(by_hash))
        begins, group_of, groups = bytearray(HASHES // 8), bytearray(HASHES), [0]
        for group, (value, numbers) in enumerate(by_hash.items(), 1):
            begins[value >> 3] |= 1 << (value & 7)
            group_of[value] = group
            groups.append(groups[-1] + len(numbers))
        self._order = [number for numbers in by_hash.values() for number in numbers]
        ends = [0, *accumulate(len(marks[number].literal) for number in self._order)]
        self._count, self._group_count, self._literal_bytes = len(marks), len(by_hash), ends[-1]
        self._begins: Any = ffi.new("uint8_t[]", bytes(begins))
        self._group_of: Any = ffi.new("uint8_t[]", bytes(group_of))
        self._groups: Any = ffi.new("int64_t[]", groups)
        self._literals: Any = ffi.new("uint8_t[]", b"".join(marks[number].literal for number in self._order) or b"\0")
        self._offsets: Any = ffi.new("int64_t[]", ends)
        self._asks: Any = ffi.new("uint8_t[]", bytes(marks[number].asks for number in self._order) or b"\0")

    def find(self, data: bytes) -> list[tuple[int, int]]:
        """Return places in `data`, ascending, each with the number of the literal that stands there."""
        places, numbers = ffi.new("int64_t[]", SPACE), ffi.new("int32_t[]", SPACE)
        resume = ffi.new("int64_t *", 0)
        library, text, size = kernels(), ffi.from_buffer("uint8_t[]", data), len(data)
        found: list[tuple[int, int]] = []
        while True:
            count = library.find_marks(
                text,
                resume[0],
                size,
                self._begins,
                self._group_of,
                self._groups,
                self._group_count,
                self._literals,
                self._literal_bytes,
                self._offsets,
                self._asks,
                self._count,
                places,
                numbers,
                SPACE,
                resume,
            )
            if count < 0:
                raise CorruptArrays("literals", "an offset leads outside of them")
            found.extend((places[index], self._order[numbers[index]]) for index in range(count))
            if resume[0] >= size:
                return found
            # The place at which space ended is looked at again, so it must not be here twice.
            while found and found[-1][0] == resume[0]:
                found.pop()
