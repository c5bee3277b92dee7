"""Borders that take text of any kind: the chunker, the tokenizer, the codec of postings, globs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.merge import merge_postings
from raycontext.analyse.posting_lists import decode, encode, lookup
from raycontext.analyse.postings import PostingLists, Postings
from raycontext.analyse.terms import analyse, query_terms
from raycontext.chunk.chunker import chunk_file
from raycontext.chunk.languages.detect import LANGUAGES, detect_language
from raycontext.discover.rules.globs import check_globs, path_filter
from raycontext.errors import CorruptArrays, InvalidInput

from ..property.test_chunk_files import check as check_chunks
from .border import Attempt, Border, mutated

__all__ = ["CHUNKER", "GLOBS", "POSTINGS", "TOKENIZER"]

MOST_BYTES = 20_000
"""Largest text to try, in bytes: the rare case is rather in the first lines than in the last."""
REPOSITORY = Path(__file__).parents[2]
NESTS = (
    "(",
    "[",
    "{",
    "<a>",
    "{{",
    "if x {",
    "def f(a=",
    "class A { ",
    "- ",
    "> ",
    '"',
    "/*",
    "<!--",
    "`",
    "\\",
    "#if 1\n",
)


WORDS = ("camelCase", "HTTPServer2", "snake_case", "ǅ", "ß", "漢字", "İ", "e\u0301", "x" * 200, "9" * 25)


@contextmanager
def chunker(_: Path) -> Iterator[Attempt]:
    """Chunks cover every line that is not blank, in order, and end where lines end, whatever the text is."""
    suffixes = ("*.py", "*.c", "*.h", "*.md", "*.toml", "*.yaml", "*.js", "*.html", "*.css")
    files = [
        file
        for folder in ("raycontext", "docs", "tests")
        for suffix in suffixes
        for file in (REPOSITORY / folder).rglob(suffix)
    ]
    texts = [file.read_bytes()[:MOST_BYTES] for file in sorted(files)]
    languages = sorted(LANGUAGES)

    def attempt(random: Random) -> str:
        kind = random.choice(("mutated source", "source in another language", "deep nesting", "random text"))
        language: str | None = random.choice(languages)
        match kind:
            case "deep nesting":
                data = (random.choice(NESTS) * random.randint(1, 2_000)).encode()
                data += mutated(random.choice(texts)[:500], random)
            case "random text":
                data = random.randbytes(random.randint(0, 2_000))
            case _:
                text = random.choice(texts)
                at = random.randrange(max(1, len(text)))
                data = mutated(text[at : at + random.randint(1, MOST_BYTES)], random, 40)
                if kind == "mutated source":
                    language = detect_language(random.choice(files).name, data)
        data = data[:MOST_BYTES].replace(b"\0", b" ").decode(errors="replace").encode()
        target = random.choice((200, 1500))
        check_chunks(data, chunk_file(data, language or "text", target), target)
        return kind

    yield attempt


@contextmanager
def tokenizer(_: Path) -> Iterator[Attempt]:
    """Terms stand in order with the rows that hold them, and rows outside of the buffer are refused."""

    def attempt(random: Random) -> str:
        pieces = [
            random.choice(
                ("camelCase", "HTTPServer2", "snake_case", "ǅ", "ß", "漢字", "İ", "e\u0301", "x" * 200, "9" * 25)
            ).encode()
            if random.random() < 0.5
            else random.randbytes(random.randint(0, 12))
            for _ in range(random.randint(0, 40))
        ]
        data = random.choice((b" ", b"", b"\xf0\x9f", b"_")).join(pieces)
        count = random.randint(0, 6)
        ends = np.array([random.randint(0, len(data)) for _ in range(count)], np.int64)
        starts = np.array([random.randint(0, end) for end in ends.tolist()], np.int64)
        is_outside = count > 0 and random.random() < 0.2
        if is_outside:
            array = random.choice((starts, ends))
            array[random.randrange(count)] = random.choice((-1, len(data) + 1, 2**62, -(2**62)))
        try:
            postings = analyse(data, starts, ends)
        except InvalidInput:
            assert is_outside
            return "row outside of the buffer: refused"
        assert not is_outside
        check_postings(postings, count)
        found = query_terms(data.decode(errors="replace")[:1_000])
        assert len(found.terms) == len(found.frequencies) == len(found.words)
        return "bytes"

    yield attempt


def check_postings(postings: Postings, rows: int) -> None:
    """Assert what the docstring of `Postings` promises."""
    assert len(postings.lengths) == rows
    assert postings.offsets[0] == 0
    assert postings.offsets[-1] == len(postings.rows) == len(postings.frequencies)
    assert (np.diff(postings.offsets) >= 1).all()
    assert (postings.terms[1:] > postings.terms[:-1]).all()
    assert not len(postings.terms) or postings.terms[0] > 0
    for first, last in zip(postings.offsets, postings.offsets[1:], strict=False):
        assert (np.diff(postings.rows[first:last].astype(np.int64)) > 0).all()
    assert not len(postings.rows) or (postings.rows.max() < rows and postings.frequencies.min() >= 1)


@contextmanager
def postings(_: Path) -> Iterator[Attempt]:
    """Postings come back as they were; damaged lists are refused or read as other postings, without a crash."""

    def attempt(random: Random) -> str:
        rows = random.choice((1, 5, 300, 70_000))
        intact = random_postings(random, rows)
        lists = encode(intact)
        restored = decode(lists)
        for name in ("terms", "offsets", "rows", "frequencies"):
            assert (getattr(restored, name) == getattr(intact, name)).all(), name
        damaged = damaged_lists(lists, random)
        wanted = np.array([random.choice([*lists.terms.tolist(), 1, 2**64 - 1]) for _ in range(5)], np.uint64)
        try:
            lookup(damaged, np.unique(wanted))
            decoded = decode(damaged)
            alive = np.array([random.choice((-1, 0)) for _ in range(rows)], np.int64)
            numbers = np.where(alive < 0, -1, np.cumsum(alive == 0) - 1)
            merge_postings([decoded], [numbers], np.ones(int((alive == 0).sum()), np.uint32))
        except CorruptArrays:
            return "damaged lists: refused"
        return "damaged lists: read"

    yield attempt


def random_postings(random: Random, rows: int) -> Postings:
    """Return an inverted index of some terms."""
    terms = sorted({random.randint(1, 2**64 - 1) for _ in range(random.randint(1, 12))})
    of_terms = [sorted({random.randrange(rows) for _ in range(random.randint(1, 30))}) for _ in terms]
    counts = [len(of_term) for of_term in of_terms]
    flat = [row for of_term in of_terms for row in of_term]
    return Postings(
        np.array(terms, np.uint64),
        np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        np.array(flat, np.uint32),
        np.array([random.choice((1, 2, 3, 17, 255)) for _ in flat], np.uint8),
        np.ones(rows, np.uint32),
    )


def damaged_lists(lists: PostingLists, random: Random) -> PostingLists:
    """Return lists of which one array is damaged."""
    terms, starts, data = lists.terms, lists.starts, lists.data
    match random.randrange(4):
        case 0:
            data = np.frombuffer(mutated(data.tobytes(), random), np.uint8)
        case 1:
            starts = _with_extremes(starts.astype(np.int64), random)
        case 2:
            starts = starts[: random.randint(0, len(starts))]
        case _:
            terms = np.array([random.randint(0, 2**64 - 1) for _ in terms], np.uint64)
    return PostingLists(terms, starts, data, lists.lengths)


def _with_extremes(array: NDArray[np.int64], random: Random) -> NDArray[np.int64]:
    changed = array.copy()
    for _ in range(random.randint(1, 3)):
        near = random.choice((-(2**63), 2**63 - 1, -1, 0, 2**31, 2**32, int(array[-1])))
        changed[random.randrange(len(changed))] = max(-(2**63), min(2**63 - 1, near + random.randint(-2, 2)))
    return changed


GLOB_PIECES = (
    "a",
    "b",
    "*",
    "**",
    "?",
    "/",
    "**/",
    "/**",
    "[ab]",
    "[!a]",
    "[z-a]",
    "[",
    "]",
    "\\",
    "!",
    "#",
    " ",
    "é",
    ".",
    "[[:alpha:]]",
)


@contextmanager
def globs(_: Path) -> Iterator[Attempt]:
    """Any glob answers for any path, as the definition says where it is of stars and letters alone."""

    def attempt(random: Random) -> str:
        if random.random() < 0.4:
            glob = "".join(random.choice("ab*?") for _ in range(random.randint(1, 40)))
            name = "".join(random.choice("ab") for _ in range(random.randint(1, 200)))
            assert path_filter([glob], ())(name) == matches(glob, name), (glob, name)
            return "stars and letters"
        pieces = [random.choice(GLOB_PIECES) for _ in range(random.randint(1, 60))]
        list_of_globs = ["".join(pieces[:20]), "".join(pieces[20:])] if len(pieces) > 20 else ["".join(pieces)]
        if random.random() < 0.2:
            list_of_globs.append(random.randbytes(random.randint(1, 40)).decode("utf-8", "surrogateescape"))
        path = "/".join(
            "".join(random.choice("abé.*[") for _ in range(random.randint(1, 60))) for _ in range(random.randint(1, 40))
        )
        admits = path_filter(list_of_globs, ())
        assert admits(path) == admits(path)
        assert path_filter((), list_of_globs)(path) != admits(path)
        try:
            check_globs("paths", list_of_globs)
        except InvalidInput:
            return "any pieces: refused"
        return "any pieces"

    yield attempt


def matches(glob: str, name: str) -> bool:
    """Match stars, question marks and letters by their definition."""

    @cache
    def rest(at: int, place: int) -> bool:
        if at == len(glob):
            return place == len(name)
        if glob[at] == "*":
            return rest(at + 1, place) or (place < len(name) and rest(at, place + 1))
        return place < len(name) and glob[at] in ("?", name[place]) and rest(at + 1, place + 1)

    return rest(0, 0)


CHUNKER = Border("chunker", 60, chunker)
TOKENIZER = Border("tokenizer", 400, tokenizer)
POSTINGS = Border("postings", 400, postings)
GLOBS = Border("globs", 300, globs)
