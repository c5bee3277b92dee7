"""Uses of a wanted definition in a file, and mentions of its name in comments, strings and prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.posting_lists import lookup
from raycontext.analyse.terms import query_terms
from raycontext.kernel.lexer import Use, reference_hash
from raycontext.relations.lexed import LexedFile
from raycontext.relations.modules import Match
from raycontext.relations.reading import lexed
from raycontext.relations.uses.receivers import receiver_of
from raycontext.relations.uses.resolution import FileFacts, verdict
from raycontext.relations.uses.sites import TEST_BIT, Facts
from raycontext.relations.values import Certainty, UseSite
from raycontext.search.rows.view import Part, View

__all__ = ["FoundUse", "mentions_of", "use_site", "uses_of"]

IMPORT = int(Use.IMPORT)


class FoundUse(NamedTuple):
    """Use of a wanted definition in a file: number of the identifier, and how sure it is."""

    number: int
    certainty: Certainty


def uses_of(file: LexedFile, facts: Facts, kinds: int) -> Iterator[FoundUse]:
    """Yield the uses of a wanted definition in a file, also under the names that imports give it there."""
    seen = FileFacts(file, facts)
    if seen.is_apart:
        return
    for name, is_alias in _names_in(seen):
        key = reference_hash(name)
        last_import = 0
        first_line, last_line = _bound_in(file, key) if is_alias else (0, 0)
        found = file.occurrences(key)
        of_kinds = file.tokens.kinds[found]
        chosen = (of_kinds & np.uint8(kinds)) > 0
        for index, kind in zip(found[chosen].tolist(), of_kinds[chosen].tolist(), strict=True):
            if file.is_definition(index) or (is_alias and kind & IMPORT):
                continue
            if kind & IMPORT:  # `a as a` is one use
                line = file.line_at(int(file.tokens.starts[index]))
                if line == last_import:
                    continue
                last_import = line
            if is_alias:
                if last_line and not first_line <= file.line_at(int(file.tokens.starts[index])) <= last_line:
                    continue
                start = int(file.tokens.starts[index])
                sure = None if receiver_of(file, start).separator else is_alias
            else:
                sure = verdict(seen, index)
            if sure is not None:
                yield FoundUse(index, sure)


def _bound_in(file: LexedFile, key: int) -> tuple[int, int]:
    """Return the lines of the function in which an import binds a name; (0, 0) where it is bound in the whole file."""
    for index in file.occurrences(key).tolist():
        if int(file.tokens.kinds[index]) & IMPORT:
            around = file.around(file.line_at(int(file.tokens.starts[index])))
            return (around[-1].line, around[-1].end_line) if around else (0, 0)
    return 0, 0


def _names_in(seen: FileFacts) -> Iterator[tuple[str, Certainty | None]]:
    """Yield the name of a definition, and the aliases that it has in a file with how sure they are."""
    name = seen.facts.name
    yield name, None
    for entry in seen.file.imports:
        if entry.name != name or not entry.alias or entry.alias == name:
            continue
        best = seen.given_by(entry.module)
        if best is not Match.NO:
            yield entry.alias, Certainty.CERTAIN if best is Match.YES else Certainty.POSSIBLE


def use_site(file: LexedFile, index: int, sure: Certainty, test: bool) -> UseSite:
    """Return the use that an identifier is."""
    return _site(file, int(file.tokens.starts[index]), _KIND_NAMES[file.tokens.kinds[index]], sure, test)


def _site(file: LexedFile, start: int, kind: str, sure: Certainty, test: bool) -> UseSite:
    begin, end = file.bounds(start)
    line = file.line_at(start)
    around = file.around(line)
    return UseSite(
        path=file.path,
        line=line,
        column=len(file.content[begin:start].decode(errors="replace")) + 1,
        kind=kind,
        certainty=sure,
        text=file.content[begin:end].decode(errors="replace").strip(),
        enclosing=" > ".join(one.name for one in around),
        enclosing_line=around[-1].line if around else 0,
        language=file.language,
        test=test,
    )


def _kind_name(kinds: int) -> str:
    for use in (Use.CONSTRUCTION, Use.CALL, Use.INHERITANCE, Use.IMPORT, Use.TYPE):
        if kinds & use:
            return str(use.name).lower()
    return "mention"


_KIND_NAMES = tuple(_kind_name(kinds) for kinds in range(256))
"""Name of a kind of use by its bits."""


def mentions_of(view: View, part: Part, name: str, eligible: NDArray[np.bool_]) -> Iterator[UseSite]:
    """Yield the places in comments, strings and prose that hold a name as a whole word."""
    terms = query_terms(name).terms
    starts, ends, rows, _ = lookup(part.segment.posting_lists("body"), terms)
    holding = [set(rows[start:end].tolist()) for start, end in zip(starts, ends, strict=True)]
    word = re.compile(rf"(?<![\w$]){re.escape(name)}(?![\w$])".encode(errors="surrogateescape"))
    chosen = sorted(row for row in set.intersection(*holding) if eligible[row]) if holding else []
    files = part.segment.chunk_column("file")
    for ordinal in sorted({int(files[row]) for row in chosen}):
        file = lexed(view, part, ordinal)
        code = set(file.tokens.starts.tolist())
        test = bool(int(part.segment.file_column("kinds")[ordinal]) & TEST_BIT)
        for match in word.finditer(file.content):
            if match.start() not in code:
                yield _site(file, match.start(), "mention", Certainty.POSSIBLE, test)
