"""A cluster with a node of an older raycontext. Prints what was seen as JSON for `test_versions.py`.

python tests/cluster/versions_scenario.py FOLDER
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_AUTH_TOKEN", "0" * 64)
os.environ.update(RAY_AUTH_MODE="token", RAY_USAGE_STATS_ENABLED="0")

import ray
from ray.cluster_utils import Cluster

import raycontext
from raycontext.diagnosis.cluster import check_cluster
from raycontext.sdk.connection import runtime_for, settings_of

OPTIONS = {"num_cpus": 1, "object_store_memory": 100 << 20}
OLDER = str(Path(__file__).with_name("older"))


async def faults(address: str, root: Path) -> list[str]:
    """What `doctor` says is wrong."""
    runtime = runtime_for(settings_of(root=root, address=address), str(root))
    found = [finding async for finding in check_cluster(runtime, address, str(root))]
    return [finding.what for finding in found if finding.level == "fault"]


def refused(context: raycontext.SyncContext, source: Path) -> str:
    try:
        context.index(source)
    except raycontext.VersionsDiffer as error:
        return str(error)
    return ""


def scenario(folder: Path) -> dict[str, Any]:
    source, root = folder / "source", folder / "root"
    source.mkdir()
    root.mkdir()
    (source / "card.py").write_text("def charge_card(card):\n    return card\n")
    cluster = Cluster(initialize_head=True, head_node_args={**OPTIONS, "include_dashboard": False})
    try:
        with raycontext.connect(root=root, address=cluster.address) as context:
            seen: dict[str, Any] = {"files": context.index(source).files}
            seen["healthy"] = asyncio.run(faults(cluster.address, root))
        python_path = os.pathsep.join((OLDER, os.environ.get("PYTHONPATH", "")))
        older = cluster.add_node(**OPTIONS, env_vars={"PYTHONPATH": python_path})
        (source / "bank.py").write_text("def transfer(bank):\n    return bank\n")
        with raycontext.connect(root=root, address=cluster.address) as context:
            seen["refused"] = refused(context, source)
            seen["faults"] = asyncio.run(faults(cluster.address, root))
        cluster.remove_node(older)
        with raycontext.connect(root=root, address=cluster.address) as context:
            seen["files_after"] = context.index(source).files
    finally:
        ray.shutdown()
        cluster.shutdown()
    return seen


if __name__ == "__main__":
    print("seen:" + json.dumps(scenario(Path(sys.argv[1]))))
