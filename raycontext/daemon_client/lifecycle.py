"""Start of the daemon and waiting until it serves.

Only the standard library is imported, since a command has about 60 ms in all.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress

from raycontext.daemon_client.paths import cluster_address, log_path, root_folder, socket_path
from raycontext.daemon_client.wire import CONNECT_SECONDS, PROTOCOL, DaemonDiffers, DaemonGone, ask, health
from raycontext.errors import DaemonFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from typing import Any

__all__ = [
    "NOT_STARTED",
    "UNAVAILABLE",
    "Started",
    "announcement",
    "daemon_root",
    "ensure_ready",
    "is_possible",
    "is_wanted",
    "ray_of",
    "retire_older",
    "start",
    "start_quietly",
    "start_seconds",
    "want_ray",
]

START_SETTING = "RAYCONTEXT_START_SECONDS"
START_SECONDS = 60.0
"""Time that Ray may take to start unless `RAYCONTEXT_START_SECONDS` says otherwise, in seconds: as in `Settings`."""

OWN_START_SECONDS = 30.0
"""Time that the process of the daemon may take beyond that, in seconds."""

POLL_SECONDS = 0.05
TELL_SECONDS = 0.8
"""Time of a wait after which the user is told what for."""

AGAIN_SECONDS = 1.0
"""Pause between two starts of a daemon, where the first one has met another that was just ending."""

NOT_STARTED = "not started: "
"""Beginning of the line in which a daemon says why it does not start."""

HAS_UNIX_SOCKETS = sys.platform != "win32"

DAEMON_SWITCH = "RAYCONTEXT_DAEMON"
_OFF = {"0", "off", "false", "no", "n", "f"}
UNAVAILABLE = 503
"""Status of HTTP where the daemon cannot serve, or not yet."""


def is_wanted() -> bool:
    """Return whether commands may use a daemon.

    They may not with RAYCONTEXT_DAEMON=off, without Ray, or where the system has no Unix sockets.
    """
    return os.environ.get("RAYCONTEXT_RUNTIME") != "inline" and is_possible()


def daemon_root(root: str | None, address: str | None) -> str | None:
    """Return the root whose daemon a command uses; None where it works without a daemon.

    root: as the user gave it. address: address of the cluster of the command; None: no cluster. On a cluster a command
    uses the daemon that `raycontext up` or `mcp` has started with this address in RAYCONTEXT_ADDRESS, and starts none.
    """
    if not is_wanted() or (address or "") != cluster_address():
        return None
    place = root_folder(root)
    return None if address and health(place) is None else place


def is_possible() -> bool:
    """Return whether there may be a daemon at all, also one without Ray: for what cannot do without a daemon."""
    return HAS_UNIX_SOCKETS and (os.environ.get(DAEMON_SWITCH) or "on").lower() not in _OFF


def ray_of(root: str, seconds: float) -> tuple[str, str] | None:
    """Return the address of the Ray of a root's daemon, and the path of its token, as soon as that Ray is ready.

    Return None where no daemon serves, or where it has no Ray within `seconds`.
    """
    deadline = time.monotonic() + seconds
    found = want_ray(root)
    while found is not None and time.monotonic() < deadline:
        if found["state"] == "failed" or found["ray"] in ("off", "failed"):
            return None
        if found["ray"] == "ready":
            return found["ray_address"], found["ray_token_path"]
        time.sleep(POLL_SECONDS)
        found = health(root)
    return None


def want_ray(root: str) -> dict[str, Any] | None:
    """Have the daemon of a root start its Ray in the background, and return what it says of itself; None where none
    runs that speaks our protocol."""
    try:
        reply = ask(root, "POST", "/api/ray", {})
    except DaemonGone:
        return None
    return reply.body if reply.status == 200 else None


class Started:
    """Process of a daemon that this one has started, just now.

    offset: length of its log before it began, in bytes.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: str, offset: int) -> None:
        self.process, self.log, self.offset = process, log, offset
        self.at = time.monotonic()

    def ended(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return self.process.poll()

    def problem(self) -> str:
        """Return why it did not start, in its own words; without such words, that it ended at once."""
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
                file.seek(self.offset)
                told = [line for line in file if line.startswith(NOT_STARTED)]
        except OSError:
            told = []
        return told[-1].removeprefix(NOT_STARTED).strip() if told else "the daemon ended at once"


def start(root: str, tcp: str | None = None) -> Started:
    """Start a daemon in the background; it ends at once where another one has the root. Raises `OSError`.

    tcp: [HOST:]PORT to listen at as well.
    """
    import subprocess

    log = log_path(root)
    os.makedirs(os.path.dirname(log), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        offset = os.fstat(descriptor).st_size
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "raycontext.serve.daemon", "--root", root, *(("--tcp", tcp) if tcp else ())],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd="/",
            start_new_session=True,
            close_fds=True,
        )
    finally:
        os.close(descriptor)
    return Started(process, log, offset)


