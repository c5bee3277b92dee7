"""Checks of the TCP ports that are open: those of our daemon and its Ray, and those of any Ray without a token."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import psutil

from raycontext.daemon_client import wire
from raycontext.diagnosis.finding import Finding

__all__ = ["Listening", "check_daemon_ports", "check_ports", "listening"]

GUARDED_PROGRAMS = ("gcs_server", "raylet")
"""Programs of Ray that run code for everyone who can connect to them."""


class Listening(NamedTuple):
    """Port at which a program listens, with its address."""

    program: str
    address: str
    port: int

    @property
    def is_local(self) -> bool:
        """Return whether only programs of this machine can reach the port."""
        return ipaddress.ip_address(self.address).is_loopback

    def __str__(self) -> str:
        """Return the address as text, such as `127.0.0.1:8400` or `[::1]:8400`."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def listening(process: psutil.Process) -> list[Listening]:
    """Return the TCP ports at which a process listens. Raises `psutil.Error`."""
    found = [
        Listening(process.name(), _plain(connection.laddr.ip), connection.laddr.port)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    return sorted(found)


def check_ports() -> Iterator[Finding]:
    """Check that no Ray on this machine runs code for everyone who can reach its ports: other machines, or, at the
    loopback, other users of this machine and pages in a browser.
    """
    exposed = []
    for process in psutil.process_iter(["name"]):
        if process.info["name"] not in GUARDED_PROGRAMS:
            continue
        try:
            ports = sorted({found.port for found in listening(process)})
            guarded = process.environ().get("RAY_AUTH_MODE", "").lower() == "token"
        except psutil.Error:  # it has ended, or belongs to another user
            continue
        if ports and not guarded:
            exposed.append(f"{process.info['name']} (pid {process.pid}) on port {', '.join(map(str, ports))}")
    if not exposed:
        yield Finding(check="ports", level="ok", what="no Ray on this machine is open to others without a token")
        return
    yield Finding(
        check="ports",
        level="fault",
        what=f"Ray runs code for everyone who reaches {'; '.join(exposed)}: it has no token",
        advice="End it, and start it with RAY_AUTH_MODE=token after `ray get-auth-token --generate`.",
    )


def check_daemon_ports(root: str) -> Iterator[Finding]:
    """List every TCP port of the daemon of a root, its Ray and their workers. Without a daemon, yield nothing.

    Only the port that `up --tcp` asks for may be reached from other machines.
    """
    health = wire.health(root)
    if health is None:
        return
    found: list[Listening] = []
    with suppress(psutil.Error):
        daemon = psutil.Process(health["pid"])
        for process in (daemon, *daemon.children(recursive=True)):
            with suppress(psutil.Error):  # a worker that has just ended
                ports = listening(process)
                found += (one._replace(program="daemon") for one in ports) if process is daemon else ports
    if not found:
        yield Finding(check="ports", level="ok", what=f"daemon {health['pid']} listens at its socket and at no port")
        return
    told = "; ".join(f"{one.program} {one}" for one in found)
    asked_for = health["tcp"].rpartition(":")[2]
    others = [one for one in found if not one.is_local and str(one.port) != asked_for]
    if others:
        yield Finding(
            check="ports",
            level="warning",
            what=f"other machines can reach {', '.join(map(str, others))} of daemon {health['pid']}: {told}",
            advice="End it with raycontext down, and close these ports in the firewall if they stay.",
        )
    else:
        yield Finding(check="ports", level="ok", what=f"daemon {health['pid']} listens, guarded by tokens, at {told}")


def _plain(address: str) -> str:
    """Return an IPv4 address that is written as an IPv6 address in its own form."""
    found = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)
