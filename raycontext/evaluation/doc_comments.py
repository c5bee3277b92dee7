"""Definitions of a source file with the comments that document them, by the comment styles of each language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from raycontext.chunk.chunker import ChunkedFile
from raycontext.chunk.labels import Definition

__all__ = [
    "CODE",
    "LEGAL",
    "WORD",
    "Documented",
    "comment_lines",
    "doc_string",
    "documented_definitions",
    "first_paragraph",
    "starts_doc_string",
]

MAX_BODY_LINES = 60
"""Largest number of lines after the name of a definition that are looked at."""
MAX_TEXT_CHARACTERS = 400
"""Number of characters after which the text of a comment is cut."""

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
LEGAL = re.compile(
    r"copyright|licen[cs]e|SPDX|all rights reserved|is part of|DO NOT EDIT|@generated|TO[D]O|FIX[M]E|X{3}"
    r"|eslint|prettier-|istanbul|noinspection|pylint|noqa|jshint|@ts-|use strict|shebang"
    r"|vim:|-\*-|frozen_string_literal|coding: ?utf|LANGUAGE |OPTIONS_",
    re.IGNORECASE,
)
"""Words of comments that say nothing of the code: licences and instructions to tools."""
WORD = re.compile(r"[A-Za-z]{2,}")
"""Word of a comment."""
_ATTRIBUTE = re.compile(
    r"\s*(?:@\w|#\[|\[\w+|template\b|export\b|__attribute__|pub\b|public\b|static\b|inline\b|\w[\w:<>,*& ]*$)"
)


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
    """Yield the definitions of a source file in the order of their rows, the last one of those that share a row."""
    is_comment = comment_lines(lines, language)
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
            query = first_paragraph(lines[comment_start:first])
            if query:
                comment.update(range(comment_start, first))
        rows = doc_string(lines, row + 1, stop) if language == "python" else None
        if rows is None and language == "elixir" and first > 1:
            rows = _preceding_doc(lines, first)
        if rows is not None:
            doc = [lines[rows[0]].split('"""', 1)[-1].split("'''", 1)[-1], *lines[rows[0] + 1 : rows[1]]]
            query = first_paragraph([line.replace('"""', "").replace("'''", "") for line in doc]) or query
            comment.update(range(*rows))
            body = range(row, max(stop, min(rows[1] + 1, len(lines))))
        yield Documented(found, row, body, query, frozenset(comment))


def starts_doc_string(line: str) -> bool:
    """Return whether a line begins with a string in three quotes."""
    return _DOC_STRING.match(line) is not None


def _is_attribute(line: str) -> bool:
    return line.lstrip().startswith(("@", "#["))


def _preceding_doc(lines: list[str], row: int) -> tuple[int, int] | None:
    """Return the rows of Elixir's `@doc` before a definition, like those of `doc_string`."""
    last = row - 1
    while last > 0 and (not lines[last].strip() or lines[last].lstrip().startswith(("@spec", "@impl"))):
        last -= 1
    if lines[last].strip() != '"""':
        return None
    for start in range(last - 1, max(-1, last - 120), -1):
        if '@doc """' in lines[start] or '@doc ~S"""' in lines[start]:
            return start, last + 1
    return None


def comment_lines(lines: list[str], language: str) -> list[bool]:
    """Return for each line whether it is comment and nothing else."""
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


def first_paragraph(lines: list[str]) -> str:
    """Return the first paragraph of a comment without its marks; "" where it says nothing."""
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
        if length > MAX_TEXT_CHARACTERS:
            break
    text = " ".join(words)[:MAX_TEXT_CHARACTERS]
    if len(WORD.findall(text)) < 3 or LEGAL.search(text):
        return ""
    return text


def doc_string(lines: list[str], start: int, stop: int) -> tuple[int, int] | None:
    """Return the rows of a string in three quotes that begins in the given rows: the first, and the one after the last.

    None: no such string begins there.
    """
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
