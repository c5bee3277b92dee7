"""Searches from the node of the head while the network of the other node is cut. Prints what was seen as JSON for
`test_network_namespaces.py`, which runs it in the network namespace of the head.

    python tests/cluster/network_scenario.py FOLDER ADDRESS COMMAND…

COMMAND cuts the network.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import ray
from scenario import QUERIES, places_of_shards, write_source

import raycontext
from raycontext.models.hits import Hits
from tests.waiting import until

SHARDS = 2
FILES = 40
SEARCHES_AFTER = 8


def summary(hits: Hits) -> list[Any]:
    return [hits.shards_answered, hits.shards_total, [[hit.path, hit.start_line] for hit in hits]]


def listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def alive() -> list[str]:
    """Addresses of the nodes."""
    return sorted(node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"])


def scenario(folder: Path, address: str, cut: list[str]) -> dict[str, Any]:
    source = folder / "source"
    write_source(source, range(FILES), repeat=5)
    seen: dict[str, Any] = {}
    until(lambda: listens(address))
    with raycontext.connect(root=folder / "root", address=address) as context:
        until(lambda: len(alive()) == 2)
        seen["addresses"] = alive()
        seen["files"] = context.index(source, collection="bank", num_shards=SHARDS).files
        seen["before"] = summary(context.search(QUERIES[0], collection="bank", refresh=False))
        until(lambda: len(places_of_shards()) == 2 * SHARDS)
        places = places_of_shards()
        seen["nodes_of_replicas"] = [len({places[f"rc/bank/{n}"], places[f"rc/bank/{n}/1"]}) for n in range(SHARDS)]
        context.search(QUERIES[0], collection="bank", refresh=False)

        running = threading.Thread(target=subprocess.run, args=(cut,), kwargs={"check": True})
        running.start()
        answers = []
        after = 0
        while after < SEARCHES_AFTER:
            after += not running.is_alive()
            answers.append(summary(context.search(QUERIES[0], collection="bank", refresh=False)))
        seen["answers"] = answers
    return seen


if __name__ == "__main__":
    print("seen:" + json.dumps(scenario(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])), flush=True)
