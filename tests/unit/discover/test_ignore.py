from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from raycontext.discover.rules.pattern import glob_to_regex, parse_rules
from raycontext.discover.walk import walk


def make(root: Path, files: dict[str, str]) -> None:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)


def found(root: Path) -> set[str]:
    return {file.path for file in walk(root, 1 << 20).files} - {
        ".gitignore",
        ".raycontextignore",
        ".ignore",
        ".hgignore",
    }


def git_init(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)


def test_gitignore_applies_without_a_repository(tmp_path: Path) -> None:
    make(tmp_path, {".gitignore": "*.log\n/out/\n", "a.py": "", "a.log": "", "out/b.py": "", "c/out/b.py": ""})
    assert found(tmp_path) == {"a.py", "c/out/b.py"}


def test_nested_gitignore_includes_again_what_an_outer_one_ignores(tmp_path: Path) -> None:
    make(tmp_path, {".gitignore": "*.log", "a.log": "", "sub/a.log": "", "sub/.gitignore": "!a.log"})
    assert found(tmp_path) == {"sub/a.log", "sub/.gitignore"}


def test_nothing_below_an_ignored_folder_is_included_again(tmp_path: Path) -> None:
    make(tmp_path, {".gitignore": "gen/\n!gen/a.py", "gen/a.py": "", "gen/.gitignore": "!a.py"})
    assert found(tmp_path) == set()


def test_allow_list_with_folders_keeps_only_the_listed_files(tmp_path: Path) -> None:
    make(tmp_path, {".gitignore": "*\n!*/\n!*.py\n", "a.py": "", "b.txt": "", "sub/deep/c.py": "", "sub/d.txt": ""})
    assert found(tmp_path) == {"a.py", "sub/deep/c.py"}


def test_own_ignore_file_wins_over_gitignore_in_both_directions(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            ".gitignore": "generated/\n!keep.sql",
            ".raycontextignore": "!generated/\n*.sql",
            "generated/api.py": "",
            "keep.sql": "",
            "sub/.gitignore": "!keep.sql\napi.py",
            "sub/keep.sql": "",
            "sub/api.py": "",
        },
    )
    assert found(tmp_path) == {"generated/api.py", "sub/.gitignore"}


def test_info_exclude_and_global_excludes_file_apply(tmp_path: Path, home: Path) -> None:
    git_init(tmp_path)
    make(tmp_path, {"a.local": "", "b.swp": "", "c.py": ""})
    (tmp_path / ".git/info/exclude").write_text("*.local\n")
    make(home, {".config/git/ignore": "*.swp\n"})
    assert found(tmp_path) == {"c.py"}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("[core]\n\texcludesFile = ~/mine\n", {"b.y", "c"}),
        ('[Core] # comment\n  ExcludesFile = "~/mine" ; comment\n', {"b.y", "c"}),
        ("[core]\nexcludesfile = ~/mi\\\nne\n", {"b.y", "c"}),
        ("[core]\nexcludesfile = ~/other\nexcludesfile = ~/mine\n", {"b.y", "c"}),
        ("[include]\npath = more\n", {"b.y", "c"}),
        ('[core "x"]\nexcludesfile = ~/mine\n', {"a.x", "b.y", "c"}),
        ("# [core]\n;excludesfile = ~/mine\n", {"a.x", "b.y", "c"}),
        ("[core]\nexcludesfile = ~/missing\n", {"a.x", "b.y", "c"}),
        ("[core]\nexcludesfile\n[core\n\\", {"a.x", "b.y", "c"}),
    ],
)
def test_global_excludes_file_is_the_configured_one(
    tmp_path: Path, home: Path, config: str, expected: set[str]
) -> None:
    make(tmp_path, {"a.x": "", "b.y": "", "c": ""})
    make(home, {".gitconfig": config, "mine": "*.x", "other": "*.y", "more": "[core]\nexcludesFile = ~/mine"})
    assert found(tmp_path) == expected


def test_config_files_that_include_each_other_end(tmp_path: Path, home: Path) -> None:
    make(tmp_path, {"a.x": ""})
    make(home, {".gitconfig": "[include]\npath = .gitconfig\n[core]\nexcludesfile = ~/mine", "mine": "*.x"})
    assert found(tmp_path) == set()


def test_repository_config_wins_over_the_users(tmp_path: Path, home: Path) -> None:
    git_init(tmp_path)
    make(tmp_path, {"a.x": "", "b.y": ""})
    make(home, {".gitconfig": "[core]\nexcludesfile = ~/mine", "mine": "*.x", "other": "*.y"})
    with (tmp_path / ".git/config").open("a") as config:
        config.write("[core]\nexcludesfile = ~/other\n")
    assert found(tmp_path) == {"a.x"}


def test_rules_of_parents_apply_up_to_the_top_of_the_repository(tmp_path: Path) -> None:
    git_init(tmp_path / "repo")
    make(
        tmp_path,
        {
            ".gitignore": "*.py",
            "repo/.gitignore": "*.log\n/pkg/lib/gen",
            "repo/pkg/.gitignore": "!keep.log",
            "repo/pkg/lib/gen/a.py": "",
            "repo/pkg/lib/a.py": "",
            "repo/pkg/lib/a.log": "",
            "repo/pkg/lib/keep.log": "",
        },
    )
    assert found(tmp_path / "repo/pkg/lib") == {"a.py", "keep.log"}


