"""Every command and every program in the README and in the guide runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from raycontext.cli.main import main

from ..conftest import write_tree

pytestmark = pytest.mark.process

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text()
GUIDE = (REPOSITORY / "docs/guide.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", README + GUIDE, re.DOTALL)
COMMANDS = list(dict.fromkeys(re.findall(r"^\$ (.*)$", README + GUIDE, re.MULTILINE)))
(QUERIES,) = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
(SOURCES,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
STORE = '''"""Where sessions are stored."""


class SessionStore:
    """Keeps sessions in memory."""

    def load(self, key):
        return self.sessions[key]
'''


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_tree(tmp_path / "src", {"store.py": STORE, "README.md": "# Project\n\nStores sessions.\n"})
    write_tree(tmp_path, {"queries.json": QUERIES, "repos.yaml": SOURCES})
    return tmp_path


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_runs(place: Path, program: str) -> None:
    environment = {**os.environ, "RAYCONTEXT_ROOT": str(place / "root"), "RAYCONTEXT_RUNTIME": "inline"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "store.py" in done.stdout


def test_commands_run_in_their_order(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, which takes a tenth of the time; tests/serve/test_cli.py has the program itself."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("RAYCONTEXT_ROOT", str(place / "root"))
    monkeypatch.setenv("RAYCONTEXT_RUNTIME", "inline")
    assert len(COMMANDS) >= 12
    for command in COMMANDS:
        program, *arguments = shlex.split(command)
        assert program == "raycontext"
        monkeypatch.setattr(sys, "argv", [program, *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert ended.value.code == 0, (command, told.err)
        assert told.out.strip()


def test_make_targets_exist() -> None:
    pages = README + (REPOSITORY / "CONTRIBUTING.md").read_text()
    targets = set(re.findall(r"^    make ([\w-]+)", pages, re.MULTILINE))
    makefile = (REPOSITORY / "Makefile").read_text()
    assert {"demo", "test", "lint", "docs"} <= targets
    assert all(f"\n{target}:" in makefile for target in targets)
