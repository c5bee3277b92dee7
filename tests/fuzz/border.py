"""What a border gives to the fuzzer: a function that makes one input, hands it to the product and checks the answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from random import Random

__all__ = ["Attempt", "Border", "mutated"]

Attempt = Callable[[Random], str]
"""Function that tries one input, made from the random numbers alone, and returns its kind, such as "bits flipped:
refused". It raises for a promise that is broken."""


@dataclass(frozen=True)
class Border:
    """Border of the product that takes what nobody vouches for."""

    name: str
    """Name of the border on the command line."""
    suite_inputs: int
    """Number of inputs that the test suite tries."""
    opened: Callable[[Path], AbstractContextManager[Attempt]]
    """Function that sets the border up, with an empty folder for its files."""


def mutated(content: bytes, random: Random, most: int = 8) -> bytes:
    """Return `content` with up to `most` changes: bytes set, removed, doubled or cut off, numbers set to an extreme."""
    data = bytearray(content)
    for _ in range(random.randint(1, most)):
        if not data:
            return random.randbytes(random.randint(1, 64))
        at = random.randrange(len(data))
        size = random.randint(1, 16)
        match random.randrange(7):
            case 0:
                data[at] ^= 1 << random.randrange(8)
            case 1:
                data[at] = random.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, random.randrange(256)))
            case 2:
                del data[at : at + size]
            case 3:
                data[at:at] = data[at : at + size]
            case 4:
                other = random.randrange(len(data))
                data[at : at + size] = data[other : other + size]
            case 5:
                width = random.choice((2, 4, 8))
                extreme = random.choice((0, 1, (1 << 8 * width) - 1, 1 << (8 * width - 1), (1 << (8 * width - 1)) - 1))
                data[at : at + width] = extreme.to_bytes(width, "little")
            case 6 if random.random() < 0.2:
                del data[at:]
    return bytes(data)