def test_parents_outside_a_repository_do_not_matter(tmp_path: Path) -> None:
    make(tmp_path, {".gitignore": "*.py", "project/a.py": ""})
    assert found(tmp_path / "project") == {"a.py"}


@pytest.mark.parametrize("rule", ["vendor/", "/vendor/lib", "lib", "vendor/*"])
def test_rules_of_parents_are_left_out_where_they_ignore_the_root(tmp_path: Path, rule: str) -> None:
    git_init(tmp_path)
    make(tmp_path, {".gitignore": f"{rule}\n*.c\n", "vendor/lib/a.c": "", "vendor/lib/b.py": ""})
    assert found(tmp_path / "vendor/lib") == {"a.c", "b.py"}


def test_installed_package_inside_a_virtual_environment_can_be_the_root(tmp_path: Path) -> None:
    git_init(tmp_path)
    package = ".venv/lib/python3.11/site-packages/ray"
    make(tmp_path, {".gitignore": "*.so", ".venv/.gitignore": "*", f"{package}/a.py": "", f"{package}/_raylet.so": ""})
    assert found(tmp_path / package) == {"a.py", "_raylet.so"}
    assert found(tmp_path) == set()


def test_root_may_have_the_name_of_a_folder_that_is_never_indexed(tmp_path: Path) -> None:
    make(
        tmp_path,
        {"node_modules/a.js": "", "node_modules/node_modules/b.js": "", "venv/pyvenv.cfg": "", "venv/c.py": ""},
    )
    assert found(tmp_path / "node_modules") == {"a.js"}
    assert found(tmp_path / "venv") == {"pyvenv.cfg", "c.py"}


def test_caches_and_version_control_are_never_indexed(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            ".raycontextignore": "!node_modules",
            "sub/node_modules/a.js": "",
            "__pycache__/a.py": "",
            ".hg/a": "",
            "venv/pyvenv.cfg": "",
            "venv/a.py": "",
            "sub/venv/not_an_environment.py": "",
            ".github/workflows/ci.yml": "",
            "build": "a file",
        },
    )
    assert found(tmp_path) == {"sub/venv/not_an_environment.py", ".github/workflows/ci.yml", "build"}


def test_repository_inside_the_tree_follows_its_own_rules(tmp_path: Path) -> None:
    git_init(tmp_path)
    git_init(tmp_path / "nested")
    make(tmp_path, {".gitignore": "*.log", ".raycontextignore": "*.sql"})
    make(tmp_path / "nested", {"a.log": "", "a.sql": "", "a.tmp": "", "b/a.tmp": ""})
    (tmp_path / "nested/.git/info/exclude").write_text("/a.tmp")
    assert found(tmp_path) == {"nested/a.log", "nested/b/a.tmp"}


def test_worktree_whose_git_is_a_file_shares_the_exclude_file(tmp_path: Path) -> None:
    main = tmp_path / "main"
    git_init(main)
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(main), *identity, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    subprocess.run(["git", "-C", str(main), "worktree", "add", "-q", str(tmp_path / "other")], check=True)
    (main / ".git/info/exclude").write_text("*.local")
    make(tmp_path / "other", {"a.local": "", "b.py": ""})
    assert (tmp_path / "other/.git").is_file()
    assert found(tmp_path / "other") == {"b.py"}


@pytest.mark.parametrize("content", ["", "gitdir: /nowhere", "gitdir: \0", "nonsense"])
def test_broken_git_file_is_no_repository(tmp_path: Path, content: str) -> None:
    make(tmp_path, {".gitignore": "*.log", "sub/.git": content, "sub/a.log": "", "sub/a.py": ""})
    assert found(tmp_path) == {"sub/a.py"}
    assert found(tmp_path / "sub") == {"a.py", "a.log"}


@pytest.mark.parametrize("content", ["*.py\n".encode("utf-16"), b"\0*\n*.py\n", b"\xff\xfe\xfd", b""])
def test_ignore_file_that_is_no_text_counts_as_absent(tmp_path: Path, content: bytes) -> None:
    make(tmp_path, {"a.py": ""})
    (tmp_path / ".gitignore").write_bytes(content)
    assert found(tmp_path) == {"a.py"}


def test_rules_beside_a_comment_in_another_encoding_hold(tmp_path: Path) -> None:
    make(tmp_path, {"a.py": "", "secret.env": ""})
    (tmp_path / ".gitignore").write_bytes("# für\n*.env\n".encode("latin-1"))
    assert found(tmp_path) == {"a.py"}


def test_ignore_file_that_is_a_folder_fifo_or_link_counts_as_absent(tmp_path: Path) -> None:
    make(tmp_path, {"rules": "*.py", "a/.gitignore/x.py": "", "b/x.py": "", "c/x.py": ""})
    os.mkfifo(tmp_path / "b/.gitignore")
    (tmp_path / "c/.gitignore").symlink_to("../rules")
    assert found(tmp_path) == {"rules", "a/.gitignore/x.py", "b/x.py", "c/x.py"}


