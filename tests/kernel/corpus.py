"""A fixed corpus for the compiled functions, and what each group of them makes of it.

The corpus is generated: it depends on nothing but the numbers in this module and numpy's frozen `RandomState`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.characters import code_point_table
from raycontext.analyse.merge import merge_postings
from raycontext.analyse.posting_lists import decode, encode, lookup
from raycontext.analyse.postings import Postings
from raycontext.analyse.terms import analyse, analyse_texts
from raycontext.chunk.syntax.bodies import without_bodies
from raycontext.kernel.lexical import FieldArrays
from raycontext.kernel.text import hash_terms, tokenize
from raycontext.kernel.vectors import pool
from raycontext.search.signals.evidence import RowsOfFiles, best_three, lexical_evidence
from raycontext.search.signals.features import ExactNames, best_rows_of_files, name_features
from raycontext.search.signals.lexical import (
    Normalisation,
    TermSlices,
    field_frequencies,
    lexical_proposals,
    score_rows,
)
from raycontext.search.signals.vector import (
    QueryVector,
    all_cosines,
    cosine_sums,
    cosines,
    cosines_by_file,
    estimates_by_file,
)

__all__ = ["GROUPS", "SMALL", "Corpus", "corpus_of"]

SMALL = 1500
"""Chunks of the corpus whose results are recorded."""

DIMENSION = 256
CHUNKS_OF_A_FILE = 7
TABLE_TERMS = 2000

STEMS = (
    *("comput", "relat", "organ", "gener", "commun", "univers", "arsen", "hop", "hopp", "add", "egg", "fall", "miss"),
    *("inter", "proc", "succ", "exc", "even", "inn", "out", "cann", "past", "emerg", "index", "token", "stor", "tie"),
    *("log", "activ", "form", "use", "happ", "cr", "bl", "y", "say", "fizz", "buzz", "early", "on", "sk", "ug", "dy"),
)
SUFFIXES = (
    *("", "s", "es", "ed", "ing", "er", "ies", "ied", "eed", "eedly", "ingly", "edly", "ational", "ation", "ator"),
    *("alism", "aliti", "alli", "fulness", "ousness", "iveness", "biliti", "bli", "ization", "izer", "ance", "ence"),
    *("able", "ible", "ement", "ment", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "ion", "ogist", "ogi", "li"),
    *("icate", "iciti", "ical", "ful", "ness", "alize", "ative", "ly", "y", "us", "sses", "e", "l", "ll", "tion"),
)
FOREIGN = (
    *(
        "naïve",
        "ÜBER",
        "Straße",
        "ΣΊΣΥΦΟΣ",
        "Привет",
        "e\u0301te\u0301",
        "日本語の文字列",
        "한국어",
        "\U0001d4b3code",
        "١٢٣",
    ),
    *("İstanbul", "漢字Name", "_漢_", "ﬁle", "x\u0300\u0301", "中"),
)
DAMAGED = (b"\xff\xfe", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\x00")
SEPARATORS = (b" ", b"\n", b"(", b".", b"->", b"; ", b" = ", b"\t", b"{\n", b"}\n", b'"', b" // ")


@dataclass(frozen=True)
class Corpus:
    """Source text of some chunks, and the arrays that an index and a query make of it."""

    chunks: int

    def words(self, random: np.random.RandomState, count: int) -> list[bytes]:
        """Return identifiers in all spellings, plain words, numbers, other scripts and damaged bytes."""
        first = random.randint(0, len(STEMS), (count, 3))
        second = random.randint(0, len(SUFFIXES), (count, 3))
        style = random.randint(0, 40, count)
        number = random.randint(0, 1 << 30, count)
        found = []
        for place in range(count):
            parts = [STEMS[a] + SUFFIXES[b] for a, b in zip(first[place], second[place], strict=True)]
            match style[place]:
                case 0:
                    found.append(FOREIGN[number[place] % len(FOREIGN)].encode())
                case 1:
                    found.append(DAMAGED[number[place] % len(DAMAGED)])
                case 2:
                    found.append(str(int(number[place]) * 7919 ** int(number[place] % 5)).encode())
                case 3:
                    found.append(("".join(parts) * (number[place] % 9 + 1)).encode())
                case 4 | 5 | 6 | 7:
                    found.append("".join(part.capitalize() for part in parts).encode())
                case 8 | 9 | 10 | 11:
                    found.append("_".join(parts).encode())
                case 12 | 13:
                    found.append((parts[0].upper() + parts[1].capitalize() + str(number[place] % 100)).encode())
                case 14:
                    found.append(f"__{parts[0]}__${parts[1].upper()}".encode())
                case _:
                    found.append(parts[0].encode())
        return found

    @cached_property
    def source(self) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
        """Return the text uint8[size], and where each chunk begins and ends, int64[chunks] each."""
        random = np.random.RandomState(1)
        sizes = random.randint(0, 140, self.chunks)
        separators = random.randint(0, len(SEPARATORS), int(sizes.sum()))
        words = self.words(random, int(sizes.sum()))
        pieces, bounds, place, size = [], [0], 0, 0
        for count in sizes:
            for _ in range(count):
                piece = words[place] + SEPARATORS[separators[place]]
                pieces.append(piece)
                size += len(piece)
                place += 1
            bounds.append(size)
        data = np.frombuffer(b"".join(pieces), np.uint8)
        limits = np.array(bounds, np.int64)
        return data, limits[:-1].copy(), limits[1:].copy()

    def texts(self, seed: int, count: int, words: int) -> list[str]:
        random = np.random.RandomState(seed)
        found = [word.decode("utf-8", "replace") for word in self.words(random, count * words)]
        return [" ".join(found[place * words : (place + 1) * words]) for place in range(count)]

    @property
    def files(self) -> int:
        return -(-self.chunks // CHUNKS_OF_A_FILE)

    @cached_property
    def postings(self) -> tuple[Postings, Postings, Postings, Postings]:
        """Return the postings of bodies, symbols, paths and names of definitions."""
        return (
            analyse(*self.source),
            analyse_texts(self.texts(2, self.chunks, 2)),
            analyse_texts(self.texts(3, self.files, 3)),
            analyse_texts(self.texts(4, self.chunks, 1)),
        )

    @cached_property
    def row_files(self) -> NDArray[np.uint32]:
        return (np.arange(self.chunks) // CHUNKS_OF_A_FILE).astype(np.uint32)

    @cached_property
    def first_rows(self) -> NDArray[np.uint32]:
        return (np.arange(self.files) * CHUNKS_OF_A_FILE).astype(np.uint32)

    @cached_property
    def row_counts(self) -> NDArray[np.uint32]:
        return np.bincount(self.row_files, minlength=self.files).astype(np.uint32)

    @cached_property
    def symbol_lengths(self) -> NDArray[np.int64]:
        return np.bincount(self.row_files, self.postings[1].lengths, minlength=self.files).astype(np.int64)

    @cached_property
    def terms(self) -> NDArray[np.uint64]:
        """Return the terms of a query: common ones, rare ones, and some that do not occur."""
        body, symbol, path, _ = self.postings
        common = body.terms[np.argsort(np.diff(body.offsets), kind="stable")[-3:]]
        found = np.concatenate(
            [common, body.terms[:3], symbol.terms[5:8], path.terms[2:5], np.array([3, 1 << 63], np.uint64)]
        )
        return np.array(list(dict.fromkeys(found.tolist())), np.uint64)

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        weights = 0.25 + np.arange(len(self.terms)) * 0.875
        weights[4] = 0.0
        return weights

    @cached_property
    def slices(self) -> TermSlices:
        lists = [encode(postings) for postings in self.postings[:3]]
        body, symbol, path = (FieldArrays(*lookup(field, self.terms), field.lengths) for field in lists)
        return TermSlices(body, symbol, path, self.row_files, self.first_rows, self.row_counts)

    @cached_property
    def normalisation(self) -> Normalisation:
        return Normalisation(1.2, (1.0, 0.75, 131.5), (2.0, 0.5, 3.25), (1.0, 0.5, 7.125), (0.5, 17.75))

    @cached_property
    def eligible(self) -> NDArray[np.bool_]:
        return np.random.RandomState(6).randint(0, 4, self.chunks) > 0

    @cached_property
    def query(self) -> QueryVector:
        return QueryVector((np.random.RandomState(7).randint(-1000, 1001, DIMENSION) / 997).astype(np.float32))

    @cached_property
    def vectors(self) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.uint8]]:
        """Return codes int8[chunks, DIMENSION], scales float32[chunks] and signs uint8[chunks, DIMENSION / 8]."""
        random = np.random.RandomState(8)
        near = random.randint(0, 8, (self.chunks, 1)) == 0
        noise = random.randint(-128, 128, (self.chunks, DIMENSION))
        codes = np.where(near, np.clip(self.query.codes + noise // 2, -128, 127), noise).astype(np.int8)
        scales = (random.randint(0, 1000, self.chunks) / 2e6).astype(np.float32)
        return codes, scales, np.packbits(codes >= 0, axis=1)

    @cached_property
    def chosen(self) -> RowsOfFiles:
        files = np.flatnonzero(np.random.RandomState(9).randint(0, 3, self.files) == 0)
        return RowsOfFiles.of(files, self.first_rows, self.row_counts)

    @cached_property
    def table(self) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.int64]]:
        """Return codes and scales of term vectors, and the row of each term of the bodies among them, -1 for none."""
        random, terms = np.random.RandomState(10), len(self.postings[0].terms)
        codes = random.randint(-127, 128, (TABLE_TERMS, DIMENSION)).astype(np.int8)
        scales = (random.randint(1, 1000, TABLE_TERMS) / 1e4).astype(np.float32)
        return codes, scales, random.randint(-1, TABLE_TERMS, terms).astype(np.int64)

    @cached_property
    def definitions(self) -> Any:
        """Return what `name_features` asks a segment for: a definition for most chunks, two for some."""
        random = np.random.RandomState(11)
        rows = np.sort(random.randint(0, self.chunks, self.chunks)).astype(np.uint32)
        columns = {
            "row": rows,
            "terms": random.randint(1, 6, self.chunks).astype(np.uint8),
            "name_hash": random.randint(0, 300, self.chunks).astype(np.uint32),
            "folded_hash": random.randint(0, 200, self.chunks).astype(np.uint32),
            "weight": random.randint(0, 5, self.chunks).astype(np.uint8),
        }
        counts = random.randint(0, 4, self.files)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        stem_terms = self.terms[random.randint(0, len(self.terms), int(offsets[-1]))]
        lists = encode(self.postings[3])
        return SimpleNamespace(
            stem_terms=(offsets, stem_terms),
            first_rows=self.first_rows,
            row_counts=self.row_counts,
            definition_column=columns.__getitem__,
            posting_lists=lambda field: {"name": lists}[field],
        )

    @cached_property
    def c_source(self) -> bytes:
        """Return a file of C: functions of all sizes, directives, comments, literals, macros and initialisers."""
        random = np.random.RandomState(12)
        pieces = []
        for number, kind in enumerate(random.randint(0, 9, self.chunks // 4)):
            inside = "".join(f'\tif (a > {line}) {{ b(\'}}\', "{{\\""); }} /* {{ */\n' for line in range(number % 13))
            pieces.append(
                (
                    f"static int f{number}(int a, char *b)\n{{\n{inside}\treturn {number}; // }}\n}}\n",
                    f"struct s{number} __attribute__((packed)) {{\n\tint a;\n}};\n",
                    f"#define M{number}(x) do {{ \\\n\tx; /* \n */ }} while (0)\n",
                    f"int t{number}[] = {{ 1, 2, {{ 3 }} }};\n",
                    f"MODULE_{number}(x) {{\r\n{inside}\r\n}}\r\n",
                    f'extern "C" {{\nint g{number}(void) {{ return 1; }}\n}}\n',
                    f"/* comment {{ {number} */ typedef int i{number};\n",
                    f"void h{number}(void)\n{{\n#ifdef X\n{inside}#endif\n}}\n",
                    f"_Bool k{number}(void) __must_check;\n__init{number}(void)\n{{\n{inside}}}\n",
                )[kind]
            )
        return "".join(pieces).encode()


@cache
def corpus_of(chunks: int) -> Corpus:
    """Return the corpus of that many chunks, made once."""
    return Corpus(chunks)


def _tokenizer(corpus: Corpus) -> Iterator[Any]:
    found = tokenize(*corpus.source, code_point_table())
    yield from found
    part_bytes = found.part_bytes.copy()
    yield from hash_terms(part_bytes, found.part_offsets, found.stemmed)
    yield part_bytes
    analysed = analyse(*corpus.source)
    yield from (analysed.terms, analysed.offsets, analysed.rows, analysed.frequencies, analysed.lengths)


def _postings(corpus: Corpus) -> Iterator[Any]:
    for postings in corpus.postings:
        lists = encode(postings)
        yield from (lists.terms, lists.starts, lists.data)
        whole = decode(lists)
        yield from (whole.offsets, whole.rows, whole.frequencies)
        yield from lookup(lists, corpus.terms)
    body, symbol = corpus.postings[:2]
    alive = np.random.RandomState(13).randint(0, 3, 2 * corpus.chunks) > 0
    numbers = np.where(alive, np.cumsum(alive) - 1, -1)
    parts = np.split(numbers, 2)
    merged = merge_postings((body, symbol), parts, np.zeros(int(alive.sum()), np.uint32))
    yield from (merged.terms, merged.offsets, merged.rows, merged.frequencies)


def _bm25f(corpus: Corpus) -> Iterator[Any]:
    slices = corpus.slices
    for field in (slices.body, slices.symbol, slices.path):
        yield from field
    yield field_frequencies(slices, np.arange(0, corpus.files, 5))
    yield field_frequencies(slices, np.empty(0, np.int64))
    chunk_weights = np.where(np.arange(len(corpus.weights)) % 3 == 0, 0.0, corpus.weights)
    for weights in (corpus.weights, chunk_weights):
        yield from lexical_proposals(
            corpus.normalisation, corpus.weights, weights, slices, corpus.eligible, corpus.symbol_lengths
        )
    yield score_rows(corpus.normalisation, corpus.weights, slices)


def _vectors(corpus: Corpus) -> Iterator[Any]:
    codes, scales, signs = corpus.vectors
    shape = corpus.eligible, corpus.first_rows, corpus.row_counts
    yield all_cosines(corpus.query, codes, scales)
    yield cosines(corpus.query, codes, scales, corpus.chosen.rows)
    for least in (0.0, 0.02, 0.05):
        yield cosines_by_file(corpus.query, codes, scales, *shape, least)
    for least in (0.0, 0.1, 0.2):
        # The estimates come from the cosine of the machine's C library.
        yield np.round(estimates_by_file(corpus.query, signs, scales, *shape, least), 12)
    yield np.array(cosine_sums(corpus.query, codes, scales, corpus.chosen.files, *shape[1:], 1e-4), np.int64)


def _evidence(corpus: Corpus) -> Iterator[Any]:
    chosen = corpus.chosen
    lexical = lexical_evidence(corpus.normalisation, corpus.weights, corpus.slices, chosen)
    similar = cosines(corpus.query, *corpus.vectors[:2], chosen.rows)
    yield lexical
    yield from best_three(lexical, chosen.offsets)
    yield from best_three(similar, chosen.offsets)
    exact = ExactNames(np.array([3, 70, 171], np.uint32), np.array([9, 71, 70], np.uint32))
    columns, defined = name_features(corpus.definitions, chosen, corpus.terms, corpus.weights, exact)
    yield from (columns[name] for name in sorted(columns))
    yield defined
    for count in (1, 3, 100):
        evidence = np.stack([lexical, similar, defined])
        yield from best_rows_of_files(evidence, corpus.eligible[chosen.rows], chosen.offsets, count)


def _bodies(corpus: Corpus) -> Iterator[Any]:
    for most in (0, 60, 400, 10_000):
        yield np.frombuffer(without_bodies(corpus.c_source, most), np.uint8)
    for cut in range(1, 200, 7):
        yield np.frombuffer(without_bodies(corpus.c_source[cut:-cut], 400), np.uint8)


def _pooling(corpus: Corpus) -> Iterator[Any]:
    body = corpus.postings[0]
    yield pool(*corpus.table, body.offsets, body.rows, body.frequencies, corpus.chunks)


GROUPS: dict[str, Callable[[Corpus], Iterator[Any]]] = {
    "tokenizer": _tokenizer,
    "postings": _postings,
    "bm25f": _bm25f,
    "vectors": _vectors,
    "evidence": _evidence,
    "bodies": _bodies,
    "pooling": _pooling,
}
"""What each group of compiled functions makes of a corpus: arrays, in a fixed order."""
