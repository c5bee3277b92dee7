"""Repositories that nobody vouches for: commits that no program writes, read with `ref`, are bounded and harmless."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import cast

import pytest

import raycontext
from raycontext.discover.commits.conversion import Conversion
from raycontext.discover.commits.names import CommitSource
from raycontext.discover.commits.repository import resolve_ref
from raycontext.discover.commits.tree import MOST_SHRINKING, CommitTree
from raycontext.discover.rules.attributes import Attributes
from raycontext.errors import CommitUnreadable, CorruptSegment
from raycontext.models import SkipReason
from raycontext.store.commits import commit_at
from raycontext.store.segments.segment import Segment

DEPTH = 1500
MOST_BYTES = 10_000


def git(folder: Path, *arguments: str, given: bytes = b"") -> str:
    settings = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(["git", *settings, *arguments], cwd=folder, input=given, check=True, capture_output=True)
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main", "tree")
    return tmp_path / "tree"


def commit(repository: Path, tree: str) -> None:
    git(repository, "update-ref", "refs/heads/main", git(repository, "commit-tree", "-m", "made", tree))


def source(repository: Path) -> CommitSource:
    return resolve_ref(os.path.realpath(repository), "main")


def test_folders_in_folders_in_folders_are_read_or_refused_in_words(repository: Path, tmp_path: Path) -> None:
    """The folders lie more deeply than Python calls itself."""
    blob = git(repository, "hash-object", "-w", "--stdin", given=b"def total():\n    return 1\n")
    stream = b"commit refs/heads/main\ncommitter a <a@example.org> 0 +0000\ndata 0\n"
    stream += f"M 100644 {blob} top.py\nM 100644 {blob} {'d/' * DEPTH}a.py\n".encode()
    git(repository, "fast-import", "--quiet", "--force", given=stream)
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as context:
        report = context.index(repository, ref="main")
        assert report.files + sum(report.skipped.values()) >= 1
        assert "top.py" in {hit.path for hit in context.search("total", ref="main", path=repository)}


def test_attributes_of_a_file_more_deeply_than_python_calls_itself(repository: Path) -> None:
    (repository / ".gitattributes").write_text("*.py linguist-generated\n")
    assert Attributes(repository).of(f"{'d/' * DEPTH}a.py") == Attributes(repository).of("a.py")


def test_a_file_that_git_converts_is_not_read_whole_where_it_is_huge(repository: Path) -> None:
    sizes = {"huge.txt": MOST_SHRINKING * MOST_BYTES + 1, "large.txt": MOST_BYTES + 1, "small.txt": MOST_BYTES // 2}
    lines = []
    for name, size in sizes.items():
        blob = git(repository, "hash-object", "-w", "--stdin", given=b"a" * (size - 1) + b"\n")
        lines.append(f"100644 blob {blob}\t{name}\n")
    blob = git(repository, "hash-object", "-w", "--stdin", given=b"*.txt text eol=crlf\n")
    commit(
        repository,
        git(repository, "mktree", given="".join([f"100644 blob {blob}\t.gitattributes\n", *lines]).encode()),
    )
    tree = CommitTree(source(repository))
    listing = tree.walk(MOST_BYTES)
    assert ("huge.txt", SkipReason.TOO_LARGE) in listing.skipped
    listed = [file.path for file in listing.files]
    assert "large.txt" in listed, "whoever reads it finds out"
    reader = tree.reader(["huge.txt", *listed], MOST_BYTES)
    assert reader.content("huge.txt") is SkipReason.TOO_LARGE
    assert reader.content("large.txt") is SkipReason.TOO_LARGE
    assert not isinstance(reader.content("small.txt"), SkipReason)


@pytest.mark.parametrize("told", [b"\xff\xfe", b"main", b"--output=x", b"0" * 39, b"0" * 40 + b" " + b"0" * 40])
def test_what_git_says_is_a_hash_or_an_error(repository: Path, told: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(repository, git(repository, "mktree"))
    monkeypatch.setattr("raycontext.discover.commits.program.Git.run", lambda *_, **__: told)
    with pytest.raises(CommitUnreadable):
        source(repository)


@pytest.mark.parametrize("encoding", ["punycode", "idna", "unicode_escape", "rot13", "utf\0-16", "x" * 200])
def test_encodings_that_are_no_character_sets_convert_nothing(encoding: str) -> None:
    """`punycode` would take hours for a file of a megabyte."""
    content = "".join(chr(0x4E00 + number) for number in range(20_000)).encode()
    assert Conversion(encoding=encoding).apply(content, "0" * 40) == content


def test_a_deep_verification_compares_the_collection_of_a_commit_with_its_tree(
    repository: Path, tmp_path: Path
) -> None:
    blob = git(repository, "hash-object", "-w", "--stdin", given=b"def total():\r\n    return 1\r\n")
    commit(repository, git(repository, "mktree", given=f"100644 blob {blob}\ta.py\n".encode()))
    with raycontext.connect(root=tmp_path / "root", runtime="inline", workers=1) as context:
        name = context.index(repository, ref="main").collection
        (whole,) = [report for report in context.verify(deep=True) if report.collection == name]
        assert (whole.damage, whole.compared_files, whole.changed_files) == ((), 1, 0)
        repository.rename(tmp_path / "elsewhere")
        (alone,) = [report for report in context.verify(deep=True) if report.collection == name]
        assert (alone.damage, alone.compared_files, alone.changed_files) == ((), 0, 1)


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "[]", "{}", '{"files": 1}', '{"files": [], "time": Infinity, "message": "", "touched": 0}'],
    ids=["deep", "list", "object", "files", "infinite"],
)
def test_a_row_of_a_foreign_root_that_is_no_commit_is_damage(text: str) -> None:
    class Foreign:
        """Segment of a root that others have made."""

        def text(self, _: int) -> str:
            return text

        def path(self, _: int) -> str:
            return "0" * 40

        def chunk_column(self, _: str) -> list[int]:
            return [0]

        def damaged(self, name: str, problem: str) -> CorruptSegment:
            return CorruptSegment("shop", name, problem)

    with pytest.raises(CorruptSegment, match="no commit"):
        commit_at(cast("Segment", Foreign()), 0)