def test_rule_for_folders_spares_files_and_links(tmp_path: Path) -> None:
    make(tmp_path, {".gitignore": "x/", "x": "", "target/a": ""})
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/x").symlink_to("../target")
    assert found(tmp_path) == {"x", "target/a"}
    assert [skipped.path for skipped in walk(tmp_path, 1).skipped] == [".gitignore", "sub/x"]


def test_byte_order_mark_and_carriage_returns_are_no_part_of_rules(tmp_path: Path) -> None:
    make(tmp_path, {"a.log": "", "b.tmp": "", "c": ""})
    (tmp_path / ".gitignore").write_bytes(b"\xef\xbb\xbf*.log\r\n*.tmp\r\n")
    assert found(tmp_path) == {"c"}


def test_names_that_are_not_utf8_are_matched_by_their_bytes(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.log")).touch()
    (tmp_path / os.fsdecode(b"\xff.py")).touch()
    (tmp_path / "é.txt").touch()
    (tmp_path / ".gitignore").write_bytes(b"\xff.log\n??.txt\n")
    assert found(tmp_path) == {os.fsdecode(b"\xff.py")}


@pytest.mark.parametrize(
    "glob", ["*a" * 80 + "b", "**/" * 60 + "b", "**/a/" * 60 + "b", "*?" * 80 + "b", "**/*a*/" * 30 + "b"]
)
def test_globs_that_make_naive_matchers_exponential_end(glob: str) -> None:
    (rule,) = parse_rules(glob.encode())
    spec = re.compile(rule.regex)
    assert spec.match("/".join(["a" * 60] * 30)) is None
    assert spec.match("/".join(["a"] * 200)) is None


@pytest.mark.parametrize("glob", ["a\\", "[a", "[[:word:]]", "[a\\", "[/]"])
def test_globs_that_match_nothing_have_no_expression(glob: str) -> None:
    assert glob_to_regex(glob, anchored=False) is None


def test_plain_ignore_file_wins_over_gitignore_and_loses_against_our_own(tmp_path: Path) -> None:
    git_init(tmp_path)
    make(
        tmp_path,
        {
            ".gitignore": "*.log\n",
            ".ignore": "!keep.log\n*.sql\n",
            ".raycontextignore": "!own.sql\n",
            **dict.fromkeys(("a.log", "keep.log", "a.sql", "own.sql", "sub/keep.log", "sub/inner/a.sql", "b.py"), ""),
        },
    )
    git_init(tmp_path / "sub/inner")
    assert found(tmp_path) == {"keep.log", "own.sql", "sub/keep.log", "b.py"}


@pytest.mark.parametrize(
    ("lines", "ignored"),
    [
        ("\\.pyc$", {"a.pyc", "sub/b.pyc"}),
        ("^build/", {"build/x.py"}),
        ("build/", {"build/x.py", "sub/build/y.py"}),
        ("syntax: glob\n*.pyc", {"a.pyc", "sub/b.pyc"}),
        ("syntax: glob\nbuild", {"build/x.py", "sub/build/y.py"}),
        ("syntax: glob\nsub/build", {"sub/build/y.py"}),
        ("syntax: rootglob\nbuild", {"build/x.py"}),
        ("rootglob:build  # comment\nglob:*.{pyc,txt}", {"build/x.py", "a.pyc", "sub/b.pyc", "c#.txt"}),
        ("glob:sub/**.py", {"sub/build/y.py"}),
        ("glob:**.pyc", {"a.pyc", "sub/b.pyc"}),
        ("c\\#\\.txt", {"c#.txt"}),
        (
            "# nothing\n\nsyntax: unknown\n*.pyc\nsyntax: regexp\n(a)\\1\n[\ninclude:other\nsub/b",
            {"sub/b.pyc", "sub/build/y.py"},
        ),
    ],
)
def test_rules_of_mercurial_count_where_there_is_no_git(tmp_path: Path, lines: str, ignored: set[str]) -> None:
    files = {"a.pyc", "sub/b.pyc", "build/x.py", "sub/build/y.py", "c#.txt", "d.py"}
    make(tmp_path, {**dict.fromkeys(files, ""), ".hgignore": lines})
    assert files - found(tmp_path) == ignored
    git_init(tmp_path)
    assert found(tmp_path) == files


def test_rules_of_mercurial_hold_for_a_folder_of_the_repository(tmp_path: Path) -> None:
    make(tmp_path, {".hg/requires": "store\n", ".hgignore": "^sub/a", "sub/a.py": "", "sub/b.py": "", "a.py": ""})
    assert found(tmp_path / "sub") == {"b.py"}


def test_expressions_of_mercurial_take_linear_time(tmp_path: Path) -> None:
    make(tmp_path, {".hgignore": "(a*)*$x\n(a|aa)+$y\n" + "b{900}{900}\n" * 300, "a" * 200: ""})
    assert found(tmp_path) == {"a" * 200}
