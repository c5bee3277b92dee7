"""The pass over the source: finds words, splits them, counts their parts row by row.

A word is a letter, `_` or `$` and what follows of letters, digits, marks, `_`, `$`; or a run of digits.
Its parts are acronym, Capitalised, lower, UPPER and digits (`HTTPServer2`: http, server, 2). A word of
several parts also gives itself, lower-cased, without `_` and `$`. A run of CJK characters gives its
overlapping bigrams.

Two dictionaries keep the pass short, because words repeat: one from the hash of a word as it is
written to its parts, one from the hash of a part to its number. Both trust 64 bits of FNV-1a.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.characters import CJK, CLASS_SHIFT, CONNECTOR, DIGIT, LOWER, MARK, SEPARATOR, UPPER
from raycontext.analyse.hashing import FNV_PRIME, fnv1a
from raycontext.analyse.utf8 import decode, encode, entry_of
from raycontext.kernel import as_int, kernel

__all__ = ["MAX_DIGITS", "MAX_WORD_BYTES", "rehashed", "scan"]

MAX_WORD_BYTES = 128
"""Longer words are dropped: they are data, such as base64."""

MAX_DIGITS = 20
"""Longer numbers are dropped, as words and as parts of words."""

MIN_STEMMED_LETTERS = 4

_MAX_LOWER_BYTES = 2 * MAX_WORD_BYTES  # a lower-case letter may take more bytes than its capital
_MAX_PARTS = MAX_WORD_BYTES + 2
INITIAL_CAPACITY = 1024  # a power of two, well over twice _MAX_PARTS

# Indexes of `counters`: where the scan stands, and how much of each array is in use.
COUNTERS = 8
ROW, POSITION, LENGTH, CJK_END, POSTINGS, WORDS, WORD_PARTS, PARTS = range(COUNTERS)

# What must grow before the scan can go on.
NOTHING, POSTING_SPACE, WORD_SPACE, WORD_PART_SPACE, PART_SPACE, BYTE_SPACE = range(6)

# Entries of the table from here on are of characters that go on a word; no ASCII character is CJK.
_FIRST_WORD_ENTRY = np.uint32(MARK << CLASS_SHIFT)

_HIGH_HALF = np.uint64(32)
_STEMMED_KEY = np.uint64(0x9E3779B97F4A7C15)  # tells a part to be stemmed from a whole of the same letters


@kernel
def _slot(keys: NDArray[np.uint64], key: np.uint64) -> int:
    """Where `key` is in a table of open addressing, or the empty slot where it belongs. 0 marks empty slots."""
    last = keys.size - 1
    slot = as_int(key ^ (key >> _HIGH_HALF)) & last
    while keys[slot] != key and keys[slot] != 0:
        slot = (slot + 1) & last
    return slot


@kernel
def rehashed(keys: NDArray[np.uint64], values: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The same table in twice the slots."""
    new_keys = np.zeros(2 * keys.size, np.uint64)
    new_values = np.empty(2 * keys.size, np.int64)
    for old in range(keys.size):
        if keys[old] != 0:
            slot = _slot(new_keys, keys[old])
            new_keys[slot] = keys[old]
            new_values[slot] = values[old]
    return new_keys, new_values


@kernel
def _split(
    data: NDArray[np.uint8],
    first: int,
    last: int,
    code_points: NDArray[np.uint32],
    lower: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    digits: NDArray[np.int64],
) -> int:
    """Split the word `data[first:last]`; the number of its parts.

    Writes the word in lower case without connectors to `lower`, the start of part i to `bounds[i]` and
    the end of the last to the entry after it, and to `digits[i]` its digits, 0 where it is of letters.
    """
    count = 0  # parts begun
    previous = SEPARATOR  # class of the character before, marks left out; SEPARATOR: no part is open
    capitals = 0  # in a row, up to here
    capital_start = 0  # where the last of them stands in `lower`
    size = 0
    position = first
    while position < last:
        code_point, width = as_int(data[position]), 1
        if code_point >= 128:
            code_point, width = decode(data, position, last)
        position += width
        entry = entry_of(code_points, code_point)
        kind = entry >> CLASS_SHIFT
        if kind == CONNECTOR:
            previous = SEPARATOR
            continue
        if kind == MARK:
            if previous != SEPARATOR:
                size = encode(code_point, lower, size)
            continue
        begins = previous == SEPARATOR or (kind != previous and not (kind == LOWER and previous == UPPER))
        if begins:
            bounds[count] = size
            digits[count] = 0
            count += 1
        elif kind == LOWER and previous == UPPER and capitals > 1:  # the last capital begins this part
            bounds[count] = capital_start
            digits[count] = 0
            count += 1
        if kind == UPPER:
            capitals = capitals + 1 if previous == UPPER else 1
            capital_start = size
        elif kind == DIGIT:
            digits[count - 1] += 1
        previous = kind
        size = encode(entry & 0x1FFFFF, lower, size)
    bounds[count] = size
    return count


