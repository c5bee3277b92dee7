"""Files of the daemon: its token, notes of what it leaves behind if it is killed, and notes of what it watches."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from raycontext.daemon_client import paths
from raycontext.files.foreign_json import read_json
from raycontext.files.paths import remove_tree
from raycontext.files.private import make_private_folder, open_private, write_private

if TYPE_CHECKING:
    from raycontext.sdk.watching.watches import Watched

__all__ = [
    "note_folders",
    "read_token",
    "read_watches",
    "remove_left_folders",
    "remove_token",
    "write_token",
    "write_watches",
]

USERS_END_SECONDS = 20.0
"""Time in which the processes of a Ray end once their daemon was killed, in seconds."""


def write_token(root: str) -> None:
    """Write a new token for callers over TCP and for those who join the Ray of this daemon. Nobody else can read it.

    A daemon on a cluster joins that with the token that its user has for the cluster.
    """
    path = Path(paths.token_path(root))
    write_private(path, secrets.token_hex(32))
    if not paths.cluster_address():
        os.environ.pop("RAY_AUTH_TOKEN", None)
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(path)


def read_token(root: str) -> str:
    """Return the token that `write_token` wrote."""
    return Path(paths.token_path(root)).read_text()


def remove_token(root: str, token: str) -> None:
    """Remove the token at the end of the daemon that wrote it. The token of a daemon that serves by now stays."""
    path = Path(paths.token_path(root))
    taken = path.with_suffix(f".{secrets.token_hex(2)}")
    with suppress(OSError):
        path.rename(taken)
        if taken.read_text() != token:
            os.link(taken, path)
        taken.unlink()


def note_folders(root: str) -> None:
    """Note the temporary folders that this daemon leaves behind if it is killed, beside those of daemons before it."""
    from raycontext.runtime.ray_process import own_folders

    folders = dict.fromkeys((*_noted(root), *map(str, own_folders())))
    with open_private(Path(paths.folders_path(root)), "w") as file:
        file.write("".join(f"{folder}\n" for folder in folders))


def remove_left_folders(root: str, *, last: bool = False) -> None:
    """Remove the folders and the unfinished files that daemons that were killed have left behind.

    last: forget them as well. That is for the end of a daemon: the Ray of one that was just killed may still write, and
    so make its folder anew.
    """
    if not last:  # at the end another daemon may have the claim already
        _remove_left_files(root)
    folders = [folder for folder in _noted(root) if Path(folder).name.startswith("raycontext-")]
    if last and folders:
        _wait_for_users(folders)
    for folder in folders:
        remove_tree(folder)
    if last:
        Path(paths.folders_path(root)).unlink(missing_ok=True)


def _remove_left_files(root: str) -> None:
    """Remove files that daemons of a root have left when they died before these had their names.

    Only the daemon that has the claim does so, and no other one writes files of these names.
    """
    token = Path(paths.token_path(root))
    kept = {token.name, Path(paths.socket_path(root)).name, Path(paths.folders_path(root)).name}
    for left in token.parent.glob(f"{paths.root_key(root)}.*"):
        if left.name not in kept:
            left.unlink(missing_ok=True)


def _wait_for_users(folders: Sequence[str]) -> None:
    """Wait until the Rays of daemons that were killed have ended: until then they make their folders anew."""
    import psutil  # loaded here, since a daemon that has no claim does not need it

    users = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            command = "\0".join(process.cmdline())
            if any(folder in command for folder in folders):
                users.append(process)
    psutil.wait_procs(users, timeout=USERS_END_SECONDS)


def _noted(root: str) -> list[str]:
    try:
        return Path(paths.folders_path(root)).read_text().splitlines()
    except FileNotFoundError:
        return []


def write_watches(root: str, watched: dict[str, Watched]) -> None:
    """Write what the next daemon is to watch again, by collection."""
    path = Path(paths.watches_path(root))
    make_private_folder(path.parent)
    noted = {name: {"source": one.source, "options": one.options.given()} for name, one in watched.items()}
    write_private(path, json.dumps(noted))  # ASCII, also for names that are no text


def read_watches(root: str) -> dict[str, Watched]:
    """Return what `write_watches` wrote, without what cannot be read."""
    try:
        found = read_json(Path(paths.watches_path(root)).read_text())
    except (OSError, ValueError):
        return {}
    noted = found.items() if isinstance(found, dict) else ()
    return {name: watched for name, one in noted if (watched := _watched(one)) is not None}


def _watched(noted: object) -> Watched | None:
    """Return one watch as it was noted; earlier versions noted the source alone. None where it cannot be read."""
    from pydantic import ValidationError  # heavy, and needed only once the daemon serves

    from raycontext.models.options import RunOptions
    from raycontext.sdk.watching.watches import Watched

    if isinstance(noted, str):
        return Watched(noted)
    if not isinstance(noted, dict) or not isinstance(noted.get("source"), str):
        return None
    try:
        return Watched(noted["source"], RunOptions.model_validate(noted.get("options", {})))
    except ValidationError:
        return None
