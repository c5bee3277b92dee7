"""Hosts that are reached by SSH, each in its own namespaces of processes, mounts and network, behind one bridge.

To be used in a process that is in namespaces of its own itself (`namespaces.alone`), as root. A host has a user, a home
folder, an `sshd` and an address; it sees the folder `shared`, at `SHARED`, and of programs what this machine has.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.waiting import until

__all__ = ["OFFICE", "SHARED", "USER", "Host", "hosts"]

OFFICE = "10.72.0.1"
"""Address of the machine that the hosts are reached from."""
USER = "raycontext"
PLACE, SHARED = "/srv", "/mnt"
"""Where a host has its own files, and those that all hosts share. Both are empty folders of a plain system."""

SSHD = """
HostKey {PLACE}/host_key
AuthorizedKeysFile {PLACE}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
"""

PROFILE = """
export PATH={PLACE}/bin:$PATH RAY_TMPDIR={PLACE}/t TMPDIR={PLACE}/t PIP_NO_INDEX=1 PIP_NO_DEPS=1
"""
"""What a shell of the host begins with. No package index can be reached, and what an installation needs is there."""

PYTHON = """#!/bin/sh
{python} "$@" || exit
[ "$1 $2" = "-m venv" ] || exit 0
for packages in "$3"/lib/python3*/site-packages; do echo {PLACE}/packages > "$packages/there.pth"; done
printf '#!%s/bin/python\\nfrom ray.scripts.scripts import main\\nmain()\\n' "$3" > "$3/bin/ray"
chmod +x "$3/bin/ray"
"""
"""The Python of a host: its environments have the packages of this environment, but not raycontext."""

START = """
mount --bind {folder} {PLACE} && mount --bind {shared} {SHARED} && mount --bind {folder}/passwd /etc/passwd &&
mount -t tmpfs tmpfs /dev/shm && mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && ip link set lo up &&
until ip address add {address}/24 dev cable 2>/dev/null; do sleep 0.05; done && ip link set cable up &&
ip route add default via {OFFICE} &&
exec {sshd} -D -e -f {PLACE}/sshd_config
"""


class Host(NamedTuple):
    """One host."""

    address: str
    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def answers(address: str, key: Path) -> bool:
    return subprocess.run(ssh(address, key, "true"), capture_output=True, check=False).returncode == 0


def ssh(address: str, key: Path, command: str) -> list[str]:
    """The command that runs another one in an interactive shell of a host."""
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "IdentitiesOnly=yes")
    given = [part for option in options for part in ("-o", option)]
    return ["ssh", *given, "-i", str(key), f"{USER}@{address}", f"bash --login -ic {shlex.quote(command)}"]


def write_packages(folder: Path) -> None:
    """Links to all packages of this environment but raycontext."""
    folder.mkdir()
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        if "raycontext" not in package.name and package.suffix != ".pth":
            (folder / package.name).symlink_to(package)


def write_host(host: Host, key: Path) -> None:
    for name in ("home", "t", "bin"):
        (host.folder / name).mkdir(parents=True)
    accounts = [line for line in Path("/etc/passwd").read_text().splitlines() if not line.startswith(f"{USER}:")]
    account = f"{USER}:*:0:0::{PLACE}/home:/bin/bash"  # it may read all that whoever runs the tests may read
    (host.folder / "passwd").write_text("\n".join([account, *accounts]) + "\n")
    (host.folder / "sshd_config").write_text(SSHD.format(PLACE=PLACE))
    (host.folder / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(host.folder / "host_key"))
    (host.home / ".bashrc").write_text(PROFILE.format(PLACE=PLACE))
    python = host.folder / "bin" / "python3.11"
    python.write_text(PYTHON.format(PLACE=PLACE, python=os.path.realpath(sys.executable)))
    python.chmod(0o755)
    write_packages(host.folder / "packages")


@contextmanager
def started(host: Host, number: int, shared: Path) -> Iterator[Host]:
    values = {
        "OFFICE": OFFICE,
        "folder": host.folder,
        "shared": shared,
        "address": host.address,
        "PLACE": PLACE,
        "SHARED": SHARED,
    }
    script = START.format(**values, sshd="/usr/sbin/sshd")
    namespaces = ("--mount", "--pid", "--net", "--ipc", "--fork", "--kill-child", "--mount-proc")
    with (host.folder / "sshd.log").open("w") as log:
        process = subprocess.Popen(["unshare", *namespaces, "sh", "-c", script], stdout=log, stderr=log)
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        inside = until(lambda: children.read_text().split())[0]
        run("ip", "link", "add", f"port{number}", "type", "veth", "peer", "name", "cable", "netns", inside)
        run("ip", "link", "set", f"port{number}", "master", "hub", "up")
        yield host
    finally:
        process.kill()
        process.wait()


@contextmanager
def hosts(folder: Path, shared: Path, key: Path, number: int) -> Iterator[Sequence[Host]]:
    """So many hosts, which let in whoever has the key; each answers by SSH when the block begins."""
    run("ip", "link", "add", "hub", "type", "bridge")
    run("ip", "address", "add", f"{OFFICE}/24", "dev", "hub")
    run("ip", "link", "set", "hub", "up")
    made = [Host(f"10.72.0.{10 + place}", folder / f"host{place}") for place in range(number)]
    with ExitStack() as stack:
        for place, host in enumerate(made):
            write_host(host, key)
            stack.enter_context(started(host, place, shared))
        for host in made:
            until(lambda address=host.address: answers(address, key), pause=0.2)  # type: ignore[misc]
        yield made
