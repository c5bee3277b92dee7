"""The head of a cluster is lost, and the cluster started again. Prints what was seen as JSON for `test_lost_head.py`.

    python tests/cluster/head_scenario.py FOLDER [SECONDS]

SECONDS: how long the head that was killed may be away until it counts as lost; the default is the package's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

os.environ.setdefault("RAY_AUTH_TOKEN", "0" * 64)
os.environ.update(RAY_AUTH_MODE="token", RAY_USAGE_STATS_ENABLED="0")

import raycontext
from raycontext.runtime import ray_head

HEAD = """
import sys
from ray.cluster_utils import Cluster
from raycontext.runtime.small_ray import SMALL, without_helpers

options = {"num_cpus": 1, "object_store_memory": 100 << 20, "_system_config": SMALL}
with without_helpers():
    cluster = Cluster(initialize_head=True, head_node_args=options)
print("address:" + cluster.address, flush=True)
sys.stdin.read()
"""
QUERY = "charge a card"
PATIENT_SECONDS = ray_head.HEAD_LOST_SECONDS


@contextmanager
def head() -> Iterator[tuple[str, psutil.Process]]:
    """Address of a cluster of one node, and the process of its head; all of it is killed in the end."""
    command = [sys.executable, "-c", HEAD]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    started = psutil.Process(process.pid)
    try:
        address = next(line for line in iter(process.stdout.readline, b"") if line.startswith(b"address:"))
        control = next(child for child in started.children(recursive=True) if child.name() == "gcs_server")
        yield address.decode().strip().removeprefix("address:"), control
    finally:
        every = [started, *started.children(recursive=True)]
        for each in every:
            each.kill()
        process.communicate()
        psutil.wait_procs(every)


def outcome(work: Callable[[], object]) -> tuple[str, float]:
    """What an operation raises, or "", and how long it took."""
    begun = time.monotonic()
    try:
        work()
    except raycontext.RaycontextError as error:
        return f"{type(error).__name__}: {error}", time.monotonic() - begun
    return "", time.monotonic() - begun


def scenario(folder: Path, lost_seconds: float) -> dict[str, Any]:
    source, root = folder / "source", folder / "root"
    source.mkdir()
    for number in range(20):
        (source / f"card_{number}.py").write_text(f"def charge_card_{number}(card):\n    card.charge({number})\n")
    seen: dict[str, Any] = {}
    with head() as (address, control), raycontext.connect(root=root, address=address) as context:
        report = context.index(source, collection="bank")
        seen["acknowledged"] = [report.version, report.files]
        seen["before"] = [[hit.path, hit.score] for hit in context.search(QUERY, collection="bank")]
        control.kill()
        while control.is_running() and control.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.05)
        ray_head.HEAD_LOST_SECONDS = ray_head.LOOK_SECONDS = lost_seconds
        # A search whose actors are known needs no head.
        found = context.search(QUERY, collection="bank", refresh=False)
        seen["without_head"] = [[hit.path, hit.score] for hit in found]
        (source / "new.py").write_text("def refund(card):\n    card.pay()\n")
        lost = time.monotonic()
        seen["index"], seen["index_seconds"] = outcome(lambda: context.index(source, collection="bank"))
        seen["afterwards"], _ = outcome(lambda: context.search(QUERY, collection="bank"))
    ray_head.HEAD_LOST_SECONDS = PATIENT_SECONDS
    with head() as (address, _), raycontext.connect(root=root, address=address) as context:
        seen["recovery_seconds"] = time.monotonic() - lost
        found = context.search(QUERY, collection="bank", refresh=False)
        seen["after"] = [[hit.path, hit.score] for hit in found]
        seen["first_answer_seconds"] = time.monotonic() - lost
    with raycontext.connect(root=root, runtime="inline") as context:
        seen["damage"] = [len(report.damage) for report in context.verify("bank", deep=True)]
        seen["files"] = context.index(source, collection="bank").files
        seen["new"] = [hit.path for hit in context.search("refund", collection="bank", limit=1)]
    return seen


if __name__ == "__main__":
    allowed = float(sys.argv[2]) if len(sys.argv) > 2 else PATIENT_SECONDS
    print("seen:" + json.dumps(scenario(Path(sys.argv[1]), allowed)))
