"""`raycontext batch` as a process: reports, exit codes, a run that is killed or interrupted."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import raycontext
from raycontext import BatchReport

from ..conftest import write_tree
from ..repositories import commit
from ..waiting import WAIT_SECONDS
from .conftest import Command

pytestmark = pytest.mark.process

SOURCES = 8


SSH = """#!/bin/sh
while [ -e {gate} ]; do sleep 0.05; done
for asked; do :; done
exec sh -c "$asked"
"""
"""Stands in for ssh: runs on this machine what git asks for, as soon as there is no file `gate`."""


@pytest.fixture
def repositories(command: Command, tmp_path: Path) -> Path:
    """A list of some repositories, the later ones more urgent; the last one to be fetched is behind a gate."""
    sources: list[dict[str, Any]] = []
    for number in range(SOURCES):
        place = tmp_path / f"up/r{number}"
        commit(place, {"a.py": f"def handler_{number}():\n    return {number}\n"})
        sources.append({"git": place.as_uri() if number else f"git@example.org:{place}", "priority": number})
    ssh = tmp_path / "ssh"
    ssh.write_text(SSH.format(gate=tmp_path / "gate"))
    ssh.chmod(0o700)
    command.variables.update(GIT_SSH_COMMAND=str(ssh), GIT_SSH_VARIANT="simple")
    return listed(tmp_path, sources=sources, concurrency=1)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """As long as it exists, a batch does not come to its end."""
    place = tmp_path / "gate"
    place.touch()
    yield place
    place.unlink(missing_ok=True)


def listed(place: Path, **content: Any) -> Path:
    path = place / "repos.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(("broken", "code"), [((), 0), (("b",), 8), (("a", "b"), 9)])
def test_exit_code_tells_whether_all_some_or_none_succeeded(
    command: Command, tmp_path: Path, broken: tuple[str, ...], code: int
) -> None:
    for name in {"a", "b"} - set(broken):
        write_tree(tmp_path / name, {"x.py": "x = 1\n"})
    path = listed(tmp_path, sources=[{"folder": "a"}, {"folder": "b"}])
    done = command("batch", path, "--runtime", "inline")
    assert done.returncode == code, done.stderr
    assert done.stdout.splitlines()[-1].startswith(f"run 1: {2 - len(broken)} of 2 sources up to date in ")
    head, *lines = [line for line in done.stdout.splitlines() if line.strip() and "─" not in line]
    assert head.split()[:2] == ["state", "collection"]
    assert [line.split()[:2] for line in lines if line.split()[0] in ("indexed", "failed")] == [
        ["failed" if name in broken else "indexed", name] for name in ("a", "b")
    ]
    assert sorted(line.split(":")[0] for line in done.stderr.splitlines()) == sorted(
        f"{'failed' if name in broken else 'indexed'} {name}" for name in ("a", "b")
    )


def test_json_report_is_all_that_stdout_holds(command: Command, tmp_path: Path) -> None:
    commit(tmp_path / "up", {"x.py": "x = 1\n"})
    path = listed(tmp_path, sources=[{"git": (tmp_path / "up").as_uri(), "collection": "up"}])
    report = BatchReport.model_validate_json(command("batch", path, "--runtime", "inline", "--json").stdout)
    (outcome,) = report.outcomes
    assert (outcome.state, outcome.collection, report.succeeded) == ("indexed", "up", "all")
    assert outcome.report is not None
    assert outcome.report.files == 1


def test_dry_run_shows_what_would_be_done_and_does_nothing(command: Command, repositories: Path) -> None:
    done = command("batch", repositories, "--dry-run", "--only", "r[4-6]", "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert [(entry["collection"], entry["action"]) for entry in plan] == [
        ("r6", "index"),
        ("r5", "index"),
        ("r4", "index"),
    ]
    assert not command.root.exists()
    assert command("batch", repositories, "--only", "r4", "--runtime", "inline").returncode == 0
    shown = command("batch", repositories, "--dry-run", "--only", "r[4-6]").stdout
    assert {tuple(line.split()[:2]) for line in shown.splitlines()} >= {("update", "r4"), ("index", "r6")}


def test_wrong_list_is_wrong_use(command: Command, tmp_path: Path) -> None:
    for path, words in (
        (listed(tmp_path, sources=[{"folder": "a", "shards": "many"}]), ("sources[0] (a)", "shards")),
        (tmp_path / "gone.yaml", ("gone.yaml cannot be read",)),
    ):
        done = command("batch", path)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert all(word in line for word in words)
    path = listed(tmp_path, sources=[{"folder": "a"}])
    assert "like 'z'" in command("batch", path, "--only", "z").stderr
    assert "--address http://" in command("batch", path, "--submit").stderr
    assert command("batch", path, "--submit", "--address", "http://127.0.0.1:9").returncode == 7


def test_names_from_the_list_cannot_control_the_terminal(command: Command, tmp_path: Path) -> None:
    path = listed(tmp_path, sources=[{"folder": "x\x1b[31m\u202ey", "collection": "x"}])
    done = command("batch", path, "--runtime", "inline")
    assert done.returncode == 9
    assert "\x1b" not in done.stdout + done.stderr
    assert "\u202e" not in done.stdout + done.stderr


def test_killed_batch_goes_on_where_it_was(command: Command, repositories: Path, gate: Path) -> None:
    with command.start("batch", repositories, "--runtime", "inline") as process:
        assert process.stderr is not None
        told = [process.stderr.readline() for _ in range(3)]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    gate.unlink()
    assert [line.split(":")[0] for line in told] == ["indexed r7", "indexed r6", "indexed r5"]
    with raycontext.connect(root=command.root, runtime="inline") as context:
        assert context.search("handler_7", collection="r7")
    report = BatchReport.model_validate_json(command("batch", repositories, "--runtime", "inline", "--json").stdout)
    assert (report.run, report.succeeded) == (1, "all")
    earlier = [outcome.collection for outcome in report.outcomes if outcome.earlier]
    assert earlier[:3] == ["r7", "r6", "r5"]
    assert len(earlier) < SOURCES
    commit(repositories.parent / "up/r3", {"b.py": "def later():\n    return 1\n"})
    again = BatchReport.model_validate_json(command("batch", repositories, "--runtime", "inline", "--json").stdout)
    assert again.run == 2
    changed = {outcome.collection for outcome in again.outcomes if outcome.state == "indexed"}
    assert changed == {"r3"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_ends_it_with_the_report_so_far(
    command: Command, repositories: Path, gate: Path, number: signal.Signals
) -> None:
    with command.start("batch", repositories, "--runtime", "inline", "--json") as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "interrupted; what was committed stays"
    report = BatchReport.model_validate_json(stdout)
    assert report.interrupted
    assert len(report.outcomes) == SOURCES
    assert report.outcomes[0].state == "indexed"
    assert report.outcomes[-1].state == "interrupted"
    assert not command.remaining()
    gate.unlink()
    assert command("batch", repositories, "--runtime", "inline").returncode == 0
