"""The walk leaves out what `git check-ignore` says, for random trees and random ignore files."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from raycontext.discover.rules.globs import path_filter
from raycontext.discover.rules.pattern import parse_glob
from raycontext.discover.walk import walk

NAMES = st.one_of(
    st.sampled_from(["a", "b", "ab", "a b", "foo", "foo.py", "foobar", "build", "x.log", "-", "]", "[a]", "\\a", "!a"]),
    st.sampled_from(["#a", "a*", "é", "z\n", "A", "a ", "**", "b?"]),
    st.text(alphabet="ab.*-", min_size=1, max_size=3).filter(lambda name: name not in (".", "..")),
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)

BRACKETS = st.one_of(
    st.sampled_from(["[ab]", "[!a]", "[^b]", "[]a]", "[!]a]", "[a-c]", "[z-a]", "[[:alpha:]]", "[![:alpha:]]"]),
    st.sampled_from(["[[:digit:]x]", "[[:nothing:]]", "[[:]", "[a", "[\\]]", "[a\\]b]", "[a-]", "[-a]", "[/]"]),
    st.sampled_from(["[a/b]", "[]", "[!]", "[é]", "[!é]", "[\\-b]", "[a-\\c]", "[[:alpha:]-z]", "[[:alpha:"]),
)
COMPONENTS = st.one_of(
    NAMES,
    st.sampled_from(["*", "**", "?", "a*", "*.py", "*a*", "a**", "**b", "f?o", "*a*b", "\\", "\\a", "\\*", "a\\"]),
    BRACKETS,
    st.lists(st.one_of(BRACKETS, st.sampled_from(["a", "b", "*", "**", "?", "\\", "."])), min_size=1, max_size=4).map(
        "".join
    ),
)
PATTERNS = st.builds(
    lambda negation, start, components, end: negation + start + "/".join(components) + end,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/", "**/", "\\", "#", "//"]),
    st.lists(COMPONENTS, min_size=1, max_size=3),
    st.sampled_from(["", "", "/", "/**", "/*", " ", "\\ ", "  ", "\t", "\r", "//", "\\/"]),
)
RULES = st.lists(st.one_of(PATTERNS, st.sampled_from(["", "#", "*", "!*/", "/", "!", "!/", "\\"])), max_size=5)


@pytest.fixture(scope="module", autouse=True)
def isolated_git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Git and the walk see no configuration of this machine."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(variable)
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield


def new_repository(top: Path) -> Path:
    """An empty repository `tree` whose global excludes file is `excludes` beside it."""
    tree = top.resolve() / "tree"
    subprocess.run(["git", "init", "--quiet", str(tree)], check=True)
    excludes = str(tree.parent / "excludes")
    subprocess.run(["git", "-C", str(tree), "config", "core.excludesFile", excludes], check=True)
    return tree


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_repository(tmp_path_factory.mktemp("random"))


def make_tree(tree: Path, paths: list[str], ignore_files: dict[str, list[str]]) -> None:
    for entry in tree.iterdir():
        if entry.name == ".git":
            continue
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for path in paths:
        file = tree / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue  # an earlier path needs a file where this one needs a folder
    for place, rules in ignore_files.items():
        file = tree / place
        if file.parent.is_dir():
            file.write_bytes("\n".join(rules).encode())


def files_that_git_keeps(tree: Path) -> set[str]:
    entries = [entry for entry in tree.rglob("*") if entry.is_file()]
    files = [str(entry.relative_to(tree)) for entry in entries if tree / ".git" not in entry.parents]
    if not files:
        return set()
    answer = subprocess.run(
        ["git", "-C", str(tree), "check-ignore", "-z", "--stdin", "--no-index"],
        input=b"".join(os.fsencode(file) + b"\0" for file in files),
        capture_output=True,
        check=False,
    )
    assert answer.returncode in (0, 1), answer.stderr
    return set(files) - {os.fsdecode(path) for path in answer.stdout.split(b"\0") if path}


@settings(max_examples=300, deadline=None)
@given(
    paths=st.lists(PATHS, min_size=1, max_size=12),
    top_rules=RULES,
    nested_rules=st.dictionaries(PATHS, RULES, max_size=3),
    exclude_rules=RULES,
    global_rules=RULES,
)
@example(["keep/a.py", "keep/b.txt", "b.txt"], ["*", "!*/", "!*.py"], {}, [], [])
@example(["foobar", "foo/bar", "fooX/Y/bar", "bar"], ["foo**/bar"], {}, [], [])
@example(["a/foob/x", "a/foo"], ["a/foo**", "!a/foo?"], {}, [], [])
@example(["a/b/x.log", "a/x.log"], ["*.log"], {"a/b": ["!x.log"]}, ["a"], ["!a"])
@example(["a/x", "b"], ["a/**", "!a/x"], {}, [], [])
@example(["a/b", "a/c/b"], ["/a/**/b/"], {}, [], ["/a/**/b"])
@example(["a ", "a", "b ", "c  ", "c "], ["a\\ ", "b ", "c\\  "], {}, [], [])
@example(["a/b", "a-b"], ["!*", "/a[!x]b", "a[!y]b"], {}, [], [])
def test_walk_keeps_what_git_check_ignore_keeps(
    repository: Path,
    paths: list[str],
    top_rules: list[str],
    nested_rules: dict[str, list[str]],
    exclude_rules: list[str],
    global_rules: list[str],
) -> None:
    ignore_files = {f"{folder}/.gitignore": rules for folder, rules in nested_rules.items()}
    ignore_files |= {".gitignore": top_rules, ".git/info/exclude": exclude_rules, "../excludes": global_rules}
    make_tree(repository, paths, ignore_files)
    kept = {file.path for file in walk(repository, 1 << 20).files}
    assert kept == files_that_git_keeps(repository)


@settings(max_examples=100, deadline=None)
@given(
    paths=st.lists(PATHS, min_size=1, max_size=10),
    folder=PATHS,
    top_rules=RULES,
    nested_rules=RULES,
)
def test_walk_of_a_subfolder_keeps_what_git_keeps_unless_the_folder_itself_is_ignored(
    repository: Path, paths: list[str], folder: str, top_rules: list[str], nested_rules: list[str]
) -> None:
    make_tree(
        repository,
        [f"{folder}/{path}" for path in paths],
        {".gitignore": top_rules, f"{folder}/.gitignore": nested_rules},
    )
    (repository / ".git/info/exclude").write_bytes(b"")
    (repository.parent / "excludes").write_bytes(b"")
    kept = {f"{folder}/{file.path}" for file in walk(repository / folder, 1 << 20).files}
    answer = subprocess.run(
        ["git", "-C", str(repository), "check-ignore", "-q", "--no-index", "--", f"./{folder}"], check=False
    )
    below = {path for path in files_that_git_keeps(repository) if path.startswith(f"{folder}/")}
    if answer.returncode == 1:
        assert kept == below
    else:
        assert below == set()
        (repository / ".gitignore").unlink(missing_ok=True)
        assert kept == {path for path in files_that_git_keeps(repository) if path.startswith(f"{folder}/")}


DENSE_NAMES = ("a", "b", "aa", "ab", "a.b")
DENSE_PIECES = st.sampled_from(["a", "b", "*", "**", "?", "/", "**/", "/**", "[ab]", "[!a]", "[a-b]", ".", "\\", "\\b"])
DENSE_PATTERNS = st.builds(
    lambda negation, pieces: negation + "".join(pieces),
    st.sampled_from(["", "", "!"]),
    st.lists(DENSE_PIECES, min_size=1, max_size=6),
)


@pytest.fixture(scope="module")
def dense_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree in which short random patterns match often."""
    paths = [f"{x}/{y}/{z}" for x in DENSE_NAMES for y in DENSE_NAMES for z in DENSE_NAMES]
    paths += [f"{x}/{y}/file" for x in DENSE_NAMES for y in DENSE_NAMES] + [f"{x}/file" for x in DENSE_NAMES]
    tree = new_repository(tmp_path_factory.mktemp("dense"))
    make_tree(tree, paths, {})
    return tree


