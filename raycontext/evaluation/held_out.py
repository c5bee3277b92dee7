"""Held-out states of a repository: a copy of the tree from which the answers' own words were taken, and its questions.

`docs`: a copy without the doc comments that became questions. `commits`: the files before the commits that became
questions. The steps are tasks. Copies lie in a folder of the caller, which is for this user alone.
"""

from __future__ import annotations

import asyncio
import errno
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

from raycontext.batching import cut_into_runs
from raycontext.discover.commits.history import (
    Blob,
    commits_after,
    count_commits,
    files_of_state,
    read_blobs,
    state_before,
)
from raycontext.discover.read import Content, read_content, without_secrets
from raycontext.discover.rules.attributes import Attributes
from raycontext.discover.scan import scan
from raycontext.errors import InvalidInput
from raycontext.evaluation.mined_commits import judged_commits
from raycontext.evaluation.mined_docs import (
    DocQuestion,
    by_chance,
    chosen_questions,
    count_openings,
    gives_questions,
    judged_places,
    opening,
    questions_of_file,
    without_comments,
)
from raycontext.evaluation.scoring import JudgedQuery
from raycontext.index.languages import LanguageChoice
from raycontext.index.planning.batches import batches_of
from raycontext.models import FileStat, IndexOptions
from raycontext.runtime.base import Runtime
from raycontext.runtime.task import task

__all__ = ["MINES", "HeldOut", "Mine", "mined"]

Mine = Literal["docs", "commits"]
MINES: tuple[Mine, ...] = ("docs", "commits")
"""What questions can be mined from."""

BATCH_BYTES = 4 << 20
"""Largest total size in bytes of the files of one task."""
BATCH_FILES = 1_000
"""Largest number of files of one task."""
CANDIDATES = 3
"""Number of doc comments that are looked at closely, as a multiple of the number of questions that are wanted."""
YOUNGER = (100, 200, 400, 800, 1600, 3200)
"""Numbers of commits after the state that is searched, of which the first that gives enough questions is taken."""
OLDER_SHARE = 3
"""The state that is searched has at least one commit of so many."""


_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS}
"""Numbers of errors that say nothing of a name."""


class HeldOut(NamedTuple):
    """Questions with their answers in a copy of a repository."""

    questions: tuple[JudgedQuery, ...]
    state: str
    """Hash of the commit whose files are searched; "" for the tree as it is, without the comments."""


async def mined(runtime: Runtime, mine: Mine, source: str, options: IndexOptions, most: int, copy: Path) -> HeldOut:
    """Write a held-out state of a folder to `copy`, and return at most `most` questions over it.

    options: those of the collection, which choose the files. copy: existing, empty folder. Raises `RootNotFound`, and
    `InvalidInput` where the folder has no history for questions from commits.
    """
    if mine == "commits":
        return await _before_commits(runtime, source, options, most, copy)
    return await _without_docs(runtime, source, options, most, copy)


async def _before_commits(runtime: Runtime, source: str, options: IndexOptions, most: int, copy: Path) -> HeldOut:
    """Write the files of the state before the commits that become questions."""
    history = await runtime.run(mine_history, source, most)
    blobs = [blob for blob in history.blobs if blob.size <= options.max_file_bytes]
    parts = cut_into_runs(blobs, lambda blob: blob.size, most_size=BATCH_BYTES, most_items=BATCH_FILES)
    await asyncio.gather(*(runtime.run(write_blobs, source, part, str(copy)) for part in parts))
    return HeldOut(history.questions, history.state)


async def _without_docs(runtime: Runtime, source: str, options: IndexOptions, most: int, copy: Path) -> HeldOut:
    """Write the files of a tree without the doc comments that become questions."""
    files = await runtime.run(list_files, source, options)
    parts = batches_of(files, BATCH_BYTES, BATCH_FILES)
    found = await asyncio.gather(*(runtime.run(mine_files, source, part, options) for part in parts))
    candidates = sorted(chain.from_iterable(found), key=by_chance)[: CANDIDATES * most]
    openings = sorted({opening(question.text) for question in candidates})
    counted = await asyncio.gather(*(runtime.run(count_in_files, source, part, options, openings) for part in parts))
    chosen = chosen_questions(candidates, sum(counted, Counter[str]()), most)
    asked: dict[str, list[DocQuestion]] = {}
    for question in chosen:
        asked.setdefault(question.path, []).append(question)
    written = await asyncio.gather(
        *(runtime.run(write_files, source, part, options, _of_files(asked, part), str(copy)) for part in parts)
    )
    return HeldOut(tuple(chain.from_iterable(written)), "")


