"""Whatever arrays say, a kernel reads and writes nothing outside of them: it refuses, or its answer means nothing.

`test_sanitizer.py` runs these tests with a library that ends the process at the first such access.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from raycontext.analyse.characters import CLASS_SHIFT, TABLE_SIZE, code_point_table
from raycontext.errors import CorruptArrays
from raycontext.kernel import contents, features, lexer, lexical, library, postings, text, trigrams, vectors
from raycontext.search.signals.lexical import Normalisation

NORMALISATION = Normalisation(1.2, (1.0, 0.75, 10.0), (2.0, 0.5, 3.0), (1.0, 0.5, 7.0), (0.5, 17.0))

SEEDS = st.integers(0, (1 << 32) - 1)
TYPES = (np.int8, np.uint8, np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64, np.bool_)


class Damage:
    """Arrays that are right, or wrong in a way that a damaged file can make them, drawn by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.RandomState(seed)
        self.rate = self.random.choice([0.0, 0.1, 0.5])

    def size(self, most: int = 12) -> int:
        return int(self.random.randint(0, most))

    @np.errstate(all="ignore")  # of numbers that the wrong type cannot hold
    def array(self, dtype: type[np.generic], size: int, low: int = 0, high: int = 10) -> NDArray[Any]:
        """Return numbers from `low` to below `high`; at times far outside, of another size, type or layout."""
        found = self.random.randint(low, max(high, low + 1), size).astype(dtype)
        if self.random.rand() < self.rate and size:
            extreme = np.array([-1, -(1 << 62), 1 << 62, 1 << 31, size, size + 1, high], np.int64).astype(dtype)
            found[self.random.randint(0, size)] = self.random.choice(extreme)
        match self.random.randint(0, 8) if self.random.rand() < self.rate / 4 else -1:
            case 0:
                return found[:-1]
            case 1:
                return np.concatenate([found, found[:1]])
            case 2:
                return found.astype(TYPES[self.random.randint(0, len(TYPES))])
            case 3:
                return np.repeat(found, 2)[::2]
            case 4:
                return np.frombuffer(b"x" + found.tobytes(), np.uint8)[1:].view(found.dtype)
        return found

    @np.errstate(all="ignore")
    def ascending(self, dtype: type[np.generic], size: int, high: int) -> NDArray[Any]:
        """Return ascending numbers up to `high`, damaged at times."""
        found = np.sort(self.random.randint(0, high + 1, size))
        if self.random.rand() < self.rate:
            self.random.shuffle(found)
        if self.random.rand() < self.rate and size:
            found[self.random.randint(0, size)] = self.random.choice([-3, high + 5, 1 << 40])
        return found.astype(dtype)


def is_refused_or_harmless(call: Callable[[], object]) -> None:
    """Call. An answer may be anything, an error only `CorruptArrays`."""
    try:
        call()
    except CorruptArrays as error:
        assert "damaged" in str(error)


@given(SEEDS)
def test_text(seed: int) -> None:
    damage = Damage(seed)
    rows, size = damage.size(), damage.size(200)
    data = damage.array(np.uint8, size, 0, 256)
    table = code_point_table()
    if seed % 3 == 0:  # any classes and any lower case
        table = damage.random.randint(0, 9 << CLASS_SHIFT, TABLE_SIZE).astype(np.uint32)
    starts, ends = damage.ascending(np.int64, rows, size), damage.ascending(np.int64, rows, size)
    is_refused_or_harmless(lambda: text.tokenize(data, starts, ends, table))
    is_refused_or_harmless(lambda: text.blank_bodies(data.copy(), 50))


@given(SEEDS)
def test_terms_of_parts(seed: int) -> None:
    damage = Damage(seed)
    parts, size = damage.size(), damage.size(900)
    data, offsets = damage.array(np.uint8, size, 97, 123), damage.ascending(np.int64, parts + 1, size)
    is_refused_or_harmless(lambda: text.hash_terms(data, offsets, damage.array(np.uint8, parts, 0, 2)))
    rows, count = damage.size(), damage.size(30)
    found = text.Occurrences(
        damage.ascending(np.int64, rows + 1, count), damage.array(np.int32, count, 0, parts),
        damage.array(np.uint8, count, 1, 256), damage.array(np.uint32, rows), data, offsets,
        damage.array(np.uint8, parts, 0, 2),
    )  # fmt: skip
    is_refused_or_harmless(lambda: text.invert(found, damage.array(np.int64, parts, 0, 5), 5))