@kernel
def _wants_stem(lower: NDArray[np.uint8], first: int, last: int) -> bool:
    if last - first < MIN_STEMMED_LETTERS:
        return False
    for position in range(first, last):  # noqa: SIM110 - numba has no generators for `all`
        if not 97 <= lower[position] <= 122:
            return False
    return True


@kernel
def _shortage(
    counters: NDArray[np.int64],
    word_keys: NDArray[np.uint64],
    word_parts: NDArray[np.int32],
    part_keys: NDArray[np.uint64],
    part_bytes: NDArray[np.uint8],
    part_offsets: NDArray[np.int64],
) -> int:
    """Which array of the dictionaries might not take another word. Hash tables are at most half full."""
    if 2 * (counters[WORDS] + 1) > word_keys.size:
        return WORD_SPACE
    if counters[WORD_PARTS] + _MAX_PARTS > word_parts.size:
        return WORD_PART_SPACE
    if 2 * (counters[PARTS] + _MAX_PARTS) > part_keys.size:
        return PART_SPACE
    if part_offsets[counters[PARTS]] + 2 * _MAX_LOWER_BYTES > part_bytes.size:
        return BYTE_SPACE
    return NOTHING


@kernel
def _add_word(
    data: NDArray[np.uint8],
    first: int,
    last: int,
    is_cjk: bool,
    code_points: NDArray[np.uint32],
    scratch: tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]],
    counters: NDArray[np.int64],
    word_parts: NDArray[np.int32],
    part_keys: NDArray[np.uint64],
    part_ids: NDArray[np.int64],
    part_bytes: NDArray[np.uint8],
    part_offsets: NDArray[np.int64],
    stemmed: NDArray[np.uint8],
    latest: NDArray[np.int64],
) -> int:
    """Enter the parts of a new word into the dictionary of parts; the word's entry for `word_values`."""
    lower, bounds, digits = scratch
    if is_cjk:
        lower[: last - first] = data[first:last]
        bounds[0], bounds[1], digits[0] = 0, last - first, 0
        found = 1
    else:
        found = _split(data, first, last, code_points, lower, bounds, digits)
    word_part_count = counters[WORD_PARTS]
    part_count = counters[PARTS]
    value = as_int(word_part_count << 8)
    for number in range(found + 1 if found > 1 else found):
        if number == found:  # the whole word
            part_first, part_last = 0, bounds[found]
        else:
            if digits[number] > MAX_DIGITS:
                continue
            part_first, part_last = bounds[number], bounds[number + 1]
        wants_stem = _wants_stem(lower, part_first, part_last)
        key = fnv1a(lower, part_first, part_last)
        if wants_stem:
            key ^= _STEMMED_KEY
        key = max(key, np.uint64(1))
        slot = _slot(part_keys, key)
        if part_keys[slot] == 0:
            part_keys[slot] = key
            part_ids[slot] = part_count
            bytes_first = part_offsets[part_count]
            for offset in range(part_last - part_first):
                part_bytes[bytes_first + offset] = lower[part_first + offset]
            stemmed[part_count] = wants_stem
            latest[part_count] = -1
            part_count += 1
            part_offsets[part_count] = bytes_first + part_last - part_first
        word_parts[word_part_count] = part_ids[slot]
        word_part_count += 1
        value += 1
    counters[WORD_PARTS] = word_part_count
    counters[PARTS] = part_count
    counters[WORDS] += 1
    return value