def announcement(root: str) -> str:
    """Return the line that says that a daemon is started, where the index lies, and how to end the daemon."""
    return (
        f"starting the daemon, which starts Ray behind the work; the index lies in {root} "
        "(raycontext down ends the daemon)"
    )


def start_quietly(root: str) -> None:
    """Start a daemon for the next command; this one does not need it, so what goes wrong is told there."""
    with suppress(OSError):
        _let_go(start(root))


def start_seconds() -> float:
    """Return how long the daemon may take until it serves: what Ray may take, and what its own process may."""
    try:
        return float(os.environ.get(START_SETTING) or START_SECONDS) + OWN_START_SECONDS
    except ValueError:  # the daemon, which reads all settings, says what is wrong with it
        return START_SECONDS + OWN_START_SECONDS


def ensure_ready(
    root: str,
    seconds: float | None = None,
    tcp: str | None = None,
    tell: Callable[[str], None] | None = None,
    *,
    replaces: bool = True,
) -> str:
    """Start the daemon where none runs, wait until it serves, and return the path of its socket.

    seconds: how long to wait; None waits for `start_seconds()`. tcp: as in `start`. tell: gets a line that says what is
    waited for, once that has taken a second. replaces: wait until a daemon of an older version has ended its jobs, and
    start one of this version then.

    Raises `DaemonFailed` where it cannot serve, with the cause as soon as that is known, or not in time, and where a
    newer version serves, which nothing here ends; without `replaces`, `DaemonDiffers` where another version serves.
    """
    seconds = start_seconds() if seconds is None else seconds
    begun = time.monotonic()
    started: Started | None = None
    while True:
        found = health(root)
        waits_for = "the daemon is starting"
        if found is not None and found.get("protocol", 0) != PROTOCOL:
            differs = DaemonDiffers(found.get("protocol", 0))
            retire_older(root, differs)
            if not replaces:
                raise differs
            if not differs.is_older:
                raise DaemonFailed(f"{differs}: use that raycontext, or end it with raycontext down", log_path(root))
            waits_for = f"{differs}, and ends after its jobs"
        elif found is not None and found["state"] == "ready":
            _let_go(started)
            return socket_path(root)
        elif found is not None and found["state"] == "failed":
            raise DaemonFailed(f"The daemon cannot serve: {found['problem']}", found["log"])
        if found is None:
            started, waits_for = _without_answer(root, tcp, started)
        waited = time.monotonic() - begun
        if waited > seconds:
            raise DaemonFailed(f"The daemon was not ready within {seconds:g} s: {waits_for}", log_path(root))
        if tell is not None and waited > TELL_SECONDS:
            tell(f"waiting: {waits_for} (raycontext logs)")
            tell = None
        time.sleep(POLL_SECONDS)


def retire_older(root: str, differs: DaemonDiffers) -> None:
    """Have a daemon of an older version take no more jobs, and end after those it has. A newer one goes on."""
    if differs.is_older:
        with suppress(DaemonGone):
            ask(root, "POST", "/api/shutdown?when=idle", {}, CONNECT_SECONDS)


def _without_answer(root: str, tcp: str | None, started: Started | None) -> tuple[Started | None, str]:
    """Return the process that is to answer soon, and what is waited for. Raises `DaemonFailed` where none ever will."""
    if started is not None:
        code = started.ended()
        if code is None:
            return started, "the daemon is starting"
        if code != 0:
            raise DaemonFailed(f"The daemon cannot be started: {started.problem()}", started.log)
    from raycontext.daemon_client.probe import probe

    found = probe(root)
    if found.state in ("forbidden", "stopped"):
        raise DaemonFailed(f"The daemon cannot be used: {found.problem}", log_path(root))
    if found.state == "silent":  # it may be busy
        return started, found.problem
    if started is not None and time.monotonic() - started.at < AGAIN_SECONDS:
        return started, "another daemon is starting or ending"
    try:
        return start(root, tcp), "the daemon is starting"
    except OSError as error:
        raise DaemonFailed(f"The daemon cannot be started: {error}", log_path(root)) from error


def _let_go(started: Started | None) -> None:
    """Leave a daemon to itself: it outlives this process, which is no reason to warn."""
    if started is not None and started.process.returncode is None:
        started.process.returncode = 0
