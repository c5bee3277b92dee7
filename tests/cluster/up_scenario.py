"""`ray up cluster.yaml` as its comment says, an index and a search on the cluster, and `ray down`. Prints what was seen
as JSON for `test_ray_up.py`, which runs it in namespaces of its own.

    python tests/cluster/up_scenario.py FOLDER

FOLDER has `cluster.yaml` and `dist/`, as the repository after `make wheels`.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from hosts import SHARED, Host, hosts, run, ssh
from scenario import write_source

RAY = (sys.executable, "-m", "ray.scripts.scripts")
FILES = 20
TRIES = 5
"""Number of tries of `ray up`: on a busy machine Ray gives up after 30 s, whatever one sets."""
BOTH_NODES = """
import time, ray
ray.init("auto", logging_level="ERROR")
while sum(node["Alive"] for node in ray.nodes()) < 2:
    time.sleep(0.5)
"""
"""Program that ends when the worker has come, which the head starts by SSH."""


def configured(text: str, head: Host, worker: Host, key: Path) -> str:
    """The file with what a user replaces in it."""
    for written, meant in (
        ("HEAD_HOST", head.address),
        ("[WORKER_HOST_1, WORKER_HOST_2]", f"[{worker.address}]"),
        ("min_workers: 2", "min_workers: 1"),
        ("max_workers: 2", "max_workers: 1"),
        ("~/.ssh/id_ed25519", str(key)),
        ("/shared/", f"{SHARED}/"),
    ):
        assert written in text, written
        text = text.replace(written, meant)
    return text


def ray(office: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Ray in the folder of the file, as its user does."""
    return subprocess.run([*RAY, *command], cwd=office, capture_output=True, text=True, check=False)


def scenario(office: Path) -> dict[str, Any]:
    folder = office.parent
    home, shared, key = folder / "home", folder / "shared", folder / "key"
    for place in (home, shared / "source", folder / "t"):
        place.mkdir(parents=True)
    write_source(shared / "source", range(FILES))
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    os.environ.update(HOME=str(home), RAY_TMPDIR=str(folder / "t"), RAY_USAGE_STATS_ENABLED="0")
    del os.environ["RAY_AUTH_TOKEN"]  # the token shall be that of the file
    seen: dict[str, Any] = {}
    with hosts(folder, shared, key, 2) as (head, worker):

        def on_head(command: str) -> Any:
            """The JSON that a command of raycontext prints on the head."""
            asked = f"RAY_AUTH_MODE=token ~/raycontext-0.1.0/bin/raycontext {command}"
            done = subprocess.run(ssh(head.address, key, asked), capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr + done.stdout
            return json.loads(done.stdout[done.stdout.index("{") :])

        file = office / "cluster.yaml"
        file.write_text(configured(file.read_text(), head, worker, key))
        up = ("up", "--yes", "--no-config-cache", "cluster.yaml")
        refused = ray(office, *up)
        seen["without_token"] = [refused.returncode != 0, "auth_token" in refused.stdout + refused.stderr]
        run(*RAY, "get-auth-token", "--generate")
        done = ray(office, *up)
        for _ in range(TRIES - 1):
            if done.returncode and "timed out during startup" in done.stdout + done.stderr:
                done = ray(office, *up)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]

        at = f"--address {head.address}:6379 --root {SHARED}/raycontext"
        python = "RAY_AUTH_MODE=token ~/raycontext-0.1.0/bin/python"
        run(*ssh(head.address, key, f"{python} -c {shlex.quote(BOTH_NODES)}"))
        seen["indexed"] = on_head(f"index {SHARED}/source {at} --json")["files"]
        found = on_head(f"search 'charge a card' --collection source {at} --json")
        seen["found"] = [hit["path"] for hit in found["hits"]][:1]
        seen["token_mode"] = [oct((host.home / ".ray/auth_token").stat().st_mode & 0o777) for host in (head, worker)]
        seen["wheel_on"] = [len(list((host.home / "raycontext-dist").glob("*.whl"))) for host in (head, worker)]

        down = ray(office, "down", "--yes", "cluster.yaml")
        seen["down"] = down.returncode
    return seen


if __name__ == "__main__":
    print("seen:" + json.dumps(scenario(Path(sys.argv[1]))), flush=True)
