"""The commands `up`, `down` and `logs`, and the description of the daemon that `status` prints."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from raycontext.cli.display import print_json, say
from raycontext.cli.terminal import Json, Root
from raycontext.daemon_client import lifecycle, paths, wire
from raycontext.daemon_client.addresses import check_names, tcp_address
from raycontext.daemon_client.probe import probe
from raycontext.errors import DaemonFailed, InvalidInput, RuntimeUnavailable
from raycontext.runtime.without_ray import without_ray
from raycontext.text.safe import safe

__all__ = ["describe", "down", "logs", "up"]

END_SECONDS = 30.0
"""Longest wait for the end of the daemon, in seconds."""


def up(
    root: Root = None,
    tcp: Annotated[
        str | None, typer.Option(help="[HOST:]PORT to listen at as well. Clients there need the token.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Start the daemon, or wait until it serves. Its Ray starts in the background."""
    place = paths.root_folder(root)
    if tcp is not None:
        check_names(tcp_address(tcp)[0])
    at = ":".join(map(str, tcp_address(tcp))) if tcp is not None else None
    if tcp is not None:
        _end_without_address(place)
    lifecycle.ensure_ready(place, tcp=tcp, tell=say)
    found = lifecycle.want_ray(place)
    if found is None:
        raise DaemonFailed("The daemon ended at once.", paths.log_path(place))
    if tcp is not None and (not found["tcp"] or ":".join(map(str, tcp_address(found["tcp"]))) != at):
        where = f"only at {found['tcp']}" if found["tcp"] else "at no address"
        raise InvalidInput(f"The daemon runs already and listens {where}", "End it first: raycontext down.")
    page = _page(place) if found["tcp"] else None
    if as_json:
        print_json({**found, "page": page["url"] if page is not None else None})
        return
    typer.echo(describe(found))
    if page is not None:
        typer.echo(f"  page {safe(page['url'])}\n       (opens once, within five minutes; up prints another address)")
        folders = ", ".join(map(safe, page.get("folders", ())))
        typer.echo(f"  over TCP only what lies in {folders} is served (RAYCONTEXT_ALLOWED)")
        typer.echo(f"  token for other clients over TCP: {safe(paths.token_path(place))}")


def down(root: Root = None, as_json: Json = False) -> None:
    """End the daemon and its Ray."""
    place = paths.root_folder(root)
    found = wire.health(place)
    pid: int | None = found["pid"] if found is not None else None
    if pid is not None:
        with suppress(wire.DaemonGone):  # it may just have ended
            wire.ask(place, "POST", "/api/shutdown", {})
        _wait_for_end(pid, place)
    else:
        pid = _end_silent(place)
    if as_json:
        print_json({"ended": pid})
    else:
        typer.echo(f"ended daemon {pid}" if pid is not None else "no daemon runs")


def logs(
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="Lines from the end.")] = 100,
    root: Root = None,
) -> None:
    """Print the end of the daemon's log."""
    path = Path(paths.log_path(paths.root_folder(root)))
    say(safe(str(path)))
    if not path.is_file():
        say("there is no log yet: no daemon has run")
        return
    for line in path.read_text(errors="replace").splitlines()[-lines:]:
        typer.echo(safe(line))


def describe(health: dict[str, Any]) -> str:
    """Return the state of the daemon in some lines of text."""
    memory = f"{health['pss_bytes'] / 1e6:.0f} MB in {health['processes']} processes"
    problem = f"\n  {safe(health['problem'])}" if health["problem"] else ""
    return (
        f"daemon {health['pid']}: {health['state']} for {health['seconds']:.0f} s, {memory}{problem}\n"
        f"  {_of_ray(health)}\n"
        f"  root {safe(health['root'])}\n  log {safe(health['log'])}"
    )


def _page(root: str) -> dict[str, Any] | None:
    """Return an address of the web page that opens it once, and the folders that are served there; None where the
    daemon has no page."""
    try:
        reply = wire.ask(root, "POST", "/api/page", {})
    except wire.DaemonGone:
        return None
    return dict(reply.body) if reply.status == 200 else None


def _end_without_address(root: str) -> None:
    """Have a daemon that listens at no address end, which any command may have started, so that one with an address
    takes its place. It ends after its jobs. Raises `RuntimeUnavailable` where these take too long.
    """
    found = wire.health(root)
    if found is None or found["state"] != "ready" or found["tcp"] or found.get("protocol", 0) != wire.PROTOCOL:
        return
    say("the daemon runs already and listens at no address: it ends after its jobs, and one with an address follows")
    with suppress(wire.DaemonGone):
        wire.ask(root, "POST", "/api/shutdown?when=idle", {})
    _wait_for_end(found["pid"], root)


def _end_silent(root: str) -> int | None:
    """End a daemon that listens and does not answer, and return its process id; None where there is no daemon.

    Raises `RuntimeUnavailable` where it cannot be ended.
    """
    silent = probe(root)
    if silent.state in ("absent", "stale"):
        return None
    if not silent.pid:
        raise RuntimeUnavailable(f"The daemon cannot be ended: {silent.problem}", "End its process by hand.")
    say(f"{safe(silent.problem)}: ending it")
    for number in (signal.SIGTERM, signal.SIGCONT):
        os.kill(silent.pid, number)
    _wait_for_end(silent.pid, root)
    return silent.pid


def _of_ray(health: dict[str, Any]) -> str:
    """Return where the daemon works."""
    ray = health.get("ray", "")  # an older daemon says nothing of it
    if ray == "failed":
        return without_ray(safe(health["ray_problem"]))
    return {
        "ready": "works on Ray",
        "starting": "works in processes of its own; Ray is starting",
        "off": "works in processes of its own; Ray starts with the next index run",
    }.get(ray, "does not say where it works")


def _wait_for_end(pid: int, root: str) -> None:
    """Wait until a process has ended. Raises `RuntimeUnavailable` after `END_SECONDS`."""
    from raycontext.serve.daemon.processes import is_alive  # loads psutil, which other commands do not need

    deadline = time.monotonic() + END_SECONDS
    while is_alive(pid):
        if time.monotonic() > deadline:
            raise RuntimeUnavailable(
                f"The daemon {pid} has not ended within {END_SECONDS:g} s", f"See its log: {paths.log_path(root)}"
            )
        time.sleep(0.05)