@given(SEEDS)
def test_posting_lists(seed: int) -> None:
    damage = Damage(seed)
    terms, count, rows = damage.size(), damage.size(40), damage.size(30)
    offsets, numbers = damage.ascending(np.int64, terms + 1, count), damage.ascending(np.uint32, count, rows)
    frequencies, row_map = damage.array(np.uint8, count, 0, 256), damage.array(np.int64, rows, -1, 9)
    is_refused_or_harmless(lambda: postings.write_lists(offsets, numbers, frequencies))
    is_refused_or_harmless(lambda: postings.count_live(offsets, numbers, row_map))
    merged = np.zeros(9, np.uint32), np.zeros(9, np.uint8)
    targets, following = damage.array(np.int64, terms, 0, 4), damage.array(np.int64, 4, 0, 9).astype(np.int64)
    is_refused_or_harmless(
        lambda: postings.place_live(
            offsets, numbers, frequencies, row_map, targets, np.ascontiguousarray(following), *merged
        )
    )
    data, starts = damage.array(np.uint8, count, 0, 256), damage.ascending(np.int64, terms + 1, count)
    places = damage.array(np.int64, 3, -1, max(terms, 1))
    for form in (np.int64, np.int32):
        narrow = np.clip(starts, -(1 << 31), (1 << 31) - 1).astype(form)
        is_refused_or_harmless(lambda narrow=narrow: postings.read_lists(narrow, data, places))
    dictionary = damage.array(np.uint64, terms)
    is_refused_or_harmless(lambda: postings.find_lists(dictionary, damage.array(np.uint64, 3)))


FEATURES = (
    "SLASH_LINE",
    "HASH_LINE",
    "DASH_LINE",
    "QUOTE_STRINGS",
    "QUOTE_CHARACTERS",
    "LIFETIMES",
    "TEMPLATES",
    "TRIPLE_STRINGS",
    "RAW_STRINGS",
    "HASH_RAW",
    "PREFIXED_STRINGS",
    "DOLLAR_CODE",
    "HASH_CODE",
    "BACKSLASH_CODE",
    "EXPRESSIONS",
    "DOCUMENTS",
    "DIRECTIVES",
    "SHELL",
    "LISP",
    "RECEIVERS",
    "GENERICS",
    "BANG_CALLS",
    "TYPES_BEFORE",
)
PIECES = [*(bytes([value]) for value in b"(){}[]<>\"'`#/*$;:,.=|&-!?\\ \n\t"), b"name", b"def", b"f", b"R", b"<<END",
    b"END", b"\"\"\"", b"/*", b"*/", b"${", b"\\(", b"0x1'0", b"for", b"import", b"include",
    b"\xc3\xa9", b"\xff"]  # fmt: skip


@given(SEEDS)
def test_lexer(seed: int) -> None:
    damage = Damage(seed)
    how = lexer.syntax(
        [name for name in FEATURES if damage.random.rand() < 0.3],
        {"def": "DEFINES", "for": "KEYWORD", "import": "IMPORTS", "class": "DEFINES_TYPE", "impl": "IMPLEMENTS"},
    )
    if damage.rate:
        how = how._replace(words=damage.array(np.uint64, 8), roles=damage.array(np.uint8, 8, 0, 20))
    data = b"".join(PIECES[damage.random.randint(0, len(PIECES))] for _ in range(damage.size(300)))
    is_refused_or_harmless(lambda: lexer.lex(data, how, with_code=True))
    if not damage.rate:
        tokens = lexer.lex(data, how, with_code=True)
        ends = tokens.starts.astype(np.int64) + tokens.lengths
        assert (tokens.starts[1:] >= ends[:-1]).all()
        assert (ends <= len(data)).all()
        assert [place for place, byte in enumerate(data) if byte == 10] == [
            place for place, byte in enumerate(tokens.code) if byte == 10
        ]


@given(SEEDS)
def test_references(seed: int) -> None:
    damage = Damage(seed)
    rows, count = damage.size(), damage.size(60)
    bounds = damage.ascending(np.int64, 2 * rows, 100)
    starts = damage.ascending(np.int64, count, 110)
    hashes, kinds = damage.array(np.uint64, count, 0, 30), damage.array(np.uint8, count, 0, 256)
    is_refused_or_harmless(
        lambda: lexer.sorted_postings(lexer.gather(starts, hashes, kinds, bounds[::2].copy(), bounds[1::2].copy()))
    )


