"""What the daemon writes beside its socket: its token, and a note of what it would leave behind if it were killed."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from raycontext.serve import client

__all__ = ["note_folders", "remove_left_folders", "write_token"]


def write_token(root: str) -> None:
    """A new token for this daemon: for callers over TCP, and for those who join its Ray. Nobody else can read it."""
    path = Path(client.token_path(root))
    temporary = path.with_suffix(f".{secrets.token_hex(2)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    temporary.replace(path)
    os.environ.pop("RAY_AUTH_TOKEN", None)
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(path)


def note_folders(root: str) -> None:
    """Write down what a daemon that is killed leaves behind."""
    from raycontext.runtime.ray import own_folders

    Path(client.folders_path(root)).write_text("".join(f"{folder}\n" for folder in own_folders()))


def remove_left_folders(root: str) -> None:
    """Remove what a daemon that was killed has left behind."""
    notes = Path(client.folders_path(root))
    with suppress(FileNotFoundError):
        for line in notes.read_text().splitlines():
            if Path(line).name.startswith("raycontext-"):
                shutil.rmtree(line, ignore_errors=True)
        notes.unlink()