def _of_files(asked: Mapping[str, list[DocQuestion]], files: Iterable[FileStat]) -> dict[str, list[DocQuestion]]:
    return {file.path: asked[file.path] for file in files if file.path in asked}


@task()
def list_files(source: str, options: IndexOptions) -> list[FileStat]:
    """Return the files of a folder that an index run with these options would read. Raises `RootNotFound`."""
    return list(scan(Path(source), options, None).to_hash)


@task()
def mine_files(source: str, files: Sequence[FileStat], options: IndexOptions) -> list[DocQuestion]:
    """Return the questions that the doc comments of some files may give."""
    choice = LanguageChoice(options.language_of)
    found: list[DocQuestion] = []
    for path, content in _contents(source, files, options):
        language = choice.language(path, content.data, content.attributes)
        if gives_questions(path, language):
            found.extend(questions_of_file(path, _unified(content), language))
    return found


@task()
def count_in_files(
    source: str, files: Sequence[FileStat], options: IndexOptions, openings: Sequence[str]
) -> Counter[str]:
    """Return how often beginnings of questions stand in some files."""
    counts: Counter[str] = Counter()
    for _, content in _contents(source, files, options):
        counts.update(count_openings(_unified(content).decode(), openings))
    return counts


@task()
def write_files(
    source: str,
    files: Sequence[FileStat],
    options: IndexOptions,
    asked: Mapping[str, Sequence[DocQuestion]],
    copy: str,
) -> list[JudgedQuery]:
    """Write files to `copy` without the comments of their questions, and return these with their places there.

    Secrets, and files that cannot be indexed, are left out. A question whose file has changed meanwhile gets lost.
    """
    judged: list[JudgedQuery] = []
    for path, content in _contents(source, files, options):
        questions = asked.get(path, ())
        data = content.data
        if questions:
            unified = _unified(content)
            language = questions[0].language
            if not set(questions) <= set(questions_of_file(path, unified, language)):
                continue
            data, spans = without_comments(unified, questions)
            judged.extend(judged_places(questions, spans))
        try:
            written = data if content.encoding == "utf-8" else data.decode().encode(content.encoding)
        except (UnicodeError, LookupError):
            continue
        _write(Path(copy), path, written)
    return judged


class History(NamedTuple):
    """Questions of a history, with the state that is searched and its files."""

    questions: tuple[JudgedQuery, ...]
    state: str
    blobs: list[Blob]


@task()
def mine_history(source: str, most: int) -> History:
    """Return at most `most` questions from the newest commits of a repository, and the state before these.

    Raises `InvalidInput` where there is no history, or it is too short.
    """
    folder = Path(source)
    commits = count_commits(folder)
    best: History | None = None
    for younger in YOUNGER:
        if younger > max(commits - commits // OLDER_SHARE, 0) and best is not None:
            break
        state = state_before(folder, min(younger, commits - commits // OLDER_SHARE - 1))
        if not state:
            break
        blobs = files_of_state(folder, state)
        there = frozenset(blob.path for blob in blobs)
        questions = tuple(judged_commits(commits_after(folder, state), there, most))
        if best is None or len(questions) > len(best.questions):
            best = History(questions, state, blobs)
        if len(questions) >= most:
            break
    if best is None:
        raise InvalidInput(
            f"{source} has {commits} commits, too few for questions", "Mine docs instead, or fetch the whole history."
        )
    return best


@task()
def write_blobs(source: str, blobs: Sequence[Blob], copy: str) -> None:
    """Write files of a state to `copy`. Raises `InvalidInput` where they cannot be read."""
    for path, data in read_blobs(Path(source), blobs):
        _write(Path(copy), path, data)


def _contents(source: str, files: Sequence[FileStat], options: IndexOptions) -> Iterator[tuple[str, Content]]:
    """Yield the paths and contents of files as they would be indexed, without secrets unless these are wanted."""
    root, attributes = Path(source), Attributes(Path(source))
    for file in files:
        content = read_content(root, file.path, options.max_file_bytes, attributes)
        if isinstance(content, Content):
            shown = content if options.secrets else without_secrets(file.path, content)
            if shown is not None:
                yield file.path, shown


def _unified(content: Content) -> bytes:
    """Return the text of a file with line feeds alone at the ends of lines."""
    return content.data.replace(b"\r\n", b"\n")


def _write(copy: Path, path: str, data: bytes) -> None:
    """Write a file below `copy`, where nobody else writes. A name that the file system does not have is left out."""
    target = copy / path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
            raise
