"""Another user takes the folders or leaves the files that our daemon would use: it goes on, or says why at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from raycontext.daemon_client import paths
from raycontext.serve.daemon import files

OWNER, STRANGER = 64_121, 64_123
"""Ids of users that have no account."""

PROGRAM = """
import os, shutil, sys
owner, stranger, taken = map(int, sys.argv[1:])
from raycontext.daemon_client import lifecycle, paths, probe
from raycontext.errors import DaemonFailed
paths.log_path("/tmp/none")  # loads what the other user may not read
names = [f"/tmp/raycontext-{owner}" + (f"-{number}" if number else "") for number in range(paths.TAKEN_FOLDERS)]
for name in names[:taken]:
    os.mkdir(name, 0o777)
    os.chown(name, stranger, stranger)
reading, writing = os.pipe()
if not (child := os.fork()):
    os.setgroups([]); os.setgid(owner); os.setuid(owner)
    try:
        told = paths.runtime_folder()
    except OSError as error:
        told = f"{type(error).__name__}: {error}; {probe.probe('/tmp/none').problem}"
        try:
            lifecycle.ensure_ready("/tmp/none")
        except DaemonFailed as failed:
            told += f"; {failed}"
    os.write(writing, told.encode())
    os._exit(0)
os.close(writing)
os.waitpid(child, 0)
print(os.read(reading, 100_000).decode())
for name in names:
    shutil.rmtree(name, ignore_errors=True)
"""


@pytest.mark.process
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can act as other users")
@pytest.mark.parametrize("taken", [0, 1, paths.TAKEN_FOLDERS - 1, paths.TAKEN_FOLDERS])
def test_folders_that_another_user_has_taken_are_passed_over_and_told(taken: int) -> None:
    command = [sys.executable, "-c", PROGRAM, str(OWNER), str(STRANGER), str(taken)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    if taken < paths.TAKEN_FOLDERS:
        assert done.stdout.strip() == f"/tmp/raycontext-{OWNER}" + (f"-{taken}" if taken else "")
    else:
        assert done.stdout.count("must be a folder that belongs to you alone") == 3


def test_folder_of_the_home_that_others_can_enter_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paths, "_home", lambda _: str(tmp_path / "h"))
    monkeypatch.setattr(paths, "MAX_SOCKET_PATH_BYTES", 1000)
    inside = tmp_path / "h" / ".local" / "state" / "raycontext" / "run"
    if paths.runtime_folder().startswith("/run/user/"):
        pytest.skip("the system made a folder for sockets, which comes first")
    assert paths.runtime_folder() == str(inside)
    inside.chmod(0o755)
    assert paths.runtime_folder().startswith("/tmp/raycontext-")


def test_unfinished_files_of_a_daemon_that_died_are_removed(tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    files.write_token(root)
    os.environ.pop("RAY_AUTH_TOKEN_PATH")
    token = Path(paths.token_path(root))
    left = token.with_suffix(".beef")
    left.write_text("half a tok")
    other = token.with_name("0123456789abcdef.beef")
    other.write_text("of another root")
    try:
        files.remove_left_folders(root)
        assert (left.exists(), token.exists(), other.exists()) == (False, True, True)
    finally:
        token.unlink()
        other.unlink()
