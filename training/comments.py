"""Pairs of texts that mean the same, found in one source file: a comment and the code that it is about, a name and
the body behind it, a heading and its text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from raycontext.chunk.chunker import ChunkedFile
from raycontext.chunk.labels import Definition

__all__ = ["CODE", "Documented", "Pair", "PairKind", "documented_definitions", "pairs_of_code", "pairs_of_prose"]

MAX_BODY_LINES = 60
MAX_REMARK_LINES = 25
MAX_TEXT_CHARS = 400

_C_LIKE = (r"//+[/!]?", "/*", "*/")
_HASH = (r"#+", None, None)
_STYLES: dict[str, tuple[str, str | None, str | None]] = {
    **dict.fromkeys(
        (
            *("c", "cpp", "csharp", "cuda", "d", "dart", "go", "groovy", "java", "javascript", "kotlin", "objc"),
            *("rust", "scala", "solidity", "swift", "tsx", "typescript", "vala", "zig", "haxe", "v", "proto"),
        ),
        _C_LIKE,
    ),
    "php": (r"//+|#(?!\[)", "/*", "*/"),
    **dict.fromkeys(("python", "ruby", "bash", "elixir", "perl", "r", "crystal", "nim", "fish", "tcl"), _HASH),
    "julia": (r"#+", "#=", "=#"),
    "haskell": (r"--+\s?\|?", "{-", "-}"),
    "purescript": (r"--+\s?\|?", "{-", "-}"),
    "elm": (r"--+", "{-", "-}"),
    "lua": (r"--+", "--[[", "]]"),
    "sql": (r"--+", "/*", "*/"),
    "erlang": (r"%+", None, None),
    "ocaml": (r"(?!)", "(*", "*)"),
    "ocaml_interface": (r"(?!)", "(*", "*)"),
    "fsharp": (r"//+", "(*", "*)"),
    **dict.fromkeys(("clojure", "elisp", "commonlisp", "scheme", "racket", "fennel"), (r";+", None, None)),
    "vim": (r"\"", None, None),
}
CODE = frozenset(_STYLES)
"""Languages whose comments are known."""

_DOC_STRING = re.compile(r"\s*(?:@(?:module)?doc\s+(?:~S)?)?[rRbBuU]?(\"\"\"|''')")
_STOP = re.compile(
    r"\s*(?:[@\\](?!brief|short|summary|doc)\w|:\w[\w ]*:|#+ |```|>>>|<(?:param|returns|remarks|exception)|[-=~*]{4,}"
    r"|(?:Args|Arguments|Parameters?|Returns?|Raises|Examples?|Usage|Notes?|See|Throws|Yields|Since|Attributes|Safety"
    r"|Panics|Errors)\b.{0,12}:?\s*$)"
)
_MARKS = re.compile(
    r"^\s*(?:/\*+[*!]?|\*+/|\*(?!\*)|//+[/!]?|#+[:!]?|--+(?:\[\[|\]\])?\s?[|^]?|%+|;+|\{-\s?[|^]?|-\}|\(\*+|\"(?!\"))\s?|\s*(?:\*+/|-\}|\*+\))\s*$"
)
_TAGS = re.compile(r"</?\w[^>]{0,60}>|\{@\w+ ?|[@\\](?:brief|short|summary)\b")
_LEGAL = re.compile(
    r"copyright|licen[cs]e|SPDX|all rights reserved|is part of|DO NOT EDIT|@generated|TODO|FIXME|XXX"
    r"|eslint|prettier-|istanbul|noinspection|pylint|noqa|jshint|@ts-|use strict|shebang"
    r"|vim:|-\*-|frozen_string_literal|coding: ?utf|LANGUAGE |OPTIONS_",
    re.IGNORECASE,
)
_EMPTY_NAMES = frozenset(
    {"__init__", "constructor", "initialize", "main", "Main", "__repr__", "__str__", "tests", "test", "self"}
)
_WORD = re.compile(r"[A-Za-z]{2,}")
_ATTRIBUTE = re.compile(
    r"\s*(?:@\w|#\[|\[\w+|template\b|export\b|__attribute__|pub\b|public\b|static\b|inline\b|\w[\w:<>,*& ]*$)"
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


def _comment_lines(lines: list[str], language: str) -> list[bool]:
    """Which lines are comment and nothing else."""
    line_mark, opening, closing = _STYLES[language]
    pattern = re.compile(r"\s*(?:" + line_mark + ")")
    flags, inside = [], False
    for line in lines:
        stripped = line.strip()
        if inside:
            flags.append(True)
            inside = closing is not None and closing not in stripped
        elif (
            opening is not None
            and closing is not None
            and stripped.startswith(opening)
            and not stripped.startswith("{-#")
        ):
            flags.append(True)
            inside = closing not in stripped[len(opening) :]
        else:
            flags.append(bool(stripped) and pattern.match(line) is not None and not stripped.startswith("#!"))
    return flags


def _paragraph(lines: list[str]) -> str:
    """The first paragraph of a comment, without its marks; "" where it says nothing."""
    words: list[str] = []
    length = 0
    for line in lines:
        text = _TAGS.sub(" ", _MARKS.sub("", _MARKS.sub("", line))).strip()
        if not text or _STOP.match(text):
            if words:
                break
            continue
        words.append(text)
        length += len(text)
        if length > MAX_TEXT_CHARS:
            break
    text = " ".join(words)[:MAX_TEXT_CHARS]
    if len(_WORD.findall(text)) < 3 or _LEGAL.search(text):
        return ""
    return text


def _doc_string(lines: list[str], start: int, stop: int) -> tuple[int, int] | None:
    """Rows of a string in three quotes that starts in the given rows, from its first to after its last."""
    for row in range(start, min(stop, start + 12)):
        found = _DOC_STRING.match(lines[row])
        if found:
            quote = found.group(1)
            if quote in lines[row][found.end() :]:
                return row, row + 1
            for last in range(row + 1, min(len(lines), row + 120)):
                if quote in lines[last]:
                    return row, last + 1
            return None
        if row > start and lines[row - 1].rstrip().endswith(":"):
            return None
    return None


class Documented(NamedTuple):
    """A definition with the comment that documents it."""

    definition: Definition
    row: int
    """Row of its name, from 0."""
    body: range
    """Rows from its name to its end, or to the next definition."""
    query: str
    """First paragraph of its comment without marks; "" where it has none, or where the comment says nothing."""
    comment: frozenset[int]
    """Rows of this comment; empty where `query` is."""


def documented_definitions(lines: list[str], language: str, chunked: ChunkedFile) -> Iterator[Documented]:
    """Definitions of a source file in the order of their rows, the last of those that share a row."""
    is_comment = _comment_lines(lines, language)
    definitions = sorted({found.line - 1: found for found in chunked.definitions}.items())
    starts = [row for row, _ in definitions]
    for index, (row, found) in enumerate(definitions):
        stop = min(starts[index + 1] if index + 1 < len(starts) else len(lines), row + MAX_BODY_LINES)
        while stop > row + 1 and (
            is_comment[stop - 1] or not lines[stop - 1].strip() or _is_attribute(lines[stop - 1])
        ):
            stop -= 1
        first = row
        while first > 0 and row - first < 5 and not is_comment[first - 1] and _ATTRIBUTE.match(lines[first - 1]):
            first -= 1
        comment_start = first
        while comment_start > 0 and is_comment[comment_start - 1] and first - comment_start < 80:
            comment_start -= 1
        query, body, comment = "", range(row, stop), set[int]()
        if comment_start < first:
            query = _paragraph(lines[comment_start:first])
            if query:
                comment.update(range(comment_start, first))
        rows = _doc_string(lines, row + 1, stop) if language == "python" else None
        if rows is None and language == "elixir" and first > 1:
            rows = _preceding_doc(lines, first)
        if rows is not None:
            doc = [lines[rows[0]].split('"""', 1)[-1].split("'''", 1)[-1], *lines[rows[0] + 1 : rows[1]]]
            query = _paragraph([line.replace('"""', "").replace("'''", "") for line in doc]) or query
            comment.update(range(*rows))
            body = range(row, max(stop, min(rows[1] + 1, len(lines))))
        yield Documented(found, row, body, query, frozenset(comment))


