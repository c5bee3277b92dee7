"""Questions from doc comments: the first sentence of a comment, whose answer is the definition without the comment."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from raycontext.analyse.path_kinds import PATH_KINDS, path_kinds
from raycontext.chunk.chunker import chunk_file
from raycontext.evaluation.doc_comments import CODE, documented_definitions
from raycontext.evaluation.scoring import JudgedQuery, Target

__all__ = [
    "NOT_ASKED",
    "DocQuestion",
    "by_chance",
    "chosen_questions",
    "count_openings",
    "gives_questions",
    "judged_places",
    "opening",
    "questions_of_file",
    "without_comments",
]

CHUNK_BYTES = 1500
"""Target size of the chunks that are cut to find the definitions of a file, in bytes."""
WORDS = range(4, 31)
"""Number of words that a question may have."""
LEAST_LINES = 3
"""Smallest number of lines that are left of a definition without its comment."""
MOST_OF_FILE = 2
"""Largest number of questions of one file, where there are enough of others."""
NOT_ASKED = sum(1 << bit for bit, kind in enumerate(PATH_KINDS) if kind not in {"internal", "entry", "legacy"})
"""Kinds of files that give no question. Others may: else the weights of their flags could be fitted as one likes."""
OPENING = 30
"""Number of characters at the beginning of a question that may stand in the tree only once."""

_SENTENCE = re.compile(r"(.+?[.!?])(?:\s+[A-Z(`<]|$)", re.S)
_PLAIN = re.compile(r"[\w(]")
_BEGIN = re.compile(r"(?<!\w)[\w(]")


class DocQuestion(NamedTuple):
    """Sentence and the definition that it documented. Rows count from 0."""

    text: str
    path: str
    row: int
    """Row of the name of the definition."""
    end: int
    """Row after the last one of the definition."""
    comment: frozenset[int]
    """Rows of the comment, which are removed from the file."""
    language: str


def gives_questions(path: str, language: str) -> bool:
    """Return whether a file may give questions: code that is neither test, example, prose nor someone else's."""
    return language in CODE and not path_kinds(path, language) & NOT_ASKED


def questions_of_file(path: str, data: bytes, language: str) -> Iterator[DocQuestion]:
    """Yield the questions that a file of UTF-8 with line feeds may give, in the order of their lines."""
    lines = data.decode().split("\n")
    for each in documented_definitions(lines, language, chunk_file(data, language, CHUNK_BYTES)):
        text = _sentence(each.query, each.definition.name) if each.query and each.definition.has_body else ""
        end = min(each.definition.end_line, len(lines))
        left = [row for row in range(each.row, end) if row not in each.comment and lines[row].strip()]
        if text and len(left) >= LEAST_LINES:
            yield DocQuestion(text, path, each.row, end, each.comment, language)


def opening(text: str) -> str:
    """Return the beginning of a question, by which it is counted in the texts of a tree."""
    return text[:OPENING]


def count_openings(text: str, openings: Collection[str]) -> Counter[str]:
    """Return how often each of some beginnings of questions stands in a text, from the first letter of a word on."""
    length = min(map(len, openings), default=0)
    by_prefix: dict[str, list[str]] = {}
    for each in openings:
        by_prefix.setdefault(each[:length], []).append(each)
    found: Counter[str] = Counter()
    for match in _BEGIN.finditer(text) if by_prefix else ():
        begin = match.start()
        near = by_prefix.get(text[begin : begin + length])
        if near is not None:
            found.update(each for each in near if text.startswith(each, begin))
    return found


def chosen_questions(candidates: Iterable[DocQuestion], counts: Mapping[str, int], most: int) -> list[DocQuestion]:
    """Return at most `most` questions, chosen by chance, in the order of their places.

    counts: how often the beginning of each question stands in the tree. One that stands there twice, or is broken by
    the end of a line, gives no question. The first `MOST_OF_FILE` questions of each file come before further ones.
    """
    of_file: Counter[str] = Counter()
    ranked: list[tuple[int, DocQuestion]] = []
    for question in sorted(candidates, key=by_chance):
        if counts.get(opening(question.text)) == 1:
            ranked.append((of_file[question.path] // MOST_OF_FILE, question))
            of_file[question.path] += 1
    ranked.sort(key=lambda each: each[0])  # stable: by chance within
    return sorted(question for _, question in ranked[:most])


def by_chance(question: DocQuestion) -> bytes:
    """Return a key that orders questions by chance, the same in each run."""
    return hashlib.md5(f"{question.path}\n{question.text}".encode(), usedforsecurity=False).digest()


def without_comments(data: bytes, questions: Sequence[DocQuestion]) -> tuple[bytes, list[tuple[int, int]]]:
    """Return a file without the comments of its questions, and the first and last line of each definition in it."""
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    removed = frozenset[int]().union(*(question.comment for question in questions))
    new_line = [0] * (len(lines) + 1)  # by old row: lines that are left before it
    for row in range(len(lines)):
        new_line[row + 1] = new_line[row] + (row not in removed)
    left = b"\n".join(line for row, line in enumerate(lines) if row not in removed)
    return left, [(new_line[question.row] + 1, new_line[question.end]) for question in questions]


def judged_places(questions: Sequence[DocQuestion], spans: Sequence[tuple[int, int]]) -> list[JudgedQuery]:
    """Return questions as judged queries. `spans` are the lines of their definitions, as `without_comments` tells."""
    return [
        JudgedQuery(
            query=question.text,
            category=question.language,
            targets=(Target(path=question.path, start_line=first, end_line=last),),
        )
        for question, (first, last) in zip(questions, spans, strict=True)
    ]


def _sentence(paragraph: str, name: str) -> str:
    """Return the first sentence of a comment as a question; "" where it is no good one.

    The name of the definition at the beginning is left out. A sentence that has it elsewhere asks for a name.
    """
    text = " ".join(paragraph.split())
    found = _SENTENCE.match(text)
    text = (found.group(1) if found else text).rstrip(".:! ")
    text = re.sub(rf"^(?:The |An? )?[`*]*{re.escape(name)}(?:\(\))?[`*]*[\s:,-]+", "", text).replace("`", "")
    if not _PLAIN.match(text) or len(text.split()) not in WORDS:
        return ""
    if len(name) > 3 and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
        return ""
    return text
