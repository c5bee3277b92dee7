"""Commands and their output in pages of the documentation, and what runs them.

A block of a page that is fenced as `console` has commands, each after `$ `, with what they print below. In the output
`…` stands for anything within a line, such as a time or a score; a line `…` stands for any number of lines. Commands
that a test machine cannot run stand in other blocks.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from raycontext.cli.main import main

REPOSITORY = Path(__file__).resolve().parents[1]


class Command(NamedTuple):
    """A command of a page."""

    line: str
    output: str
    """What the page says that it prints, with `…`."""

    def prints(self, text: str) -> bool:
        """Return whether a real output is the one of the page. Spaces at the end of lines do not count."""
        pattern = "".join(
            r"(?:.*\n)*?" if line == "…" else ".*?".join(map(re.escape, line.split("…"))) + r"\n"
            for line in self.output.splitlines()
        )
        return re.fullmatch(pattern, "".join(f"{line.rstrip()}\n" for line in text.strip().splitlines())) is not None


def commands_of(page: str) -> list[Command]:
    """Return the commands of a page, a path in the repository, in their order."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    found = []
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            found.append(Command(line, "\n".join(row.rstrip() for row in output.strip().splitlines())))
    return found


def run_here(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[str, int]:
    """Run a plain command of raycontext in this process, any other with bash. Return its output and exit code."""
    if not command.startswith("raycontext ") or set("|&>") & set(command):
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        return done.stdout, done.returncode
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit) as ended:
        main()
    code = ended.value.code
    return capsys.readouterr().out, code if isinstance(code, int) else 0
