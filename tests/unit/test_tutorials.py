"""Every command of the tutorials and how-tos for one machine runs and prints what the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..pages import REPOSITORY, Command, commands_of, run_here

PAGES = sorted(
    page.relative_to(REPOSITORY).as_posix()
    for folder in ("tutorials", "how-to")
    for page in (REPOSITORY / "docs" / folder).glob("*.md")
)
ELSEWHERE = {"docs/tutorials/cluster.md"}
"""Pages whose commands need a cluster: see tests/cluster/test_tutorial.py."""

WITH_COMMANDS = [page for page in PAGES if page not in ELSEWHERE and commands_of(page)]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the example source, in which commands run without Ray and without a daemon.

    Its path is short, so that the rows of tables are not broken.
    """
    folder = Path(tempfile.mkdtemp())
    shutil.copytree(REPOSITORY / "examples/shop", folder / "shop")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RAYCONTEXT_ROOT", str(folder / "root"))
    monkeypatch.setenv("RAYCONTEXT_RUNTIME", "inline")
    monkeypatch.setenv("RAYCONTEXT_DAEMON", "off")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    yield folder
    shutil.rmtree(folder)


def test_tutorials_and_how_tos_have_commands() -> None:
    assert {"docs/tutorials/laptop.md", "docs/tutorials/batch.md", "docs/how-to/missing-file.md"} <= set(WITH_COMMANDS)
    assert len(PAGES) >= 7
    assert all(commands_of(page) for page in ELSEWHERE)


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_commands_print_what_the_page_says(
    page: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in commands_of(page):
        printed, code = run_here(command.line, monkeypatch, capsys)
        assert code == 0, command.line
        assert command.prints(printed), f"{command.line}\n{printed}\nbut the page has\n{command.output}"


def test_other_output_is_noticed() -> None:
    command = Command("raycontext list", "one: … files")
    assert command.prints("one: 3 files\n")
    assert not command.prints("one: 3 chunks\n")
    assert not command.prints("one: 3 files\ntwo: 1 files\n")
    assert Command("raycontext list", "one: … files\n…").prints("one: 3 files\ntwo: 1 files\n")


def test_named_files_of_the_code_exist() -> None:
    for page in PAGES:
        named = re.findall(r"`((?:tests|raycontext|examples)/[\w./-]+)`", (REPOSITORY / page).read_text())
        assert [name for name in named if not (REPOSITORY / name).exists()] == [], page


@pytest.mark.process
@pytest.mark.parametrize("name", ["laptop_search.py", "nightly_batch.py"])
def test_example_runs(name: str, place: Path) -> None:
    (place / "repos.yaml").write_text("sources:\n  - folder: shop\n")
    arguments = {"laptop_search.py": ["shop", "where are sessions kept?"], "nightly_batch.py": ["repos.yaml"]}[name]
    command = [sys.executable, str(REPOSITORY / "examples" / name), *arguments]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if name == "laptop_search.py":
        assert "sessions.py:" in done.stdout.splitlines()[1]
    else:
        assert done.stdout.strip() == "shop: indexed"


@pytest.mark.process
def test_example_of_a_nightly_batch_tells_of_what_failed(place: Path) -> None:
    (place / "repos.yaml").write_text("sources:\n  - folder: gone\n  - folder: shop\n")
    command = [sys.executable, str(REPOSITORY / "examples/nightly_batch.py"), "repos.yaml"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "gone: failed" in done.stdout
    assert "shop: indexed" in done.stdout


def test_every_example_is_run_by_a_test() -> None:
    tests = "".join(path.read_text() for path in (REPOSITORY / "tests").rglob("*.py")) + (
        REPOSITORY / ".ci/run"
    ).read_text().replace("make demo", "examples/demo.py")
    examples = [path.name for path in (REPOSITORY / "examples").glob("*.py")]
    assert len(examples) >= 4
    assert [name for name in examples if name not in tests] == []
