"""English stemmer: the Snowball project's revision of Porter's algorithm ("Porter2", Snowball 3.1).

Written from the description of the algorithm at https://snowballstem.org/algorithms/english/stemmer.html
(M. Porter, R. Boulton and others), for words of the letters a to z only: what deals with apostrophes
is left out. R1 is the region after the first consonant that follows a vowel, R2 the same within R1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.hashing import fnv1a, splitmix64
from raycontext.kernel import as_int, kernel

__all__ = ["MAX_WORD_BYTES", "hash_terms", "stem"]

MAX_WORD_BYTES = 256
"""Longest word that `stem` takes, one byte of room included."""

# Where a rule applies: the suffix must lie in that region, or follow certain letters besides.
_IN_R1, _IN_R2, _IN_R1_AFTER_L, _IN_R1_AFTER_LI_LETTER, _IN_R2_AFTER_S_OR_T = range(5)

# Columns of a rule.
_SUFFIX, _MASK, _SUFFIX_LENGTH, _REPLACEMENT, _REPLACEMENT_LENGTH, _CONDITION = range(6)


def _pack(letters: str) -> int:
    """Up to eight ASCII letters as one integer, the last letter in the lowest byte."""
    return int.from_bytes(letters.encode("ascii"), "big")


def _rules(*rules: tuple[str, str, int]) -> NDArray[np.uint64]:
    """Rules (suffix, replacement, condition) as uint64[n, 6], longest suffix first: the first match decides."""
    ordered = sorted(rules, key=lambda rule: -len(rule[0]))
    return np.array(
        [
            (_pack(suffix), (1 << 8 * len(suffix)) - 1, len(suffix), _pack(new), len(new), condition)
            for suffix, new, condition in ordered
        ],
        dtype=np.uint64,
    )


_STEP_2 = _rules(
    *((suffix, "al", _IN_R1) for suffix in ("aliti", "alism", "alli")),
    *((suffix, "ate", _IN_R1) for suffix in ("ational", "ation", "ator")),
    *((suffix, "ble", _IN_R1) for suffix in ("biliti", "bli")),
    *((suffix, "ful", _IN_R1) for suffix in ("fulness", "fulli")),
    *((suffix, "ive", _IN_R1) for suffix in ("iveness", "iviti")),
    *((suffix, "ize", _IN_R1) for suffix in ("ization", "izer")),
    *((suffix, "ous", _IN_R1) for suffix in ("ousness", "ousli")),
    ("abli", "able", _IN_R1),
    ("anci", "ance", _IN_R1),
    ("enci", "ence", _IN_R1),
    ("entli", "ent", _IN_R1),
    ("lessli", "less", _IN_R1),
    ("ogist", "og", _IN_R1),
    ("tional", "tion", _IN_R1),
    ("ogi", "og", _IN_R1_AFTER_L),
    ("li", "", _IN_R1_AFTER_LI_LETTER),
)
_STEP_3 = _rules(
    *((suffix, "ic", _IN_R1) for suffix in ("icate", "iciti", "ical")),
    *((suffix, "", _IN_R1) for suffix in ("ful", "ness")),
    ("ational", "ate", _IN_R1),
    ("tional", "tion", _IN_R1),
    ("alize", "al", _IN_R1),
    ("ative", "", _IN_R2),
)
_STEP_4 = _rules(
    *(
        (suffix, "", _IN_R2)
        for suffix in (
            *("al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent"),
            *("ism", "ate", "iti", "ous", "ive", "ize"),
        )
    ),
    ("ion", "", _IN_R2_AFTER_S_OR_T),
)

# Words with a stem of their own; the others of these would be stemmed wrongly and stay as they are.
_IRREGULAR = np.array(
    [
        (_pack(word), _pack(stem), len(stem))
        for word, stem in (
            *((word, word) for word in ("andes", "atlas", "bias", "cosmos", "howe", "news", "sky")),
            *(("skis", "ski"), ("skies", "sky"), ("idly", "idl"), ("gently", "gentl"), ("ugly", "ugli")),
            *(("early", "earli"), ("only", "onli"), ("singly", "singl")),
        )
    ],
    dtype=np.uint64,
)


def _stems(*stems: str) -> NDArray[np.uint64]:
    return np.array([(_pack(stem), len(stem)) for stem in stems], dtype=np.uint64)


# Prefixes after which R1 begins.
_R1_PREFIXES = _stems("arsen", "commun", "emerg", "gener", "inter", "later", "organ", "past", "univers")
# Stems that keep their "-eed" and "-ing": proceed, evening, …
_STEMS_BEFORE_EED = _stems("succ", "proc", "exc")
_STEMS_BEFORE_ING = _stems("even", "cann", "inn", "earr", "herr", "out")


def _letters(letters: str) -> NDArray[np.bool_]:
    table = np.zeros(128, dtype=np.bool_)
    table[[ord(letter) for letter in letters]] = True
    return table


# A capital Y marks a y that is a consonant.
_VOWEL = _letters("aeiouy")
_NOT_AFTER_SHORT_VOWEL = _letters("aeiouywxY")
_BEFORE_LI = _letters("cdeghkmnrt")
_DOUBLED = _letters("bdfgmnprt")

_A, _E, _I, _L, _O, _S, _T, _Y, _CONSONANT_Y = b"aeilostyY"
_ED, _ING, _EED, _EDLY, _EEDLY, _INGLY = (
    np.uint64(_pack(suffix)) for suffix in ("ed", "ing", "eed", "edly", "eedly", "ingly")
)
_SSES, _IED, _IES, _SS, _US = (np.uint64(_pack(suffix)) for suffix in ("sses", "ied", "ies", "ss", "us"))
_AT, _BL, _IZ, _PAST = (np.uint64(_pack(suffix)) for suffix in ("at", "bl", "iz", "past"))


@kernel
def _tail(word: NDArray[np.uint8], length: int, count: int) -> np.uint64:
    """The last `count` (at most 8) of `length` letters, packed; all of them where there are fewer."""
    value = np.uint64(0)
    for position in range(max(0, length - count), length):
        value = (value << np.uint64(8)) | np.uint64(word[position])
    return value


@kernel
def _is_one_of(word: NDArray[np.uint8], length: int, stems: NDArray[np.uint64]) -> bool:
    if length > 8:
        return False
    packed = _tail(word, length, 8)
    for index in range(stems.shape[0]):  # noqa: SIM110 - numba has no generators for `any`
        if stems[index, 0] == packed:
            return True
    return False


@kernel
def _has_vowel(word: NDArray[np.uint8], length: int) -> bool:
    for position in range(length):  # noqa: SIM110
        if _VOWEL[word[position]]:
            return True
    return False


@kernel
def _next_region(word: NDArray[np.uint8], length: int, position: int) -> int:
    """Position after the first consonant that follows a vowel, from `position` on; `length` if none."""
    while position < length and not _VOWEL[word[position]]:
        position += 1
    while position < length and _VOWEL[word[position]]:
        position += 1
    return min(position + 1, length)


@kernel
def _ends_in_short_syllable(word: NDArray[np.uint8], length: int) -> bool:
    if length == 2:
        return bool(_VOWEL[word[0]] and not _VOWEL[word[1]])
    if length < 3:
        return False
    is_short = (
        not _NOT_AFTER_SHORT_VOWEL[word[length - 1]] and _VOWEL[word[length - 2]] and not _VOWEL[word[length - 3]]
    )
    return bool(is_short or _tail(word, length, 4) == _PAST)


@kernel
def _plural(word: NDArray[np.uint8], length: int) -> int:
    """Step 1a. Returns the new length, as the other steps do."""
    if _tail(word, length, 4) == _SSES:
        return length - 2
    last_three = _tail(word, length, 3)
    if last_three in (_IED, _IES):
        return length - 2 if length > 4 else length - 1
    if _tail(word, length, 2) in (_SS, _US) or word[length - 1] != _S:
        return length
    return length - 1 if _has_vowel(word, length - 2) else length


@kernel
def _past_and_progressive(word: NDArray[np.uint8], length: int, r1: int) -> int:
    """Step 1b."""
    if length >= 5 and _tail(word, length, 5) == _EEDLY:
        suffix, is_eed = 5, True
    elif _tail(word, length, 3) == _EED:
        suffix, is_eed = 3, True
    elif length >= 5 and _tail(word, length, 5) == _INGLY:
        suffix, is_eed = 5, False
    elif length >= 4 and _tail(word, length, 4) == _EDLY:
        suffix, is_eed = 4, False
    elif _tail(word, length, 3) == _ING:
        suffix, is_eed = 3, False
    elif _tail(word, length, 2) == _ED:
        suffix, is_eed = 2, False
    else:
        return length
    stem_length = length - suffix
    if is_eed:
        keeps = stem_length < r1 or _is_one_of(word, stem_length, _STEMS_BEFORE_EED)
        return length if keeps else stem_length + 2
    if suffix == 3:
        if stem_length == 2 and word[1] == _Y and not _VOWEL[word[0]]:  # dying, lying, tying
            word[1] = _I
            word[2] = _E
            return 3
        if _is_one_of(word, stem_length, _STEMS_BEFORE_ING):
            return length
    return _mended(word, stem_length, r1) if _has_vowel(word, stem_length) else length


@kernel
def _mended(word: NDArray[np.uint8], length: int, r1: int) -> int:
    """What is left of a word whose "-ed" or "-ing" fell: hopp(ing) -> hop, hop(ing) -> hope."""
    last_two = _tail(word, length, 2)
    if length >= 2 and last_two in (_AT, _BL, _IZ):
        word[length] = _E
        return length + 1
    if length >= 2 and word[length - 1] == word[length - 2] and _DOUBLED[word[length - 1]]:
        if length == 3 and word[0] in (_A, _E, _O):  # add, egg, off
            return length
        return length - 1
    if length == r1 and _ends_in_short_syllable(word, length):
        word[length] = _E
        return length + 1
    return length


@kernel
def _apply(rules: NDArray[np.uint64], word: NDArray[np.uint8], length: int, r1: int, r2: int) -> int:
    """Steps 2 to 4: replace the longest suffix that a rule names, if the rule's condition holds."""
    packed = _tail(word, length, 8)
    for index in range(rules.shape[0]):
        if packed & rules[index, _MASK] != rules[index, _SUFFIX]:
            continue
        position = length - as_int(rules[index, _SUFFIX_LENGTH])
        condition = as_int(rules[index, _CONDITION])
        region = r2 if condition in (_IN_R2, _IN_R2_AFTER_S_OR_T) else r1
        if position < region:
            return length
        before = word[position - 1] if position > 0 else np.uint8(0)
        if condition == _IN_R1_AFTER_L and before != _L:
            return length
        if condition == _IN_R1_AFTER_LI_LETTER and not _BEFORE_LI[before]:
            return length
        if condition == _IN_R2_AFTER_S_OR_T and before not in (_S, _T):
            return length
        new_length = as_int(rules[index, _REPLACEMENT_LENGTH])
        for offset in range(new_length):
            shift = np.uint64(8 * (new_length - 1 - offset))
            word[position + offset] = np.uint8((rules[index, _REPLACEMENT] >> shift) & np.uint64(0xFF))
        return position + new_length
    return length


