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
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "training"))  # scripts there know what is excluded

from mine_pairs import excluded_names

from raycontext.discover.commits.history import commits_after, files_of_state
from raycontext.evaluation.mined_commits import judged_commits

YOUNGER = 400
"""Number of commits after the state that is searched."""
MOST_QUESTIONS = 40
"""Largest number of questions of one project."""
LEAST_QUESTIONS = 8
"""Smallest number of questions of a project that is used."""
HELD_OUT_OF = 4
"""One project in so many is held out."""


def git(repository: Path, *arguments: str) -> str:
    """Return the output of a git command. Raises `CalledProcessError`."""
    command = ("git", "--git-dir", str(repository), *arguments)
    return subprocess.run(command, check=True, capture_output=True, text=True, errors="replace").stdout


def judged(repository: Path, state: str) -> list[dict[str, Any]]:
    """Return the judged queries of a project."""
    there = frozenset(blob.path for blob in files_of_state(repository, state))
    found = judged_commits(commits_after(repository, state), there, MOST_QUESTIONS)
    return [query.model_dump(exclude_none=True) for query in found]


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
