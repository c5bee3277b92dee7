"""Questions from a git history: the subject of a commit, whose answers are the files that the commit changed.

What is searched is the state before all commits of the questions, so that nothing of an answer is in it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from raycontext.analyse.path_kinds import path_kinds
from raycontext.chunk.languages.detect import detect_language
from raycontext.discover.commits.history import Commit
from raycontext.evaluation.mined_docs import NOT_ASKED
from raycontext.evaluation.scoring import JudgedQuery, Target

__all__ = ["commit_question", "judged_commits", "may_answer"]

MOST_TARGETS = 4
"""Largest number of files of the state that a commit of a question changes."""
WORDS = range(4, 31)
"""Number of words that a question may have."""

_IDLE = re.compile(
    r"^(?:merge|bump|release|revert|version|v?\d+\.|chore|ci\b|build\(deps|update (?:dep|change|version)|fixup|wip|typo"
    r"|format|lint|\[pre-commit|pre-commit autoupdate|prepare)|changelog|dependabot",
    re.I,
)
_PREFIX = re.compile(r"^(?:\w+(?:\([\w ,./-]+\))?!?: |\[[^\]]+\] )")
_NUMBERS = re.compile(r"\s*\(?(?:fixes|closes|resolves|refs?)?:?\s*#\d+\)?", re.I)


def commit_question(subject: str) -> str:
    """Return the subject of a commit as a question, without numbers of issues; "" where it says too little."""
    if _IDLE.search(subject):
        return ""
    text = _NUMBERS.sub("", _PREFIX.sub("", subject)).strip(" .")
    return text if len(text.split()) in WORDS else ""


def may_answer(path: str) -> bool:
    """Return whether a changed file may be a target: source that is neither a test, an example nor someone else's."""
    language = detect_language(path, b"")
    return bool(language) and not path_kinds(path, language) & NOT_ASKED


def judged_commits(commits: Iterable[Commit], there: frozenset[str], most: int) -> list[JudgedQuery]:
    """Return at most `most` judged queries, chosen by chance, the same in each run.

    commits: those after the state that is searched, in the order of time. there: paths of the files of that state.
    """
    found: dict[str, tuple[str, ...]] = {}
    for commit in commits:
        text = commit_question(commit.subject)
        old = tuple(path for path in commit.paths if path in there and may_answer(path))
        if text and 0 < len(old) <= MOST_TARGETS:
            found.setdefault(text, old)
    chosen = sorted(found, key=lambda text: hashlib.md5(text.encode(), usedforsecurity=False).digest())[:most]
    return [
        JudgedQuery(query=text, category="commit", targets=tuple(Target(path=path) for path in found[text]))
        for text in chosen
    ]
