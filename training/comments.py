"""Pairs of texts that mean the same, found in one source file: a comment and the code that it is about, a name and
the body behind it, a heading and its text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from raycontext.chunk.chunker import ChunkedFile
from raycontext.evaluation.doc_comments import (
    LEGAL,
    WORD,
    comment_lines,
    doc_string,
    documented_definitions,
    first_paragraph,
    starts_doc_string,
)

__all__ = ["Pair", "PairKind", "pairs_of_code", "pairs_of_prose"]

MAX_REMARK_LINES = 25

_EMPTY_NAMES = frozenset(
    {"__init__", "constructor", "initialize", "main", "Main", "__repr__", "__str__", "tests", "test", "self"}
)


class PairKind(IntEnum):
    """Where a pair is from."""

    DOC_BODY = 0
    DOC_CHUNK = 1
    NAME_BODY = 2
    REMARK_CODE = 3
    HEAD_CHUNK = 4
    PATH_CHUNK = 5
    HEADING_TEXT = 6


class Pair(NamedTuple):
    """A query-like text and what it should find."""

    kind: PairKind
    query: str
    body: str


def pairs_of_code(path: str, text: str, language: str, chunked: ChunkedFile) -> Iterator[Pair]:
    """Pairs of a source file. `path` may be "" where it says nothing."""
    lines = text.split("\n")
    is_comment = comment_lines(lines, language)
    removed = _legal_rows(lines, is_comment)  # and rows of comments that are the query of a pair
    documented: list[tuple[str, int, int]] = []  # text, chunk, row
    for each in documented_definitions(lines, language, chunked):
        found, row, query = each.definition, each.row, each.query
        removed.update(each.comment)
        body = [lines[at] for at in each.body if at not in removed]
        if query and sum(map(len, body)) > 20:
            documented.append((query, found.chunk, row))
            yield Pair(PairKind.DOC_BODY, query, "\n".join(body))
        behind = [line for line in body[1:] if line.strip()]
        if len(behind) >= 3 and len(found.name) > 3 and found.name not in _EMPTY_NAMES and sum(map(len, behind)) > 100:
            yield Pair(PairKind.NAME_BODY, found.name, "\n".join(behind))

    texts = []
    for chunk in chunked.chunks:
        rows_of_chunk = range(chunk.start_line - 1, min(chunk.end_line, len(lines)))
        texts.append("\n".join(lines[at] for at in rows_of_chunk if at not in removed))
    for query, chunk_index, row in documented:
        if row % 2 == 0 and len(texts[chunk_index]) > 200:
            yield Pair(PairKind.DOC_CHUNK, query, texts[chunk_index])
    yield from _remarks(lines, is_comment, removed)

    solid = [chunk_text for chunk_text in texts if len(chunk_text) > 300]
    if not solid:
        return
    head = _head(lines, is_comment, language)
    if head:
        for body_text in solid[:6]:
            if head not in body_text:
                yield Pair(PairKind.HEAD_CHUNK, head, body_text)
    if path:
        for body_text in solid[len(path) % 2 :: 3][:3]:
            yield Pair(PairKind.PATH_CHUNK, path, body_text)


def _legal_rows(lines: list[str], is_comment: list[bool]) -> set[int]:
    """Rows of the comments at the head of a file that speak of its licence."""
    found: set[int] = set()
    row = 0
    while row < min(len(lines), 40):
        stop = row
        while stop < len(lines) and is_comment[stop]:
            stop += 1
        if any(LEGAL.search(line) for line in lines[row:stop]):
            found.update(range(row, stop))
        row = stop + 1
    return found


def _head(lines: list[str], is_comment: list[bool], language: str) -> str:
    """What the first comment of a file that is no licence says, or the docstring of the module."""
    row = 0
    while row < min(len(lines), 60):
        if is_comment[row]:
            stop = row
            while stop < len(lines) and is_comment[stop]:
                stop += 1
            found = first_paragraph(lines[row:stop])
            if found:
                return found
            row = stop
        elif language in {"python", "elixir"} and starts_doc_string(lines[row]):
            rows = doc_string(lines, row, row + 1)
            return first_paragraph([line.replace('"""', "") for line in lines[slice(*rows)]]) if rows else ""
        elif lines[row].strip() and row > 25:
            return ""
        else:
            row += 1
    return ""


def _remarks(lines: list[str], is_comment: list[bool], removed: set[int]) -> Iterator[Pair]:
    """Comments inside of code, and the lines after them."""
    row = 0
    while row < len(lines):
        if not is_comment[row] or row in removed or not lines[row][:1].isspace():
            row += 1
            continue
        stop = row
        while stop < len(lines) and is_comment[stop]:
            stop += 1
        end = stop
        while (
            end < len(lines)
            and end - stop < MAX_REMARK_LINES
            and not is_comment[end]
            and (lines[end].strip() or end == stop)
        ):
            end += 1
        query = first_paragraph(lines[row:stop])
        body = "\n".join(lines[stop:end])
        if len(query.split()) >= 4 and len(body.strip()) > 60:
            yield Pair(PairKind.REMARK_CODE, query, body)
        row = max(end, stop)


def pairs_of_prose(text: str) -> Iterator[Pair]:
    """Headings of Markdown and the text below them."""
    parts = re.split(r"^#{1,4} +(.+)$", text, flags=re.M)
    for heading, below in zip(parts[1::2], parts[2::2], strict=True):
        if len(below) > 120 and len(WORD.findall(heading)) >= 2 and not LEGAL.search(heading):
            yield Pair(PairKind.HEADING_TEXT, heading, below[:2500])
