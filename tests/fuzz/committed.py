"""Border of repositories that nobody vouches for: their files, and what git says of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from raycontext.discover.commits import history, listing, program
from raycontext.discover.commits.changes import changed_lines
from raycontext.discover.commits.log import list_commits, read_commits
from raycontext.discover.commits.names import CommitSource
from raycontext.discover.commits.repository import open_repository, resolve_ref
from raycontext.discover.commits.staged import staged_files
from raycontext.discover.commits.tree import CommitTree
from raycontext.errors import RaycontextError

from .border import Attempt, Border, mutated

__all__ = ["COMMITS"]

SETTINGS = (
    "[core]\n\tfsmonitor = {evil}\n",
    "[core]\n\thooksPath = {folder}\n\tpager = {evil}\n\tsshCommand = {evil}\n\talternateRefsCommand = {evil}\n",
    "[core]\n\tautocrlf\n\teol = crlf\n\tattributesFile = /etc/passwd\n",
    "[core]\n\tworktree = /etc\n",
    "[core]\n\tbare = true\n",
    "[core]\n\trepositoryFormatVersion = 7\n",
    "[include]\n\tpath = /dev/zero\n",
    '[includeIf "gitdir:**"]\n\tpath = ../../outside\n',
    "[alias]\n\tls-tree = !{evil}\n\tcat-file = !{evil}\n\trev-parse = !{evil}\n",
    '[diff]\n\texternal = {evil}\n[diff "x"]\n\ttextconv = {evil}\n\tcommand = {evil}\n',
    '[filter "x"]\n\tsmudge = {evil}\n\tclean = {evil}\n\tprocess = {evil}\n',
    "[gpg]\n\tprogram = {evil}\n[log]\n\tshowSignature = true\n",
    '[extensions]\n\tpartialClone = origin\n[remote "origin"]\n\turl = ext::{evil}\n\tpromisor = true\n'
    '[protocol "ext"]\n\tallow = always\n',
    "[\0broken",
)
ATTRIBUTES = b"* filter=x diff=x text ident working-tree-encoding=utf-16\n[attr]m m m\n*.py -text !eol m\n"
REFS = (
    "HEAD",
    "main",
    "v1",
    "main~1",
    "@{-1}",
    "-x",
    "--output=x",
    "main..v1",
    ":/x",
    "\0",
    "é" * 2000,
    "HEAD^{/(a*)*b}",
)


def made(folder: Path) -> None:
    """Make a repository of three commits with odd names in `folder`."""

    def git(*arguments: str, **named: Any) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.protectNTFS=false")
        done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, **named)
        return done.stdout.decode(errors="replace").strip()

    git("init", "-q", "-b", "main")
    for number in range(3):
        for name in ("a.py", "sub/b.py", "sub/new\nline.py", "odd \udcff.py", 'quo"te.py'):
            place = folder / name
            place.parent.mkdir(exist_ok=True)
            place.write_text(f"def f{number}():\n    return {name.encode(errors='replace')!r}\n" * (number + 1))
        git("add", "-A")
        blob = git("hash-object", "-w", "--stdin", input=ATTRIBUTES)
        git("update-index", "--add", "--cacheinfo", f"100644,{blob},.gitattributes")
        git("commit", "-q", "-m", f"change {number} \x01 of all")
    git("tag", "v1", "HEAD~1")


@contextmanager
def commits(folder: Path) -> Iterator[Attempt]:
    """No program of a repository runs, no path leads outside of the tree, and what cannot be read is told in words."""
    intact, place, evil = folder / "intact", folder / "tree", folder / "evil"
    intact.mkdir()
    made(intact)
    evil.write_text(f"#!/bin/sh\ntouch {folder}/ran\ncat\n")
    evil.chmod(0o700)
    run = program.Git.run
    told: dict[Any, bytes] = {}

    def attempt(random: Random) -> str:
        listing._listed.cache_clear()
        how = random.choice(("output",) * 30 + ("files", "settings", "ref"))
        ref = random.choice(REFS) if how == "ref" else random.choice(REFS[:4])
        if how == "output":

            def lying(self: program.Git, *arguments: str, **named: Any) -> bytes:
                asked = (arguments, *map(repr, named.items()))
                if asked not in told:
                    told[asked] = run(self, *arguments, **named)
                return mutated(told[asked], random, 3) if random.random() < 0.3 else told[asked]

            with mock.patch.object(program.Git, "run", lying):
                return f"{how}: {read(intact, ref)}"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(intact, place, symlinks=True)
        if how == "files":
            spoil(place / ".git", random)
        elif how == "settings":
            settings = random.choice(SETTINGS).format(evil=evil, folder=folder)
            with (place / ".git/config").open("a") as file:
                file.write(settings)
            for hook in ("post-index-change", "reference-transaction"):
                shutil.copy(evil, place / ".git/hooks" / hook)
        end = read(place, ref)
        assert not (folder / "ran").exists(), "a program of the repository ran"
        return f"{how}: {end}"

    yield attempt


def spoil(git: Path, random: Random) -> None:
    """Change bytes of a file of git's own folder, or put a link, a folder or nothing in its place."""
    files = sorted(path for path in git.rglob("*") if path.is_file() and "hooks" not in path.parts)
    chosen = random.choice(files)
    content = chosen.read_bytes()
    chosen.chmod(0o600)
    match random.randrange(6):
        case 0:
            chosen.unlink()
        case 1:
            chosen.unlink()
            chosen.symlink_to(random.choice(("/etc/passwd", "/dev/null", chosen.name, "../../outside")))
        case 2:
            chosen.unlink()
            chosen.mkdir()
        case _:
            chosen.write_bytes(mutated(content, random))


def read(place: Path, ref: str) -> str:
    """Read a commit and a history in every way. Return whether all was read."""
    ends = [outcome(lambda: tree(place, ref)), outcome(lambda: lines(place, ref)), outcome(lambda: past(place))]
    ends.append(outcome(lambda: messages(place)))
    ends.append(outcome(lambda: staged_files(open_repository(os.fspath(place)))))
    return "read" if all(ends) else "refused" if not any(ends) else "read in part"


def outcome(act: Any) -> bool:
    try:
        act()
    except RaycontextError as error:
        assert len(str(error)) < 20_000
        return False
    return True


def tree(place: Path, ref: str) -> None:
    source: CommitSource = resolve_ref(os.fspath(place), ref)
    commit = CommitTree(source)
    files = [file.path for file in commit.walk(100_000).files]
    assert not any(set(path.split("/")) & {"", ".", "..", ".git"} for path in files)
    reader = commit.reader(files, 100_000)
    for path in files:
        reader.content(path)


def lines(place: Path, ref: str) -> None:
    changed_lines(os.fspath(place), f"{ref}..HEAD")


def messages(place: Path) -> None:
    listed = list_commits(os.fspath(place), 10)
    if not listed.problem:
        for each in read_commits(os.fspath(place), listed.commits):
            assert each.touched >= len(each.files)


def past(place: Path) -> None:
    state = history.state_before(place, min(history.count_commits(place), 1))
    history.commits_after(place, state)
    files = history.files_of_state(place, state)
    assert not any(set(file.path.split("/")) & {"", ".", "..", ".git"} for file in files)
    for _ in history.read_blobs(place, files):
        pass


COMMITS = Border("commits", 100, commits)