@kernel
def _final_letter(word: NDArray[np.uint8], length: int, r1: int, r2: int) -> int:
    """Step 5."""
    last = length - 1
    if word[last] == _E:
        if last >= r2 or (last >= r1 and not _ends_in_short_syllable(word, last)):
            return last
    elif word[last] == _L and last >= r2 and last > 0 and word[last - 1] == _L:
        return last
    return length


@kernel
def stem(word: NDArray[np.uint8], length: int) -> int:
    """Stem `word[:length]` (letters a to z) in place; the length of the stem, never more than `length`.

    `word` is uint8[MAX_WORD_BYTES]; words under three letters are their own stems.
    """
    if length < 3:
        return length
    if length <= 6:
        packed = _tail(word, length, 8)
        for index in range(_IRREGULAR.shape[0]):
            if _IRREGULAR[index, 0] == packed:
                new_length = as_int(_IRREGULAR[index, 2])
                for offset in range(new_length):
                    shift = np.uint64(8 * (new_length - 1 - offset))
                    word[offset] = np.uint8((_IRREGULAR[index, 1] >> shift) & np.uint64(0xFF))
                return new_length
    for position in range(length):
        if word[position] == _Y and (position == 0 or _VOWEL[word[position - 1]]):
            word[position] = _CONSONANT_Y
    r1 = _next_region(word, length, 0)
    for index in range(_R1_PREFIXES.shape[0]):
        prefix_length = as_int(_R1_PREFIXES[index, 1])
        if length >= prefix_length and _tail(word, prefix_length, 8) == _R1_PREFIXES[index, 0]:
            r1 = prefix_length
    r2 = _next_region(word, length, r1)

    length = _plural(word, length)
    length = _past_and_progressive(word, length, r1)
    if length >= 3 and word[length - 1] in (_Y, _CONSONANT_Y) and not _VOWEL[word[length - 2]]:
        word[length - 1] = _I
    length = _apply(_STEP_2, word, length, r1, r2)
    length = _apply(_STEP_3, word, length, r1, r2)
    length = _apply(_STEP_4, word, length, r1, r2)
    length = _final_letter(word, length, r1, r2)
    for position in range(length):
        if word[position] == _CONSONANT_Y:
            word[position] = _Y
    return length


@kernel
def hash_terms(
    part_bytes: NDArray[np.uint8], part_offsets: NDArray[np.int64], stemmed: NDArray[np.uint8]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Stem the parts that want it, in place, and hash all.

    Part i is `part_bytes[part_offsets[i]:part_offsets[i + 1]]`; `stemmed[i]` is 1 where it is to be stemmed.
    Returns the terms, uint64[n], never 0, and the number of bytes that each part has now, int64[n].
    """
    count = stemmed.size
    terms = np.empty(count, np.uint64)
    lengths = np.empty(count, np.int64)
    word = np.empty(MAX_WORD_BYTES, np.uint8)
    for part in range(count):
        first = part_offsets[part]
        length = part_offsets[part + 1] - first
        if stemmed[part]:
            for offset in range(length):
                word[offset] = part_bytes[first + offset]
            length = stem(word, length)
            for offset in range(length):
                part_bytes[first + offset] = word[offset]
        lengths[part] = length
        terms[part] = max(splitmix64(fnv1a(part_bytes, first, first + length)), np.uint64(1))
    return terms, lengths
