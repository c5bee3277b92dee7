"""A cluster that grows from one node to three for an index run, and back. Prints what was seen as JSON for
`test_growth.py`, which runs it in namespaces of its own.

    python tests/cluster/growth_scenario.py FOLDER
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="0" * 64, RAY_USAGE_STATS_ENABLED="0")

import ray
from ray.cluster_utils import AutoscalingCluster
from scenario import QUERIES, write_source

import raycontext
from raycontext.runtime.ray_nodes import usable_nodes
from tests.waiting import until

ADDRESS = "127.0.0.1:6379"
OBJECT_STORE_BYTES = 80 << 20
FILE_BYTES = 50_000
FILES, SHARDS = 24, 8
"""Each shard is worked on by a task of its own."""


def write_large(folder: Path) -> None:
    for number in range(FILES):
        line = f"page {number} of the long book about ledgers and banks\n"
        (folder / f"book_{number}.txt").write_text(line * (FILE_BYTES // len(line)))


def answer(context: raycontext.SyncContext) -> list[Any]:
    hits = context.search(QUERIES[1], collection="bank", limit=3, refresh=False)
    return [hits.shards_answered, hits.shards_total, [hit.path for hit in hits]]


class FakeCloud(AutoscalingCluster):
    """Ray's cluster for tests of its autoscaler. Ray's wheels lack the file that its own configuration begins with."""

    def _generate_config(self, head: dict[str, Any], kinds: dict[str, Any], **options: Any) -> dict[str, Any]:
        kinds["ray.head.default"] = {"resources": head, "node_config": {}, "max_workers": 0}
        return {
            "cluster_name": "fake",
            "max_workers": 2,
            "provider": {
                "type": "fake_multinode",
                "use_node_id_as_ip": True,
                "disable_node_updaters": True,
                "disable_launch_config_check": True,
            },
            "available_node_types": kinds,
            "head_node_type": "ray.head.default",
            "upscaling_speed": 10.0,
            "idle_timeout_minutes": 0.05,
            "auth": {},
            "file_mounts": {},
            "cluster_synced_files": [],
            "file_mounts_sync_continuously": False,
            "rsync_exclude": [],
            "rsync_filter": [],
            **{f"{kind}_commands": [] for kind in ("initialization", "setup", "head_setup", "worker_setup")},
            **{f"{kind}_start_ray_commands": [] for kind in ("head", "worker")},
        }

    def start(self, _system_config: Any = None, override_env: dict[str, str] | None = None) -> None:
        """Start the head, without dashboard. On a busy machine Ray gives up after 30 s; it is started again then."""
        file = Path(os.environ["TMPDIR"], "cloud.json")
        file.write_text(json.dumps(self._config))
        node = ("--num-cpus=1", f"--object-store-memory={OBJECT_STORE_BYTES}", "--include-dashboard=false")
        command = ["ray", "start", "--head", "--port=6379", f"--autoscaling-config={file}", *node]
        environment = {
            **os.environ,
            "AUTOSCALER_UPDATE_INTERVAL_S": "1",
            "RAY_FAKE_CLUSTER": "1",
            **(override_env or {}),
        }

        def started() -> bool:
            subprocess.run(["ray", "stop", "--force"], check=True)
            return subprocess.run(command, env=environment, check=False).returncode == 0

        until(started)


class Noted:
    """What index tasks have noted of themselves; see held/sitecustomize.py."""

    def __init__(self, file: Path) -> None:
        self.file, self.hold = file, file.with_suffix(".hold")
        self.file.touch()

    def tasks(self) -> list[str]:
        """The node of each index task so far."""
        nodes = dict(reversed(line.split()) for line in self._lines() if not line.startswith("places"))
        return list(nodes.values())

    def places(self) -> str:
        """What the Coordinator has last noted of its places."""
        return next((line for line in reversed(self._lines()) if line.startswith("places")), "")

    def _lines(self) -> list[str]:
        return self.file.read_text().splitlines()


def drain(node: str) -> None:
    reason = ("--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "goes")
    subprocess.run(["ray", "drain-node", "--address", ADDRESS, "--node-id", node, *reason], check=True)


def nodes() -> list[str]:
    return [node["NodeID"] for node in usable_nodes()]


def scenario(folder: Path) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    source, books, noted = folder / "source", folder / "books", Noted(folder / "tasks")
    books.mkdir()
    os.environ["HELD_TASKS"] = str(noted.file)
    held = str(Path(__file__).with_name("held"))
    write_source(source, range(20))
    worker = {"resources": {"CPU": 1, "object_store_memory": OBJECT_STORE_BYTES}, "node_config": {}}
    cluster = FakeCloud(
        head_resources={"CPU": 1, "object_store_memory": OBJECT_STORE_BYTES},
        worker_node_types={"worker": {**worker, "min_workers": 0, "max_workers": 2}},
    )
    cluster.start(override_env={"PYTHONPATH": os.pathsep.join((held, os.environ["PYTHONPATH"]))})
    try:
        with raycontext.connect(root=folder / "root", address=ADDRESS) as context, ThreadPoolExecutor(2) as threads:
            context.index(source, collection="bank")
            seen["nodes"] = [len(nodes())]
            seen["before"] = answer(context)

            write_large(books)
            noted.hold.touch()
            begun = len(noted.tasks())
            running = threads.submit(context.index, books, num_shards=SHARDS)
            seen["used"] = len(until(lambda: (found := set(noted.tasks()[begun:])) and len(found) == 3 and found))
            seen["nodes"].append(len(nodes()))
            seen["while_indexing"] = [answer(context) for _ in range(3)]

            head = ray.get_runtime_context().get_node_id()
            drained = next(node for node in nodes() if node != head)
            drain(drained)
            seen["nodes"].append(len(nodes()))
            until(lambda: noted.places() == "places 2")
            begun = len(noted.tasks())
            noted.hold.unlink()
            searched = [answer(context)]
            while not running.done():
                searched.append(answer(context))
            seen["while_drained"] = [found for found in searched if found != seen["before"]]
            report = running.result()
            seen["report"] = [report.files, report.skipped, report.pending_files]
            seen["after_drain"] = noted.tasks()[begun:].count(drained)

            until(lambda: len([node for node in ray.nodes() if node["Alive"]]) == 1)
            seen["nodes"].append(len(nodes()))
            seen["after"] = answer(context)
            seen["verified"] = [len(report.damage) for report in context.verify("books", deep=True)]
    finally:
        ray.shutdown()
        cluster.shutdown()
    return seen


if __name__ == "__main__":
    print("seen:" + json.dumps(scenario(Path(sys.argv[1]))), flush=True)
