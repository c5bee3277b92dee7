"""Promises of the repository's own files: the first screen of the README, classifiers, hooks, templates, changelog."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from .test_architecture import ORDER, layers

REPOSITORY = Path(__file__).resolve().parents[2]
FIRST_SCREEN_LINES = 25
HEADINGS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
"""Kinds of changes that Keep a Changelog has."""


def read(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def interpreters() -> ModuleType:
    spec = importlib.util.spec_from_file_location("interpreters", REPOSITORY / "tests/interpreters.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_first_screen_of_the_readme_has_the_commands_that_are_checked(command: str) -> None:
    first = read("README.md").splitlines()[:FIRST_SCREEN_LINES]
    assert [line for line in first if line.startswith(f"    {command} ")], first
    assert command in read(".ci/run").splitlines()


def test_classifiers_name_the_pythons_that_are_tested(interpreters: ModuleType) -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    found = re.findall(r"^Programming Language :: Python :: 3\.(\d+)$", "\n".join(project["classifiers"]), re.MULTILINE)
    named = [(3, int(minor)) for minor in found]
    assert named[0] == interpreters.OLDEST
    assert named == [(3, minor) for minor in range(named[0][1], named[-1][1] + 1)]
    assert named[-1] <= interpreters.NEWEST
    assert project["requires-python"] == f">=3.{interpreters.OLDEST[1]}"
    minors = [f"3.{minor}" for _, minor in named]
    assert f"tested with Python {', '.join(minors[:-1])} and {minors[-1]}" in read("README.md")


def test_hooks_before_a_commit_are_local_and_run_what_make_lint_runs() -> None:
    repositories = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert [entry["repo"] for entry in repositories] == ["local"]
    entries = " ".join(hook["entry"] for hook in repositories[0]["hooks"])
    lint = read("Makefile").split("\nlint:")[1].split("\n\n")[0]
    commands = re.findall(r"\$\(BIN\)/(\w+(?: format)?)", lint)
    assert len(commands) == 3
    assert [command for command in commands if f".venv/bin/{command}" not in entries] == []
    assert {hook["language"] for hook in repositories[0]["hooks"]} == {"system"}


def test_forms_for_issues_are_whole() -> None:
    forms = [path for path in sorted((REPOSITORY / ".github/ISSUE_TEMPLATE").glob("*.yml")) if path.stem != "config"]
    assert len(forms) >= 2
    for path in forms:
        form = yaml.safe_load(path.read_text())
        assert {"name", "description", "body"} <= set(form)
        identities = [field["id"] for field in form["body"]]
        assert len(identities) == len(set(identities))
        assert all(field["attributes"]["label"] for field in form["body"])


@pytest.mark.parametrize("page", [".github/PULL_REQUEST_TEMPLATE.md", "CONTRIBUTING.md", ".pre-commit-config.yaml"])
def test_named_make_targets_and_files_exist(page: str) -> None:
    text = read(page)
    targets = set(re.findall(r"\bmake ([a-z][\w-]+)", text)) - {"sure"}
    assert targets
    assert [name for name in targets if f"\n{name}:" not in read("Makefile")] == []
    named = re.findall(r"`((?:tests|docs|benchmarks|training|raycontext)/[\w./-]*)`", text)
    assert [name for name in named if not (REPOSITORY / name).exists()] == []


def test_contributing_draws_the_layers_of_the_architecture_test() -> None:
    drawn = re.search(r"\n((?:    [^\n]+\n)+)", read("CONTRIBUTING.md").split("## Layout")[1])
    assert drawn is not None
    lines = [re.split(r" {3,}", line.strip())[0] for line in drawn[1].splitlines()]
    assert layers("\n".join(lines)) == layers(ORDER)


def test_changelog_sorts_changes_by_kind() -> None:
    text = read("CHANGELOG.md")
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert version in re.findall(r"^## (.*)$", text, re.MULTILINE)[0]
    kinds = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert kinds
    assert set(kinds) <= HEADINGS
