"""Finds, starts and asks the daemon. Imports nothing but the standard library: a command has 100 ms in all."""

from __future__ import annotations

import os
import socket
import sys
import time
from contextlib import suppress

from raycontext.daemon_client.paths import log_path, socket_path
from raycontext.daemon_client.wire import health
from raycontext.errors import DaemonFailed

__all__ = [
    "UNAVAILABLE",
    "ensure_ready",
    "is_possible",
    "is_wanted",
    "ray_of",
    "start",
    "start_quietly",
    "start_seconds",
]

START_SETTING = "RAYCONTEXT_START_SECONDS"
START_SECONDS = 60.0
"""How long Ray may take to start unless `RAYCONTEXT_START_SECONDS` says otherwise; the default of `Settings`."""

OWN_START_SECONDS = 30.0
"""How long the process of the daemon may take beyond that."""

POLL_SECONDS = 0.05

DAEMON_SWITCH = "RAYCONTEXT_DAEMON"
_OFF = {"0", "off", "false", "no", "n", "f"}
UNAVAILABLE = 503
"""Status of HTTP where the daemon cannot serve, or not yet."""


def is_wanted() -> bool:
    """Whether commands may use and start a daemon: not with RAYCONTEXT_DAEMON=off, nor with a cluster or without Ray,
    nor where such sockets lack."""
    if os.environ.get("RAYCONTEXT_ADDRESS") or os.environ.get("RAYCONTEXT_RUNTIME") == "inline":
        return False
    return is_possible()


def is_possible() -> bool:
    """Whether there may be a daemon at all, for what cannot do without one: also one that does without Ray."""
    return hasattr(socket, "AF_UNIX") and (os.environ.get(DAEMON_SWITCH) or "on").lower() not in _OFF


def ray_of(root: str, seconds: float) -> tuple[str, str] | None:
    """Address of the Ray of the daemon of a root, and the file with its token, as soon as it is ready; None where no
    daemon can serve in that time."""
    deadline = time.monotonic() + seconds
    while (found := health(root)) is not None and time.monotonic() < deadline:
        if found["state"] == "ready":
            return found["ray_address"], found["ray_token_path"]
        if found["state"] == "failed":
            return None
        time.sleep(POLL_SECONDS)
    return None


def start(root: str, tcp: str | None = None) -> None:
    """Start a daemon in the background; it ends at once where another one has the root. Raises `OSError`.

    tcp: HOST:PORT to listen at as well.
    """
    import subprocess

    log = log_path(root)
    os.makedirs(os.path.dirname(log), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        subprocess.Popen(
            [sys.executable, "-m", "raycontext.serve.daemon", "--root", root, *(("--tcp", tcp) if tcp else ())],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd="/",
            start_new_session=True,
            close_fds=True,
        )
    finally:
        os.close(descriptor)


def start_quietly(root: str) -> None:
    """Start a daemon for the next command; this one does not need it, so what goes wrong is told there."""
    with suppress(OSError):
        start(root)


def start_seconds() -> float:
    """Return how long the daemon may take until it serves: what Ray may take, and what its own process may."""
    try:
        return float(os.environ.get(START_SETTING) or START_SECONDS) + OWN_START_SECONDS
    except ValueError:  # the daemon, which reads all settings, says what is wrong with it
        return START_SECONDS + OWN_START_SECONDS


def ensure_ready(root: str, seconds: float | None = None, tcp: str | None = None) -> str:
    """Start the daemon where none runs, wait until it serves, and return the path of its socket.

    seconds: how long to wait; None waits for `start_seconds()`.
    tcp: as in `start`.

    Raises `DaemonFailed` where it cannot serve, or not in time.
    """
    seconds = start_seconds() if seconds is None else seconds
    deadline = time.monotonic() + seconds
    started = 0.0
    while True:
        found = health(root)
        if found is None:
            if time.monotonic() - started > 10.0:  # the one that we started may have met one that was just ending
                try:
                    start(root, tcp)
                except OSError as error:
                    raise DaemonFailed(f"The daemon cannot be started: {error}.", log_path(root)) from error
                started = time.monotonic()
        elif found["state"] == "ready":
            return socket_path(root)
        elif found["state"] == "failed":
            raise DaemonFailed(f"The daemon cannot serve: {found['problem']}", found["log"])
        if time.monotonic() > deadline:
            raise DaemonFailed(f"The daemon was not ready within {seconds:g} s.", log_path(root))
        time.sleep(POLL_SECONDS)
