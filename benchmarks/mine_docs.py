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
import sys
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "training"))  # scripts there read archives and comments

from archives import Package, clone, packages
from mine_pairs import bare_name, chosen, excluded_names
from pairs import project_of

from raycontext.evaluation.mined_docs import (
    DocQuestion,
    chosen_questions,
    count_openings,
    gives_questions,
    judged_places,
    opening,
    questions_of_file,
    without_comments,
)

MOST_QUESTIONS = 30
"""Largest number of questions of one package."""
LEAST_QUESTIONS = 8
"""Smallest number of questions of a package that is used."""
MOST_FILES = 4000
"""Largest number of files of a package that is used."""
HELD_OUT_OF = 4
"""One project in so many is held out."""


def questions_of(package: Package, excluded: frozenset[str]) -> list[DocQuestion]:
    """Return the questions of a package, at most `MOST_QUESTIONS`."""
    candidates = [
        question
        for path, data, language in chosen(package.files, excluded)
        if gives_questions(path, language)
        for question in questions_of_file(path, data.replace(b"\r\n", b"\n"), language)
    ]
    openings = {opening(question.text) for question in candidates}
    counts: Counter[str] = Counter()
    for _, data in package.files:
        counts.update(count_openings(data.decode(errors="replace"), openings))
    return chosen_questions(candidates, counts, MOST_QUESTIONS)


def write(package: Package, questions: list[DocQuestion], corpus: Path) -> list[dict[str, Any]]:
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
            judged.extend(query.model_dump() for query in judged_places(asked, spans))
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