def pairs_of_code(path: str, text: str, language: str, chunked: ChunkedFile) -> Iterator[Pair]:
    """Pairs of a source file. `path` may be "" where it says nothing."""
    lines = text.split("\n")
    is_comment = _comment_lines(lines, language)
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
        if any(_LEGAL.search(line) for line in lines[row:stop]):
            found.update(range(row, stop))
        row = stop + 1
    return found


def _is_attribute(line: str) -> bool:
    return line.lstrip().startswith(("@", "#["))


def _preceding_doc(lines: list[str], row: int) -> tuple[int, int] | None:
    """Elixir's `@doc` before a definition."""
    last = row - 1
    while last > 0 and (not lines[last].strip() or lines[last].lstrip().startswith(("@spec", "@impl"))):
        last -= 1
    if lines[last].strip() != '"""':
        return None
    for start in range(last - 1, max(-1, last - 120), -1):
        if '@doc """' in lines[start] or '@doc ~S"""' in lines[start]:
            return start, last + 1
    return None


def _head(lines: list[str], is_comment: list[bool], language: str) -> str:
    """What the first comment of a file that is no licence says, or the docstring of the module."""
    row = 0
    while row < min(len(lines), 60):
        if is_comment[row]:
            stop = row
            while stop < len(lines) and is_comment[stop]:
                stop += 1
            found = _paragraph(lines[row:stop])
            if found:
                return found
            row = stop
        elif language in {"python", "elixir"} and _DOC_STRING.match(lines[row]):
            rows = _doc_string(lines, row, row + 1)
            return _paragraph([line.replace('"""', "") for line in lines[slice(*rows)]]) if rows else ""
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
        query = _paragraph(lines[row:stop])
        body = "\n".join(lines[stop:end])
        if len(query.split()) >= 4 and len(body.strip()) > 60:
            yield Pair(PairKind.REMARK_CODE, query, body)
        row = max(end, stop)


def pairs_of_prose(text: str) -> Iterator[Pair]:
    """Headings of Markdown and the text below them."""
    parts = re.split(r"^#{1,4} +(.+)$", text, flags=re.M)
    for heading, below in zip(parts[1::2], parts[2::2], strict=True):
        if len(below) > 120 and len(_WORD.findall(heading)) >= 2 and not _LEGAL.search(heading):
            yield Pair(PairKind.HEADING_TEXT, heading, below[:2500])
