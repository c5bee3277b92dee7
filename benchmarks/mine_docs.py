"""Make judged questions with lines from packages: first sentences of doc comments that are removed from definitions.

    python training/fetch_packages.py WORK --packages benchmarks/mined_packages.toml
    python benchmarks/mine_docs.py WORK
    python benchmarks/quality.py WORK/queries WORK/corpus

WORK/clones may hold git directories, for languages that the registries have little of; their newest commits are used.
Writes WORK/corpus/PACKAGE, the files of each package without the comments that became questions, and
WORK/queries/PACKAGE.json, in the form of `raycontext.evaluation`. The target of a question is the lines of its
definition. One project in `HELD_OUT_OF` goes to WORK/held_out instead of WORK/queries: weights are fitted on the
others, and checked on these. Choices are by hash, so the same packages give the same questions.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

sys.path.append(str(Path(__file__).parents[1] / "training"))  # scripts there read archives and comments

from archives import Package, clone, packages
from comments import CODE, documented_definitions
from mine_pairs import bare_name, chosen, excluded_names
from pairs import project_of

from raycontext.analyse.path_kinds import PATH_KINDS, path_kinds
from raycontext.chunk.chunker import chunk_file

CHUNK_BYTES = 1500
MOST_QUESTIONS = 30
"""Largest number of questions of one package."""
LEAST_QUESTIONS = 8
"""Smallest number of questions of a package that is used."""
MOST_OF_FILE = 2
"""Largest number of questions of one file."""
MOST_FILES = 4000
"""Largest number of files of a package that is used."""
HELD_OUT_OF = 4
"""One project in so many is held out."""
WORDS = range(4, 31)
"""Number of words that a question may have."""
LEAST_LINES = 3
"""Smallest number of lines that are left of a definition without its comment."""
NOT_ASKED = sum(1 << bit for bit, kind in enumerate(PATH_KINDS) if kind not in {"internal", "entry", "legacy"})
"""Kinds of files that give no question. Others may: else the weights of their flags could be fitted as one likes."""
OPENING = 30
"""Number of characters at the beginning of a question that may stand in the package only once."""

_SENTENCE = re.compile(r"(.+?[.!?])(?:\s+[A-Z(`<]|$)", re.S)
_PLAIN = re.compile(r"[\w(]")


class Question(NamedTuple):
    """A sentence and the definition that it documented. Rows count from 0."""

    text: str
    path: str
    row: int
    end: int  # row after the last one of the definition
    comment: frozenset[int]
    language: str


def sentence(paragraph: str, name: str) -> str:
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


def questions_of_file(path: str, data: bytes, language: str) -> Iterator[Question]:
    """Yield the questions that a file may give, in the order of their lines."""
    lines = data.decode().split("\n")
    for each in documented_definitions(lines, language, chunk_file(data, language, CHUNK_BYTES)):
        text = sentence(each.query, each.definition.name) if each.query and each.definition.has_body else ""
        end = min(each.definition.end_line, len(lines))
        left = [row for row in range(each.row, end) if row not in each.comment and lines[row].strip()]
        if text and len(left) >= LEAST_LINES:
            yield Question(text, path, each.row, end, each.comment, language)


def by_chance(question: Question) -> bytes:
    """Return a key that orders questions by chance, the same in each run."""
    return hashlib.md5(f"{question.path}\n{question.text}".encode()).digest()


def questions_of(package: Package, excluded: frozenset[str]) -> list[Question]:
    """Return the questions of a package, at most `MOST_QUESTIONS`."""
    everything = "\n".join(data.decode(errors="replace") for _, data in package.files)
    of_file: Counter[str] = Counter()
    kept: list[Question] = []
    candidates = [
        question
        for path, data, language in chosen(package.files, excluded)
        if language in CODE and not path_kinds(path, language) & NOT_ASKED
        for question in questions_of_file(path, data.replace(b"\r\n", b"\n"), language)
    ]
    for question in sorted(candidates, key=by_chance):
        if of_file[question.path] < MOST_OF_FILE and everything.count(question.text[:OPENING]) == 1:
            of_file[question.path] += 1
            kept.append(question)
    return sorted(kept[:MOST_QUESTIONS])


def without_comments(data: bytes, questions: list[Question]) -> tuple[bytes, list[tuple[int, int]]]:
    """Return a file without the comments of its questions, and the lines of each definition in it, from 1."""
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    removed = frozenset[int]().union(*(question.comment for question in questions))
    new_line = [0] * (len(lines) + 1)  # by old row: lines that are left before it
    for row in range(len(lines)):
        new_line[row + 1] = new_line[row] + (row not in removed)
    left = b"\n".join(line for row, line in enumerate(lines) if row not in removed)
    return left, [(new_line[question.row] + 1, new_line[question.end]) for question in questions]


def write(package: Package, questions: list[Question], corpus: Path) -> list[dict[str, Any]]:
    """Write the files of a package without the comments, and return its judged queries."""
    judged = []
    for path, data in package.files:
        target = (corpus / path).resolve()
        if not target.is_relative_to(corpus):
            continue
        left = data
        asked = [question for question in questions if question.path == path]
        if asked:
            left, spans = without_comments(data, asked)
            for question, (first, last) in zip(asked, spans, strict=True):
                place = {"path": path, "start_line": first, "end_line": last}
                judged.append({"query": question.text, "category": question.language, "targets": [place]})
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(left)
    return judged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    work: Path = parser.parse_args().work.resolve()
    excluded = excluded_names()
    totals: Counter[str] = Counter()
    clones = (clone(repository, "HEAD") for repository in sorted((work / "clones").glob("*")))
    for package in chain((package for _, package in packages(work / "archives", set())), clones):
        name = package.name.replace("/", "+")
        if bare_name(package.name) in excluded or not 0 < len(package.files) <= MOST_FILES:
            print(f"{package.name}: left out, {len(package.files)} files, licence {package.licence!r}", flush=True)
            continue
        questions = questions_of(package, excluded)
        print(f"{package.registry} {package.name} {package.version}: {len(questions)} questions", flush=True)
        if len(questions) < LEAST_QUESTIONS:
            continue
        judged = write(package, questions, work / "corpus" / name)
        language = Counter(question.language for question in questions).most_common(1)[0][0]
        project = project_of(f"{package.registry}.{package.name}")
        number = int.from_bytes(hashlib.md5(project.encode()).digest()[:4], "big")
        folder = work / ("held_out" if number % HELD_OUT_OF == 0 else "queries")
        folder.mkdir(parents=True, exist_ok=True)
        content = {"name": name, "language": language, "queries": judged}
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        totals[f"{folder.name} {language}"] += len(judged)
    for group, count in sorted(totals.items()):
        print(f"{group}: {count}")


if __name__ == "__main__":
    main()