@kernel
def scan(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    code_points: NDArray[np.uint32],
    counters: NDArray[np.int64],
    row_offsets: NDArray[np.int64],
    lengths: NDArray[np.uint32],
    parts: NDArray[np.int32],
    frequencies: NDArray[np.uint8],
    word_keys: NDArray[np.uint64],
    word_values: NDArray[np.int64],
    word_parts: NDArray[np.int32],
    part_keys: NDArray[np.uint64],
    part_ids: NDArray[np.int64],
    part_bytes: NDArray[np.uint8],
    part_offsets: NDArray[np.int64],
    stemmed: NDArray[np.uint8],
    latest: NDArray[np.int64],
) -> int:
    """Tokenise from where `counters` says until the end, or until it returns what must grow first.

    Arrays grow outside of this function: to exchange them within would cost a factor of ten, because
    numba then counts references in the innermost loop.
    """
    scratch = (
        np.empty(_MAX_LOWER_BYTES, np.uint8),
        np.empty(_MAX_PARTS, np.int64),
        np.empty(_MAX_PARTS, np.int64),
    )
    position = counters[POSITION]
    length = counters[LENGTH]
    cjk_end = counters[CJK_END]
    posting_count = counters[POSTINGS]
    for row in range(counters[ROW], starts.size):
        row_start = row_offsets[row]
        end = ends[row]
        if position < 0:
            position = starts[row]
        while position < end:
            # 1. Find the next word, data[first:last], and its hash.
            code_point, width = as_int(data[position]), 1
            if code_point >= 128:
                code_point, width = decode(data, position, end)
            kind = entry_of(code_points, code_point) >> CLASS_SHIFT
            if kind <= MARK:
                position += width
                continue
            first = position
            following_position = position + width
            last = following_position
            if kind == CJK:
                following, following_width = 0, 0
                if last < end and data[last] >= 128:
                    following, following_width = decode(data, last, end)
                if entry_of(code_points, following) >> CLASS_SHIFT == CJK:
                    last += following_width
                elif cjk_end == last:  # the last of a run: it closed the bigram before
                    position = following_position
                    continue
                key = fnv1a(data, first, last)
            else:
                key = fnv1a(data, first, last)
                if kind != DIGIT:  # the usual word: ASCII
                    while last < end and data[last] < 128 and code_points[data[last]] >= _FIRST_WORD_ENTRY:
                        key = (key ^ np.uint64(data[last])) * FNV_PRIME
                        last += 1
                while last < end:
                    byte = data[last]
                    if byte < 128:
                        following_kind = as_int(code_points[byte] >> np.uint32(CLASS_SHIFT))
                        width = 1
                    else:
                        following, width = decode(data, last, end)
                        following_kind = entry_of(code_points, following) >> CLASS_SHIFT
                    if following_kind in (SEPARATOR, CJK):
                        break
                    if kind == DIGIT and following_kind != DIGIT:
                        break
                    for offset in range(last, last + width):
                        key = (key ^ np.uint64(data[offset])) * FNV_PRIME
                    last += width
                following_position = last
                if last - first > MAX_WORD_BYTES:
                    position = last
                    continue

            # 2. Look it up; split it where it is new.
            key = max(key, np.uint64(1))
            slot = _slot(word_keys, key)
            is_new = word_keys[slot] == 0
            shortage = NOTHING
            if is_new:
                shortage = _shortage(counters, word_keys, word_parts, part_keys, part_bytes, part_offsets)
            if posting_count + _MAX_PARTS > parts.size:
                shortage = POSTING_SPACE
            if shortage != NOTHING:
                counters[ROW] = row
                counters[POSITION] = position
                counters[LENGTH] = length
                counters[CJK_END] = cjk_end
                counters[POSTINGS] = posting_count
                return shortage
            if is_new:
                word_keys[slot] = key
                word_values[slot] = _add_word(
                    data, first, last, kind == CJK, code_points, scratch, counters,
                    word_parts, part_keys, part_ids, part_bytes, part_offsets, stemmed, latest,
                )  # fmt: skip
            value = word_values[slot]
            position = following_position
            if kind == CJK:
                cjk_end = last

            # 3. Count its parts in this row.
            first_part = value >> 8
            found = value & 0xFF
            for index in range(first_part, first_part + found):
                part = word_parts[index]
                posting = latest[part]
                if posting >= row_start:
                    if frequencies[posting] < 255:
                        frequencies[posting] += 1
                else:
                    latest[part] = posting_count
                    parts[posting_count] = part
                    frequencies[posting_count] = 1
                    posting_count += 1
            length += found
        lengths[row] = length
        row_offsets[row + 1] = posting_count
        position = -1
        length = 0
        cjk_end = -1
    counters[POSTINGS] = posting_count
    return NOTHING
