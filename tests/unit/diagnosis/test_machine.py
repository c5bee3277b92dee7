"""Faults of a machine, made as real as they can be made here."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import psutil
import pytest
import ray

from raycontext.diagnosis import machine, ports
from raycontext.diagnosis.finding import Finding

from ...conftest import write_tree
from ...waiting import until

TERABYTES = 1 << 50
GCS = Path(ray.__file__).parent / "core/src/ray/gcs/gcs_server"


def only(findings: Iterator[Finding]) -> Finding:
    (finding,) = findings
    assert finding.what
    assert bool(finding.advice) == finding.is_problem
    return finding


def test_what_is_installed_here_is_as_it_should_be() -> None:
    finding = only(machine.check_versions())
    assert finding.level == "ok"
    assert f"Ray {metadata.version('ray')}" in finding.what


def test_missing_and_old_packages_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = "Requires-Dist: numpy>=999\nRequires-Dist: no-such-package\nRequires-Dist: left-out; extra == 'x'\n"
    write_tree(tmp_path, {"broken-1.dist-info/METADATA": f"Metadata-Version: 2.1\nName: broken\nVersion: 1\n{needs}"})
    monkeypatch.syspath_prepend(str(tmp_path))
    finding = only(machine.check_versions("broken"))
    assert finding.level == "fault"
    assert "numpy" in finding.what
    assert ">=999 is needed" in finding.what
    assert "no-such-package is not installed" in finding.what
    assert "left-out" not in finding.what


def test_little_space_is_found(tmp_path: Path) -> None:
    assert only(machine.check_disk(tmp_path / "not/yet/there", "collections", least=0, few=0)).level == "ok"
    assert only(machine.check_disk(tmp_path, "collections", few=TERABYTES)).level == "warning"
    assert only(machine.check_disk(tmp_path, "Ray", least=0, few=0, full=-1.0)).level == "warning"
    finding = only(machine.check_disk(tmp_path, "collections", least=TERABYTES))
    assert finding.level == "fault"
    assert str(tmp_path) in finding.what


def test_small_shared_memory_is_found(tmp_path: Path) -> None:
    assert only(machine.check_shared_memory(1, tmp_path)).level == "ok"
    assert only(machine.check_shared_memory(1, tmp_path / "none")).level == "warning"
    finding = only(machine.check_shared_memory(TERABYTES, tmp_path))
    assert finding.level == "warning"
    assert "--shm-size" in finding.advice


def test_little_memory_is_found() -> None:
    assert only(machine.check_memory(1)).level == "ok"
    assert only(machine.check_memory(TERABYTES)).level == "warning"


def test_low_inotify_limits_are_found(tmp_path: Path) -> None:
    write_tree(tmp_path, {"max_user_watches": "100\n", "max_user_instances": "128\n"})
    watches, instances = machine.check_inotify(tmp_path)
    assert (watches.level, instances.level) == ("warning", "ok")
    assert "sysctl fs.inotify.max_user_watches=" in watches.advice
    assert [finding.level for finding in machine.check_inotify(tmp_path / "none")] == ["note", "note"]


def test_missing_git_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert only(machine.check_git()).level == "ok"
    monkeypatch.setenv("PATH", "/nonexistent")
    assert only(machine.check_git()).level == "note"


@pytest.mark.parametrize(("mode", "exposed"), [("disabled", True), ("token", False)])
def test_ray_that_is_open_without_a_token_is_found(tmp_path: Path, mode: str, exposed: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    empty = base64.b64encode(b"{}").decode()
    command = [str(GCS), f"--gcs_server_port={port}", "--node_ip_address=127.0.0.1", f"--config_list={empty}"]
    folders = [f"--log_dir={tmp_path}", f"--session_dir={tmp_path}", f"--node_id={'1' * 56}"]
    environment = {**os.environ, "RAY_AUTH_MODE": mode, "RAY_AUTH_TOKEN": "a" * 64}
    with subprocess.Popen(
        [*command, *folders], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            until(lambda: listens(server.pid, port))
            finding = only(ports.check_ports())
            assert (f"(pid {server.pid}) on port {port}" in finding.what) == exposed
            assert not exposed or (finding.level == "fault" and "RAY_AUTH_MODE=token" in finding.advice)
        finally:
            server.kill()


def listens(pid: int, port: int) -> bool:
    return any(connection.laddr.port == port for connection in psutil.Process(pid).net_connections("tcp"))
