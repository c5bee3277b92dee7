"""The `raycontext` command as users run it: a process of its own."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from raycontext.daemon_client import paths

from ..forked import COMMANDS, is_forkable
from ..waiting import PATIENCE, WAIT_SECONDS, ending_signals, until

SCRIPT = Path(sys.executable).parent / "raycontext"
MARK = "TEST_PROCESS_MARK"


@dataclass(frozen=True)
class Command:
    """Runs `raycontext` with an environment in which nothing is set but what the test sets."""

    root: Path
    variables: dict[str, str] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: secrets.token_hex(16))

    def __call__(
        self, *arguments: str | Path, cwd: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end. Bytes that are not UTF-8 come out as surrogates."""
        if is_forkable({**self.variables, **variables}):
            words = [os.fspath(word) for word in (SCRIPT, *arguments)]
            return COMMANDS.run(words, cwd or self.root.parent, self.environment(**variables))
        process = self.start(*arguments, cwd=cwd, **variables)
        with process:
            try:
                stdout, stderr = process.communicate(timeout=WAIT_SECONDS)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def start(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        program: tuple[str | Path, ...] = (SCRIPT,),
        **variables: str,
    ) -> subprocess.Popen[str]:
        """Start it as the leader of a process group that signals can end, however the tests were started."""
        with ending_signals():
            return subprocess.Popen(
                [*program, *arguments],
                cwd=cwd or self.root.parent,
                env=self.environment(**variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="surrogateescape",
                start_new_session=True,
            )

    def environment(self, **variables: str) -> dict[str, str]:
        ignored = ("RAYCONTEXT_", "XDG_", "FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "PYTHONWARNINGS")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ignored)}
        inherited["RAYCONTEXT_DAEMON"] = "off"
        inherited |= PATIENCE
        return {**inherited, "RAYCONTEXT_ROOT": str(self.root), **self.variables, **variables, MARK: self.mark}

    def remaining(self) -> list[psutil.Process]:
        """Processes that this command has started, directly or not, and that are still there after a while."""
        with suppress(AssertionError):
            until(lambda: not list(self.processes()), pause=0.1)
        left = list(self.processes())
        if not left:
            forget_daemon(self.root)
        return left

    def processes(self) -> Iterator[psutil.Process]:
        """Processes that this command has started, directly or not."""
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark:
                    yield process
            except psutil.Error:
                continue


def forget_daemon(root: Path) -> None:
    """Remove what daemons of a root that were killed have left in the user's folder of sockets."""
    folder, key = Path(paths.runtime_folder()), paths.root_key(paths.root_folder(str(root)))
    for left in folder.glob(f"{key}.*"):
        left.unlink(missing_ok=True)


@pytest.fixture
def command(root: Path) -> Command:
    return Command(root)
