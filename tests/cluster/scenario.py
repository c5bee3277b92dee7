"""A collection on a Ray of several nodes, of which some are lost. Prints what was seen as JSON for `test_cluster.py`.

    python tests/cluster/scenario.py FOLDER

A process of its own, since a process can use one Ray at a time.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_AUTH_TOKEN", "0" * 64)
os.environ.update(RAY_AUTH_MODE="token", RAY_USAGE_STATS_ENABLED="0", RAYCONTEXT_REPLICAS="2")
os.environ.update(RAYCONTEXT_EMBEDDER_ACTORS="2", RAYCONTEXT_EMBEDDER_GPUS="0.5")

import ray
from ray.cluster_utils import Cluster

import raycontext
from raycontext.models.hits import Hits
from tests.unit.embed.model_folders import vectors, write_onnx
from tests.waiting import until

OBJECT_STORE_BYTES = 100 << 20
SHARDS = 3
METRICS = tuple(
    f"raycontext_{name}"
    for name in ("search_seconds_count", "commit_seconds_count", "segments", "indexed_files_total", "resident_bytes")
)
QUERIES = ("charge a card at the bank", "charge_card", "sum of the entries of a branch", "ledger balance")

FUNCTION = '''
def charge_card_{number}(card, amount):
    """Charge a card of bank {number} with an amount."""
    if amount > card.limit_{number}:
        raise CardDeclined(card.number)
    return card.bank.transfer(amount)


class Ledger{number}:
    """The ledger of branch {number}."""

    def balance(self):
        return sum(entry.amount for entry in self.entries_{number})
'''


def write_source(folder: Path, numbers: range, repeat: int = 1) -> None:
    for number in numbers:
        place = folder / f"d{number % 7}" / f"bank_{number}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("\n".join(FUNCTION.format(number=number * 100 + part) for part in range(repeat)))


def answers(context: raycontext.SyncContext, collection: str) -> list[list[tuple[str, int, float]]]:
    found = [context.search(query, collection=collection, limit=5) for query in QUERIES]
    assert all(hits.complete for hits in found)
    return [[(hit.path, hit.start_line, round(hit.score, 9)) for hit in hits] for hits in found]


def completeness(hits: Hits) -> tuple[int, int]:
    return hits.shards_answered, hits.shards_total


def nodes_of_actors() -> dict[str, str]:
    """The node of each living actor, by name."""
    table: dict[str, Any] = ray._private.state.state.actor_table(None)
    return {actor["Name"]: actor["Address"]["NodeID"] for actor in table.values() if actor["State"] == "ALIVE"}


def counted(places: dict[str, str], wanted: int) -> Counter[str]:
    """Number of actors on each node, as soon as there are as many as wanted."""
    return Counter(places.values()) if len(places) == wanted else Counter()


def places_of_shards() -> dict[str, str]:
    """The node of each search actor, by name."""
    return {name: node for name, node in nodes_of_actors().items() if name.count("/") >= 2}


def places_of_all_shards() -> dict[str, str]:
    """The node of each search actor, by name, as soon as all of them live."""
    places = places_of_shards()
    return places if len(places) == 2 * SHARDS else {}


def exported_metrics(wanted: Collection[str]) -> list[str]:
    """Names of our metrics that the nodes export, as soon as all of `wanted` are among them."""
    found: set[str] = set()

    def complete() -> bool:
        for node in ray.nodes():
            address = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
            with suppress(OSError), urllib.request.urlopen(address, timeout=60) as answer:
                found.update(re.findall(r"^ray_raycontext_\w+", answer.read().decode(), re.MULTILINE))
        return found >= {f"ray_{name}" for name in wanted}

    until(complete, pause=0.2)
    return sorted(found)


def embedders_while_indexing(context: raycontext.SyncContext, folder: Path, node: str) -> dict[str, Any]:
    """Whether all actors that run a model lie on a node, how many there are, and what they embedded."""
    write_source(folder / "modelled", range(20))
    model = write_onnx(folder / "model", vectors(16), special=True)
    places: dict[str, str] = {}
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(context.index, folder / "modelled", embedder=f"onnx:{model}")
        while not running.done():
            places.update((name, on) for name, on in nodes_of_actors().items() if name.startswith("rc-embedder"))
            time.sleep(0.05)
    report = running.result()
    # A task that is lost after it has stored vectors finds them again in its next try.
    texts = report.embedded_texts + report.reused_vectors
    left = [name for name in nodes_of_actors() if name.startswith("rc-embedder")]
    return {"actors": len(places), "there": set(places.values()) == {node}, "texts": texts, "left": left}


def until_recovered(context: raycontext.SyncContext, collection: str) -> list[list[tuple[str, int, float]]]:
    """The answers as soon as all shards give them."""

    def recovered() -> list[list[tuple[str, int, float]]]:
        try:
            return answers(context, collection)
        except (AssertionError, raycontext.RuntimeUnavailable):
            return []

    return until(recovered)


def scenario(folder: Path) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    source, root = folder / "source", folder / "root"
    write_source(source, range(60))
    with raycontext.connect(root=folder / "inline", runtime="inline") as alone:
        alone.index(source, collection="one", num_shards=1)
        seen["expected"] = answers(alone, "one")

    options = {"num_cpus": 1, "object_store_memory": OBJECT_STORE_BYTES, "include_log_monitor": False}
    cluster = Cluster(initialize_head=True, head_node_args={**options, "include_dashboard": False, "no_monitor": True})
    lost, other = cluster.add_node(**options), cluster.add_node(**options)
    try:
        with raycontext.connect(root=root, address=cluster.address) as context:
            seen["sharded"] = context.index(source, collection="bank", num_shards=SHARDS).files
            seen["answers"] = answers(context, "bank")
            places = until(places_of_all_shards)
            seen["actors"] = len(places)
            seen["apart"] = [places[f"rc/bank/{n}"] != places[f"rc/bank/{n}/1"] for n in range(SHARDS)]
            seen["on_lost_node"] = list(places.values()).count(lost.node_id)
            for number in range(3):
                write_source(folder / f"small-{number}", range(1))
                context.index(folder / f"small-{number}", collection=f"small-{number}")
                context.search(QUERIES[0], collection=f"small-{number}", refresh=False)
            # One Coordinator, a VectorStoreActor for each collection, and the replicas of the shards.
            by_node = until(lambda: counted(nodes_of_actors(), 1 + 4 + 2 * SHARDS + 3 * 2))
            seen["by_node"] = sorted(by_node.values())

            seen["metrics"] = exported_metrics(METRICS)

            cluster.remove_node(lost, allow_graceful=False)  # SIGKILL
            hits = context.search(QUERIES[0], collection="bank", limit=5)
            seen["during_loss"] = completeness(hits)
            seen["during_loss_answer"] = [(hit.path, hit.start_line, round(hit.score, 9)) for hit in hits]
            seen["after_loss"] = until_recovered(context, "bank")

            # A node is lost in the middle of an index run, another one comes.
            write_source(source, range(60, 400), repeat=20)
            with ThreadPoolExecutor(1) as threads:
                running = threads.submit(context.index, source, collection="bank")
                while (progress := context.progress("bank")) is None or progress.stage != "indexing":
                    assert not running.done(), running.result()
                cluster.remove_node(other, allow_graceful=False)
                with_gpu = cluster.add_node(**options, num_gpus=1)  # Ray believes it
                report = running.result()
                seen["index_after_loss"] = [report.files, report.skipped, report.pending_files]
            seen["grown"] = until_recovered(context, "bank")
            seen["on_gpu"] = embedders_while_indexing(context, folder, with_gpu.node_id)
            seen["verified"] = [len(report.damage) for report in context.verify("bank", deep=True)]
        with raycontext.connect(root=folder / "fresh", runtime="inline") as alone:
            alone.index(source, collection="one", num_shards=1)
            seen["grown_expected"] = answers(alone, "one")
    finally:
        ray.shutdown()
        cluster.shutdown()
    return seen


if __name__ == "__main__":
    print("seen:" + json.dumps(scenario(Path(sys.argv[1]))))
