"""Make judged questions from git histories: the subject of a commit, and the files that it changed.

    python benchmarks/mine_commits.py CLONES WORK
    python benchmarks/quality.py WORK/queries WORK/corpus

CLONES holds git directories, one for each project. The files of each are written as they were `YOUNGER` commits before
the newest, to WORK/corpus/NAME with the history up to there, so nothing of a question is in what is searched. The
commits after that state become the questions of WORK/queries/NAME.json, or of WORK/held_out for one project in
`HELD_OUT_OF`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "training"))  # scripts there know what is excluded

from mine_docs import NOT_ASKED
from mine_pairs import excluded_names

from raycontext.analyse.path_kinds import path_kinds
from raycontext.chunk.languages.detect import detect_language

YOUNGER = 400
"""Number of commits after the state that is searched."""
MOST_QUESTIONS = 40
"""Largest number of questions of one project."""
LEAST_QUESTIONS = 8
"""Smallest number of questions of a project that is used."""
MOST_TARGETS = 4
"""Largest number of files of the state that a commit of a question changes."""
HELD_OUT_OF = 4
"""One project in so many is held out."""

_IDLE = re.compile(
    r"^(?:merge|bump|release|revert|version|v?\d+\.|chore|ci\b|build\(deps|update (?:dep|change|version)|fixup|wip|typo"
    r"|format|lint|\[pre-commit|pre-commit autoupdate|prepare)|changelog|dependabot",
    re.I,
)
_PREFIX = re.compile(r"^(?:\w+(?:\([\w ,./-]+\))?!?: |\[[^\]]+\] )")
_NUMBERS = re.compile(r"\s*\(?(?:fixes|closes|resolves|refs?)?:?\s*#\d+\)?", re.I)


def git(repository: Path, *arguments: str) -> str:
    """Return the output of a git command. Raises `CalledProcessError`."""
    command = ("git", "--git-dir", str(repository), *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True, errors="replace").stdout


def question(subject: str) -> str:
    """Return the subject of a commit as a question, without numbers of issues; "" where it says too little."""
    if _IDLE.search(subject):
        return ""
    text = _NUMBERS.sub("", _PREFIX.sub("", subject)).strip(" .")
    return text if 4 <= len(text.split()) <= 30 else ""


def commits(repository: Path, state: str) -> Iterator[tuple[str, list[str]]]:
    """Yield subjects and changed files, relative to the root, of the commits after a state, in the order of time."""
    log = git(repository, "log", "--no-merges", "--reverse", "--format=%x00%s", "--name-only", f"{state}..HEAD")
    for entry in log.split("\0")[1:]:
        subject, *files = (line for line in entry.split("\n") if line)
        yield subject, files


def is_answer(path: str) -> bool:
    """Return whether a changed file may be a target: source that is neither a test, an example nor someone else's."""
    language = detect_language(path, b"")
    return bool(language) and not path_kinds(path, language) & NOT_ASKED


def judged(repository: Path, state: str) -> list[dict[str, Any]]:
    """Return the judged queries of a project."""
    there = set(git(repository, "ls-tree", "-r", "--name-only", state).split("\n"))
    found: dict[str, list[str]] = {}
    for subject, files in commits(repository, state):
        text = question(subject)
        old = [path for path in files if path in there and is_answer(path)]
        if text and 0 < len(old) <= MOST_TARGETS:
            found.setdefault(text, old)
    chosen = sorted(found, key=lambda text: hashlib.md5(text.encode()).digest())[:MOST_QUESTIONS]
    return [
        {"query": text, "category": "commit", "targets": [{"path": path} for path in found[text]]} for text in chosen
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clones", type=Path)
    parser.add_argument("work", type=Path)
    arguments = parser.parse_args()
    excluded, work = excluded_names(), arguments.work.resolve()
    for repository in sorted(arguments.clones.glob("*")):
        name = repository.name
        if name.lower() in excluded:
            print(f"{name}: left out, systems are compared on it")
            continue
        state = git(repository, "rev-list", "--first-parent", f"--skip={YOUNGER}", "-1", "HEAD").strip()
        queries = judged(repository, state) if state else []
        print(f"{name}: {len(queries)} questions", flush=True)
        if len(queries) < LEAST_QUESTIONS:
            continue
        corpus = work / "corpus" / name
        if not corpus.exists():
            subprocess.run(("git", "clone", "-q", "--no-checkout", str(repository), str(corpus)), check=True)
            subprocess.run(
                ("git", "-C", str(corpus), "-c", "advice.detachedHead=false", "checkout", "-q", state), check=True
            )
        held_out = int.from_bytes(hashlib.md5(name.lower().encode()).digest()[:4], "big") % HELD_OUT_OF == 0
        folder = work / ("held_out" if held_out else "queries")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps({"name": name, "queries": queries}, indent=1) + "\n")


if __name__ == "__main__":
    main()
