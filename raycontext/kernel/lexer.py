"""Calls of `lexer.c` and `references.c`: identifiers of a file with their kinds of use, and the names that rows use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntFlag
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.kernel.arguments import INT32, INT64, UINT8, UINT32, UINT64, checked
from raycontext.kernel.library import ffi, kernels

__all__ = [
    "Gathered",
    "Syntax",
    "Tokens",
    "Use",
    "gather",
    "lex",
    "name_hashes",
    "reference_hash",
    "sorted_postings",
    "syntax",
]

BYTES_PER_TOKEN = 6
"""Number of bytes of source for which space for one token is made at first."""

LEAST_SPACE = 256
"""Number of tokens for which space is made at least."""

FIRST_SLOTS = 1 << 12
"""Number of slots of the table of names at first: a power of two."""


KEPT_HASHES = 4096
"""Number of names whose hashes a process keeps."""


class Use(IntFlag):
    """Kinds of use of a name, as bits."""

    MENTION = 1
    CALL = 2
    CONSTRUCTION = 4
    INHERITANCE = 8
    IMPORT = 16
    TYPE = 32
    DEFINITION = 64


class Syntax(NamedTuple):
    """How a family of languages is read: its features, and its words with their roles in a hash table."""

    features: int
    words: NDArray[np.uint64]  # [slots], a power of two
    roles: NDArray[np.uint8]  # [slots], 0 where the slot is free


class Tokens(NamedTuple):
    """Identifiers of a file outside of comments and strings, in order, n of them."""

    starts: NDArray[np.uint32]  # position of each in the file, [n]
    lengths: NDArray[np.uint32]  # in bytes, [n]
    hashes: NDArray[np.uint64]  # never 0, [n]
    kinds: NDArray[np.uint8]  # bits of `Use`, [n]; 0 for the word that begins an import
    code: bytes
    """The file with its comments and the insides of its strings blanked out; empty unless asked for."""


class Gathered(NamedTuple):
    """Names that n rows use, each once a row."""

    names: NDArray[np.uint64]  # hashes, in the order of their first occurrence
    posting_names: NDArray[np.int32]  # number of the name of each posting, row by row
    posting_kinds: NDArray[np.uint8]  # bits of `Use` of each posting
    row_ends: NDArray[np.int64]  # end of each row's postings, [n]


def name_hashes(names: Sequence[bytes]) -> NDArray[np.uint64]:
    """Return the hashes by which references know names, uint64[names]."""
    joined = np.frombuffer(b"".join(names), np.uint8)
    offsets = np.concatenate([[0], np.cumsum([len(name) for name in names], dtype=np.int64)]).astype(np.int64)
    hashes = np.empty(len(names), np.uint64)
    result = kernels().hash_names(
        UINT8.read(joined, joined.size, "names"), joined.size, INT64.read(offsets, len(names) + 1, "offsets of names"),
        len(names), UINT64.write(hashes),
    )  # fmt: skip
    checked(result, "offsets of names")
    return hashes


@lru_cache(KEPT_HASHES)
def reference_hash(name: str) -> int:
    """Return the hash by which references know one name."""
    return int(name_hashes([name.encode(errors="surrogateescape")])[0])


def syntax(features: Sequence[str], words: Mapping[str, str]) -> Syntax:
    """Return the syntax with some features (see `kernels.h`) and with words of some roles."""
    library = kernels()
    bits = 0
    for feature in features:
        late = getattr(library, f"{feature}_BIT", None)
        bits |= getattr(library, feature) if late is None else 1 << (30 + late)
    slots = 1 << max(len(words) * 2, 2).bit_length()
    keys, roles = np.zeros(slots, np.uint64), np.zeros(slots, np.uint8)
    for word, key in zip(words, name_hashes([word.encode() for word in words]).tolist(), strict=True):
        slot = key % slots
        while roles[slot]:
            slot = (slot + 1) % slots
        keys[slot], roles[slot] = key, getattr(library, words[word])
    return Syntax(bits, keys, roles)


def lex(data: bytes | NDArray[np.uint8], how: Syntax, *, with_code: bool = False) -> Tokens:
    """Return the identifiers of a file. `with_code` also makes the copy without comments and strings.

    No content raises an error. Raises `CorruptArrays` where the file has 4 GiB or more.
    """
    library = kernels()
    source = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
    code = source.copy() if with_code else np.empty(0, np.uint8)
    space = source.size // BYTES_PER_TOKEN + LEAST_SPACE
    while True:
        starts, lengths = np.empty(space, np.uint32), np.empty(space, np.uint32)
        hashes, kinds = np.empty(space, np.uint64), np.empty(space, np.uint8)
        found = library.lex(
            UINT8.read(source, source.size, "source"), source.size, how.features,
            UINT64.read(how.words, how.words.size, "words"), UINT8.read(how.roles, how.words.size, "roles of words"),
            how.words.size, UINT8.write(code) if with_code else ffi.NULL, UINT32.write(starts), UINT32.write(lengths),
            UINT64.write(hashes), UINT8.write(kinds), space,
        )  # fmt: skip
        if found != library.NO_SPACE:
            break
        space *= 4
    checked(found, "source")
    return Tokens(starts[:found], lengths[:found], hashes[:found], kinds[:found], code.tobytes())


def gather(
    starts: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    kinds: NDArray[np.uint8],
    row_starts: NDArray[np.int64],
    row_ends: NDArray[np.int64],
) -> Gathered:
    """Return the names that rows use. A reference at position `starts[i]` belongs to the row that holds the position.

    References and rows are in ascending order. Raises `CorruptArrays` where sizes do not fit.
    """
    library, count, rows = kernels(), starts.size, row_starts.size
    progress, slots = np.zeros(4, np.int64), FIRST_SLOTS
    keys, numbers = np.zeros(slots, np.uint64), np.empty(slots, np.int64)
    names, latest = np.empty(slots // 2, np.uint64), np.empty(slots // 2, np.int64)
    posting_names, posting_kinds = np.empty(count, np.int32), np.empty(count, np.uint8)
    posting_ends = np.zeros(rows, np.int64)
    fixed = (
        INT64.read(starts, count, "places of references"), UINT64.read(hashes, count, "names of references"),
        UINT8.read(kinds, count, "kinds of references"), count, INT64.read(row_starts, rows, "starts of rows"),
        INT64.read(row_ends, rows, "ends of rows"), rows, INT64.write(progress),
    )  # fmt: skip
    filled = (
        INT32.write(posting_names), UINT8.write(posting_kinds), count, INT64.write(posting_ends),
    )  # fmt: skip
    while checked(
        library.gather_references(
            *fixed, UINT64.write(keys), INT64.write(numbers), slots, UINT64.write(names), INT64.write(latest),
            names.size, *filled,
        ),
        "references",
    ):  # fmt: skip
        larger, moved = np.zeros(2 * slots, np.uint64), np.empty(2 * slots, np.int64)
        library.rehash(
            UINT64.write(keys), INT64.write(numbers), slots, UINT64.write(larger), INT64.write(moved), 2 * slots
        )
        keys, numbers, slots = larger, moved, 2 * slots
        names = np.concatenate([names, np.empty_like(names)])
        latest = np.concatenate([latest, np.empty_like(latest)])
    _, _, found, postings = progress.tolist()
    return Gathered(names[:found], posting_names[:postings], posting_kinds[:postings], posting_ends)


def sorted_postings(
    found: Gathered,
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint8]]:
    """Return the inverted index of what rows use: names ascending, offsets [names + 1], rows and kinds of postings.

    Raises `CorruptArrays` where numbers lead outside.
    """
    order = np.argsort(found.names)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    terms = rank[found.posting_names]
    postings, count = len(terms), len(order)
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(terms, minlength=count), out=offsets[1:])
    rows, kinds = np.empty(postings, np.uint32), np.empty(postings, np.uint8)
    following = offsets[:-1].copy()
    result = kernels().sort_postings(
        INT64.read(found.row_ends, found.row_ends.size, "ends of rows"), found.row_ends.size,
        INT32.read(terms, postings, "names of references"),
        UINT8.read(found.posting_kinds, postings, "kinds of references"), postings,
        INT64.write(following), count, UINT32.write(rows), UINT8.write(kinds),
    )  # fmt: skip
    checked(result, "references")
    return found.names[order], offsets, rows, kinds