def test_many_names_make_the_table_of_names_grow() -> None:
    count = 50_000
    names = np.random.RandomState(3).permutation(count).astype(np.uint64) + np.uint64(1)
    places = np.arange(count, dtype=np.int64)
    found = lexer.gather(places, names, np.full(count, 2, np.uint8), places[::100].copy(), places[::100] + 100)
    terms, offsets, rows, kinds = lexer.sorted_postings(found)
    assert terms.tolist() == list(range(1, count + 1))
    assert offsets.tolist() == list(range(count + 1))
    assert rows.tolist() == (np.argsort(names) // 100).tolist()
    assert set(kinds.tolist()) == {2}


def test_kinds_of_use_are_those_of_the_kernels() -> None:
    for use in lexer.Use:
        assert getattr(library.kernels(), str(use.name)) == use


@given(SEEDS)
@settings(max_examples=300)
def test_lexical_scores(seed: int) -> None:
    damage = Damage(seed)
    terms, rows, files = damage.size(5), damage.size(20), damage.size(6)

    def field(limit: int) -> lexical.FieldArrays:
        count = damage.size(15)
        bounds = damage.ascending(np.int64, 2 * terms, count)
        return lexical.FieldArrays(
            bounds[::2].copy(), bounds[1::2].copy(), damage.ascending(np.uint32, count, max(limit - 1, 0)),
            damage.array(np.uint8, count, 1, 256), damage.array(np.uint32, limit),
        )  # fmt: skip

    first = damage.ascending(np.uint32, files, rows)
    counts = damage.array(np.uint32, files, 0, 4)
    try:
        slices = lexical.PointedSlices(
            (field(rows), field(rows), field(files)), damage.array(np.uint32, rows, 0, files), first, counts
        )
    except CorruptArrays:
        return
    weights, eligible = damage.array(np.float64, terms), damage.array(np.bool_, rows, 0, 2)
    lengths, chosen = damage.array(np.int64, files), damage.ascending(np.int64, 3, max(files - 1, 0))
    offsets = damage.ascending(np.int64, 4, 9)
    is_refused_or_harmless(lambda: lexical.count_rows(slices, chosen))
    is_refused_or_harmless(lambda: lexical.score_rows(NORMALISATION, weights, slices))
    is_refused_or_harmless(lambda: lexical.propose_files(NORMALISATION, weights, weights, slices, eligible, lengths))
    is_refused_or_harmless(lambda: lexical.score_chosen(NORMALISATION, weights, slices, chosen, offsets, 9))


@given(SEEDS, st.sampled_from([0, 3, 64, 100, 256, 5000]))
def test_vectors(seed: int, dimension: int) -> None:
    damage = Damage(seed)
    rows, files = damage.size(), damage.size(5)
    codes = damage.random.randint(-128, 128, (rows, dimension)).astype(np.int8)
    query = damage.array(np.int8, dimension, -128, 128)
    scales = damage.array(np.float32, rows)
    if scales.size and damage.rate and scales.dtype == np.float32:
        scales = scales.copy()
        scales[0] = damage.random.choice([np.nan, np.inf, -1e38])
    shape = damage.ascending(np.uint32, files, rows), damage.array(np.uint32, files, 0, 3)
    eligible, some = damage.array(np.bool_, rows, 0, 2), damage.array(np.int64, 4, 0, max(rows, 1))
    is_refused_or_harmless(lambda: vectors.cosines(query, 1.0, codes, scales, some))
    is_refused_or_harmless(lambda: vectors.cosines_by_file(query, 1.0, codes, scales, eligible, *shape, 0.0))
    is_refused_or_harmless(lambda: vectors.cosine_sums(query, 1e30, codes, scales, some, *shape))
    width = dimension // 64
    signs = damage.random.randint(0, 256, (rows, 8 * width)).astype(np.uint8)
    words, table = damage.array(np.uint64, width), np.zeros(64 * width + 1)
    is_refused_or_harmless(
        lambda: vectors.estimates_by_file(words, signs, scales, table, eligible, *shape, damage.size(70))
    )
    terms, count = damage.size(), damage.size(30)
    offsets, entries = damage.ascending(np.int64, terms + 1, count), damage.array(np.int64, terms, -1, max(rows, 1))
    numbers, frequencies = damage.array(np.uint32, count, 0, 6), damage.array(np.uint8, count, 0, 256)
    is_refused_or_harmless(lambda: vectors.pool(codes, scales, entries, offsets, numbers, frequencies, 6))


@given(SEEDS)
@settings(max_examples=300)
def test_features(seed: int) -> None:
    damage = Damage(seed)
    rows, files, terms = damage.size(30), damage.size(6), damage.size(4)
    offsets = damage.ascending(np.int64, files + 1, rows)
    scores, eligible = damage.array(np.float64, rows), damage.array(np.bool_, rows, 0, 2)
    is_refused_or_harmless(lambda: features.best_three(scores, offsets))
    evidence = damage.random.rand(3, rows)
    if rows and damage.rate:
        evidence[damage.random.randint(0, 3), 0] = np.nan
    is_refused_or_harmless(lambda: features.best_rows(evidence, eligible, offsets, damage.size(5)))
    stems, query = damage.array(np.uint64, rows, 0, 3), damage.array(np.uint64, terms, 0, 3)
    chosen = damage.array(np.int64, 3, 0, max(files, 1))
    is_refused_or_harmless(lambda: features.stem_cover(chosen, offsets, stems, query))

    count, postings_count = damage.size(20), damage.size(20)
    bounds, lists = damage.ascending(np.int64, 2 * files, count), damage.ascending(np.int64, 2 * terms, postings_count)
    starts, ends = bounds[::2].copy(), bounds[1::2].copy()
    sizes = np.concatenate([[0], np.cumsum(np.clip(ends - starts, 0, 50))]).astype(np.int64)
    found = damage.ascending(np.uint32, postings_count, max(count - 1, 0))
    weights = damage.array(np.float64, terms)
    matched, covered = np.zeros(sizes[-1], np.int64), np.zeros(sizes[-1], np.float64)
    is_refused_or_harmless(
        lambda: features.match_names((lists[::2].copy(), lists[1::2].copy(), found), weights, starts, ends, sizes)
    )
    names = features.DefinitionArrays(
        damage.array(np.uint32, count, 0, rows), damage.array(np.uint32, count), damage.array(np.uint32, count),
        damage.array(np.uint8, count, 0, 3), damage.array(np.uint8, count),
    )  # fmt: skip
    exact = damage.array(np.uint32, 2), damage.array(np.uint32, 2)
    shifts = damage.array(np.int64, files, -2, 3)
    is_refused_or_harmless(
        lambda: features.score_definitions(
            names, starts, ends, shifts, sizes, (matched, covered), 1.0, (4, 0.6, 0.6), exact, rows
        )
    )


@pytest.mark.parametrize(
    "places",
    [np.array([0.0, 1.0]), np.array([0, 1], np.int32), np.arange(4)[::2], np.array([2]), np.array([1 << 62])],
    ids=["floats", "narrow", "strided", "beyond", "far beyond"],
)
def test_wrong_array_is_refused_with_what_it_is(places: NDArray[Any]) -> None:
    lists = np.array([0, 1, 2]), np.array([0, 0], np.uint8)
    with pytest.raises(CorruptArrays, match="places of posting lists"):
        postings.read_lists(*lists, places)


def test_classes_of_characters_are_those_of_the_table() -> None:
    from raycontext.analyse import characters

    for name in ("SEPARATOR", "MARK", "DIGIT", "CONNECTOR", "LOWER", "UPPER", "CJK", "CLASS_SHIFT", "TABLE_SIZE"):
        assert getattr(library.kernels(), name) == getattr(characters, name), name


def test_missing_library_says_what_to_do(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from raycontext.errors import KernelsMissing

    monkeypatch.setattr(library, "FOLDER", tmp_path)
    library.load.cache_clear()
    with pytest.raises(KernelsMissing, match=r"make kernels.*install raycontext again"):
        library.load("baseline")
    library.load.cache_clear()


@given(SEEDS)
def test_trigrams(seed: int) -> None:
    damage = Damage(seed)
    size, files, count = damage.size(200), damage.size(), damage.size(150)
    data = damage.array(np.uint8, size, 0, 256)
    bounds = damage.ascending(np.int64, files + 1, size)
    is_refused_or_harmless(lambda: trigrams.collect(data, bounds[:-1].copy(), bounds[1:].copy()))
    by_trigram = trigrams.FilesByTrigram(
        damage.ascending(np.uint32, count, (1 << 24) - 1),
        damage.ascending(np.int64, count + 1, size),
        damage.array(np.uint32, size, 0, files),
    )
    is_refused_or_harmless(lambda: trigrams.write_lists(by_trigram, files))
    blocks = damage.size(5)
    lists = trigrams.TrigramLists(
        damage.ascending(np.uint32, blocks, (1 << 24) - 1),
        damage.ascending(damage.random.choice([np.int32, np.int64]), blocks + 1, size),
        data,
        files,
    )
    is_refused_or_harmless(lambda: trigrams.read_all(lists))
    is_refused_or_harmless(lambda: trigrams.find(lists, damage.array(np.uint32, 5, 0, 1 << 24)))
    is_refused_or_harmless(lambda: trigrams.read_list(lists, damage.size(300), damage.size(20)))


@given(SEEDS)
def test_contents(seed: int) -> None:
    damage = Damage(seed)
    size, rows = damage.size(200), damage.size()
    starts, ends = (damage.ascending(np.uint32, rows, size) for _ in range(2))
    data, offsets = damage.array(np.uint8, size, 0, 256), damage.ascending(np.int32, rows + 1, size)
    blanks = damage.array(np.uint8, damage.size(200)).tobytes()
    is_refused_or_harmless(lambda: contents.content(size, starts, ends, [(data, offsets)], blanks))
