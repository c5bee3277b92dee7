"""Every command and every program in the README and in the guide runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import write_tree

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


def environment(place: Path) -> dict[str, str]:
    scripts = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "RAYCONTEXT_ROOT": str(place / "root"),
        "RAYCONTEXT_RUNTIME": "inline",
        "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}",
    }


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_runs(place: Path, program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=place, env=environment(place), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "store.py" in done.stdout


def test_commands_run_in_their_order(place: Path) -> None:
    assert len(COMMANDS) >= 12
    for command in COMMANDS:
        done = subprocess.run(
            shlex.split(command), cwd=place, env=environment(place), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout.strip()


def test_make_targets_exist() -> None:
    pages = README + (REPOSITORY / "CONTRIBUTING.md").read_text()
    targets = set(re.findall(r"^    make ([\w-]+)", pages, re.MULTILINE))
    makefile = (REPOSITORY / "Makefile").read_text()
    assert {"demo", "test", "lint", "docs"} <= targets
    assert all(f"\n{target}:" in makefile for target in targets)
