"""How long it takes until all is well again after something was killed, on a Ray of several nodes on this machine.

    python benchmarks/recovery.py [--json FILE]

With one replica of each shard, so that what is lost is missed: the process of a search actor, a raylet during searches
and one during an index run, each killed with SIGKILL. Seconds from the kill until all answers are complete and quick
again, how many were incomplete or failed meanwhile, and how long the index run took beside one that nothing disturbed.
With two replicas: a raylet during searches. Last the head, with the package's own limit for its absence: until the
caller is told, and until the first answer of a new cluster, which is started then.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "cluster"))
os.environ.setdefault("RAY_AUTH_TOKEN", "0" * 64)
os.environ.update(RAY_AUTH_MODE="token", RAY_USAGE_STATS_ENABLED="0")

import psutil
import ray
from ray.cluster_utils import Cluster
from record import show
from scenario import OBJECT_STORE_BYTES, QUERIES, nodes_of_actors, write_source

import raycontext

COLLECTION = "bank"
WATCHED_SECONDS = 30.0
LATE_SECONDS = 1.0
"""An answer that takes longer is no sign of health."""
PAUSE_SECONDS = 0.05
NODE = {"num_cpus": 1, "object_store_memory": OBJECT_STORE_BYTES}

Figures = dict[str, Any]


def until_complete(context: raycontext.SyncContext, kill: Callable[[], object]) -> Figures:
    """Search without end from a kill on for `WATCHED_SECONDS`, in which Ray notices a lost node."""
    incomplete = failed = answers = 0
    kill()
    begun = time.monotonic()
    recovered = slowest = 0.0
    while time.monotonic() - begun < WATCHED_SECONDS:
        asked = time.monotonic()
        complete = False
        try:
            complete = context.search(QUERIES[0], collection=COLLECTION, refresh=False).complete
            incomplete += not complete
        except raycontext.RaycontextError:
            failed += 1
        took = time.monotonic() - asked
        answers, slowest = answers + 1, max(slowest, took)
        if took > LATE_SECONDS or not complete:
            recovered = time.monotonic() - begun
        time.sleep(PAUSE_SECONDS)
    return {
        "seconds_until_complete_and_quick": recovered,
        "answers": answers,
        "incomplete": incomplete,
        "failed": failed,
        "slowest_answer_seconds": slowest,
    }


def kill_search_actor(shard: int) -> None:
    """The process of a search actor that runs on this machine."""
    name = "ray::HybridSearchActor"
    found = [
        process
        for process in psutil.process_iter(["cmdline"])
        if (process.info["cmdline"] or [""])[0].startswith(name) and is_ours(process)
    ]
    found[shard % len(found)].kill()


def is_ours(process: psutil.Process) -> bool:
    return any(parent.pid == os.getpid() for parent in process.parents())


def with_nodes(folder: Path, replicas: int) -> Figures:
    """Kills of an actor and of nodes."""
    os.environ["RAYCONTEXT_REPLICAS"] = str(replicas)
    figures: Figures = {}
    source = folder / "source"
    write_source(source, range(200), repeat=20)
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    nodes = {node.node_id: node for node in (cluster.add_node(**NODE), cluster.add_node(**NODE))}
    try:
        with raycontext.connect(root=folder / "root", address=cluster.address) as context:
            context.index(source, collection=COLLECTION, num_shards=3)
            for query in QUERIES * 2:
                context.search(query, collection=COLLECTION, refresh=False)
            time.sleep(10.0)  # the other replicas start
            if replicas == 1:
                figures["search_actor"] = until_complete(context, lambda: kill_search_actor(0))
            places = [node for name, node in nodes_of_actors().items() if name.count("/") >= 2]
            lost = next(node for node in nodes if node in places)
            figures["raylet_during_search"] = until_complete(
                context, lambda: cluster.remove_node(nodes.pop(lost), allow_graceful=False)
            )
            if replicas == 1:
                cluster.add_node(**NODE)
                figures["index"] = index_with_loss(context, cluster, folder, nodes.popitem()[1])
    finally:
        ray.shutdown()
        cluster.shutdown()
    return figures


def index_with_loss(context: raycontext.SyncContext, cluster: Cluster, folder: Path, lost: Any) -> Figures:
    large = folder / "large"
    write_source(large, range(600), repeat=60)
    undisturbed = context.index(large, collection="undisturbed").seconds
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(context.index, large, collection="disturbed")
        while (progress := context.progress("disturbed")) is None or progress.stage != "indexing":
            if running.done():
                raise SystemExit("the run was over before a node could be killed")
        cluster.remove_node(lost, allow_graceful=False)
        report = running.result()
    damage = sum(len(found.damage) for found in context.verify("disturbed", deep=True))
    return {
        "undisturbed_seconds": undisturbed,
        "seconds_with_loss": report.seconds,
        "files": report.files,
        "damage": damage,
    }


def with_head(folder: Path) -> Figures:
    script = Path(__file__).resolve().parents[1] / "tests" / "cluster" / "head_scenario.py"
    done = subprocess.run([sys.executable, str(script), str(folder)], stdout=subprocess.PIPE, text=True, check=True)
    seen = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("seen:")).removeprefix("seen:"))
    return {
        "told_seconds": seen["index_seconds"],
        "first_answer_of_new_cluster_seconds": seen["first_answer_seconds"],
        "damage": seen["damage"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as temporary:
        for replicas in (1, 2):
            folder = Path(temporary, f"replicas-{replicas}")
            folder.mkdir()
            figures[f"replicas_{replicas}"] = with_nodes(folder, replicas)
            sys.stderr.write(json.dumps(figures) + "\n")
        folder = Path(temporary, "head")
        folder.mkdir()
        figures["head"] = with_head(folder)
    show(figures, arguments.json)


if __name__ == "__main__":
    main()