@settings(max_examples=300, deadline=None)
@given(rules=st.lists(DENSE_PATTERNS, min_size=1, max_size=5), nested=st.lists(DENSE_PATTERNS, max_size=2))
def test_patterns_match_as_in_git(dense_repository: Path, rules: list[str], nested: list[str]) -> None:
    (dense_repository / ".gitignore").write_text("\n".join(rules))
    (dense_repository / "a" / ".gitignore").write_text("\n".join(nested))
    kept = {file.path for file in walk(dense_repository, 1 << 20).files}
    assert kept == files_that_git_keeps(dense_repository)


def files_below(tree: Path) -> set[str]:
    return {str(entry.relative_to(tree)) for entry in tree.rglob("*") if entry.is_file() and ".git" not in entry.parts}


@settings(max_examples=300, deadline=None)
@given(globs=st.lists(st.one_of(DENSE_PATTERNS, PATTERNS), min_size=1, max_size=5))
@example(["*", "!*/"])
@example(["a/**", "!a/b/"])
def test_a_list_of_globs_selects_what_git_would_ignore(dense_repository: Path, globs: list[str]) -> None:
    # An ignore file ends a glob at a line end; a list of globs does not.
    globs = [glob for glob in globs if parse_glob(glob) is not None and not {"\n", "\r"} & set(glob)]
    (dense_repository / ".gitignore").write_text("\n".join(globs))
    (dense_repository / "a" / ".gitignore").write_text("")
    files = files_below(dense_repository) - {".gitignore", "a/.gitignore"}
    ignored = files - files_that_git_keeps(dense_repository)
    included, not_excluded = path_filter(globs, []), path_filter([], globs)
    assert {file for file in files if included(file)} == (ignored if globs else files)
    assert {file for file in files if not not_excluded(file)} == (ignored if globs else set())
