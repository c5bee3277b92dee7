"""Check of the daemon: whether it answers, and why it does not."""

from __future__ import annotations

from collections.abc import Iterator

from raycontext.daemon_client import lifecycle, wire
from raycontext.daemon_client.probe import probe
from raycontext.diagnosis.finding import Finding

__all__ = ["check_daemon"]


def check_daemon(root: str) -> Iterator[Finding]:
    """Check that the daemon of a root serves where one runs. That none runs is no fault."""
    if not lifecycle.is_possible():
        yield Finding(check="daemon", level="note", what="no daemon is used on this machine")
        return
    health = wire.health(root)
    if health is None:
        found = probe(root)
        if found.state in ("absent", "stale"):
            yield Finding(check="daemon", level="ok", what="no daemon runs; the next command that needs one starts it")
        else:
            advice = "raycontext down ends it; the next command starts another one."
            yield Finding(check="daemon", level="fault", what=found.problem, advice=advice)
    elif health["state"] == "failed":
        yield Finding(check="daemon", level="fault", what=health["problem"], advice=f"See its log: {health['log']}")
    else:
        yield Finding(check="daemon", level="ok", what=f"daemon {health['pid']} is {health['state']}")
