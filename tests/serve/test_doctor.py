"""`raycontext doctor` as a process."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import ray

import raycontext
from raycontext.diagnosis import cluster
from raycontext.diagnosis.finding import Finding
from raycontext.sdk.connection import runtime_for, settings_of

from ..waiting import WAIT_SECONDS
from .conftest import Command

pytestmark = pytest.mark.process

# Other tests start a Ray of their own, some without a token, at the same time.
QUIET = ("--skip", "ports")


def test_fresh_machine_is_green(command: Command) -> None:
    done = command("doctor", *QUIET)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    *lines, last = done.stdout.splitlines()
    assert last == "all is well"
    assert {line.split()[1] for line in lines} >= {"versions:", "disk:", "storage:", "collections:"}
    assert {line.split()[0] for line in lines} <= {"ok", "note"}
    assert not command.root.exists()


def test_problems_are_explained_and_change_the_exit_code(command: Command, source: Path) -> None:
    assert command("index", source, "--runtime", "inline").returncode == 0
    (manifest,) = (command.root / "shop" / "manifests").iterdir()
    manifest.write_bytes(b"damaged")
    done = command("doctor", *QUIET)
    assert done.returncode == 10
    assert "        → raycontext repair shop" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1].startswith("1 of ")
    found = command("doctor", *QUIET, "--json", "--skip", "disk", RAYCONTEXT_EMBEDDER="onnx:/no/such/model")
    assert found.returncode == 10
    problems = [finding for finding in json.loads(found.stdout) if finding["level"] in ("warning", "fault")]
    assert [problem["check"] for problem in problems] == ["embedder", "collections"]
    assert all(problem["advice"] for problem in problems)
    assert "disk" not in {finding["check"] for finding in json.loads(found.stdout)}


def test_wrong_settings_are_findings_or_wrong_use(command: Command) -> None:
    done = command("doctor", *QUIET, "--root", "ftp://somewhere/root")
    assert done.returncode == 10
    assert "fault   storage: 'ftp://somewhere/root' names no storage" in done.stdout
    assert command("doctor", "--skip", "everything").returncode == 2


def cluster_findings(command: Command, address: str, *arguments: str, **options: Any) -> dict[str, dict[str, str]]:
    """What was found of a cluster, by check."""
    with command.start("doctor", *QUIET, "--json", "--address", address, *arguments, **options) as process:
        stdout, stderr = process.communicate(timeout=WAIT_SECONDS)
    found = json.loads(stdout or "[]")
    assert found, stderr
    problems = [finding for finding in found if finding["level"] in ("warning", "fault")]
    assert process.returncode == (10 if problems else 0)
    return {finding["check"]: finding for finding in found if finding["check"] in ("cluster", "actors")}


def test_cluster_that_no_one_answers_for_is_found(command: Command) -> None:
    finding = cluster_findings(command, "127.0.0.1:9")["cluster"]
    assert finding["level"] == "fault"
    assert "No Ray answers at the address 127.0.0.1:9" in finding["what"]


@pytest.mark.ray
@pytest.mark.usefixtures("local_ray")
def test_cluster_of_another_version_is_found(command: Command) -> None:
    address = ray.get_runtime_context().gcs_address
    program = "import ray; ray.__version__ = '2.0.0'; from raycontext.cli.main import main; main()"
    finding = cluster_findings(command, address, program=(sys.executable, "-c", program))["cluster"]
    assert finding["level"] == "fault"
    assert f"has Ray {ray.__version__}" in finding["what"]
    assert "here is Ray 2.0.0" in finding["what"]


@pytest.mark.ray
@pytest.mark.usefixtures("local_ray")
async def test_actor_that_does_not_answer_is_found(root: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", WAIT_SECONDS)
    address = ray.get_runtime_context().gcs_address

    async def actors() -> Finding:
        runtime = runtime_for(settings_of(root=root, address=address), str(root))
        found = {finding.check: finding async for finding in cluster.check_cluster(runtime, address, str(root))}
        assert found["cluster"].level == "ok"
        return found["actors"]

    async with raycontext.connect(root=root, address=address) as context:
        await context.index(source)
        fine = await actors()
        assert (fine.level, fine.what) == ("ok", "2 actors of this root run, all answer")
        (pid,) = [actor.pid for actor in (await context.status("shop")).actors if actor.name == "rc/shop"]
        monkeypatch.setattr(cluster, "ANSWER_SECONDS", 2.0)
        os.kill(pid, signal.SIGSTOP)
        try:
            finding = await actors()
        finally:
            os.kill(pid, signal.SIGCONT)
        assert finding.level == "fault"
        silent, _, limit = finding.what.partition(" did not answer within ")
        assert "rc/shop" in silent.split(", ")  # on a busy machine another one may be as late
        assert limit == "2 s"
        await context.clear("shop")
