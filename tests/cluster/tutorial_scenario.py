"""Run the commands of the tutorial about clusters on a Ray of three nodes. Prints what each printed, as JSON.

    python -m tests.cluster.tutorial_scenario FOLDER

A process of its own, since a process can use one Ray at a time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.pages import commands_of

REPOSITORY = Path(__file__).resolve().parents[2]

PAGE = "docs/tutorials/cluster.md"
EXAMPLE = 'python examples/cluster_search.py HEAD:6379 /shared/index /shared/shop "where are sessions kept?"'


def scenario(folder: Path) -> list[tuple[str, str, int]]:
    """Return each command of the page with what it printed and its exit code."""
    from ray.cluster_utils import Cluster

    from raycontext.runtime.small_ray import SMALL, without_helpers

    shared = folder / "shared"
    shutil.copytree(REPOSITORY / "examples/shop", shared / "shop")
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    options = {"num_cpus": 1, "object_store_memory": 100 << 20}
    with without_helpers():
        cluster = Cluster(initialize_head=True, head_node_args={**options, "_system_config": SMALL})
        for _ in range(2):
            cluster.add_node(**options)
    seen = []
    try:
        for line in [*(command.line for command in commands_of(PAGE)), EXAMPLE]:
            real = line.replace("HEAD:6379", cluster.address).replace("/shared", str(shared))
            done = subprocess.run(
                ["bash", "-c", real], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=False, timeout=600
            )
            # Paths are shown relative to the checkout where that is shorter, which depends on where it lies.
            shown = done.stdout.replace(os.path.relpath(shared, REPOSITORY), str(shared))
            told = shown.replace(str(shared), "/shared").replace(cluster.address, "HEAD:6379")
            seen.append((line, told, done.returncode))
    finally:
        cluster.shutdown()
    return seen


if __name__ == "__main__":
    os.environ.setdefault("RAY_AUTH_TOKEN", "0" * 64)
    os.environ.update(RAY_AUTH_MODE="token", RAY_USAGE_STATS_ENABLED="0", RAYCONTEXT_DAEMON="off", COLUMNS="120")
    os.environ.pop("RAYCONTEXT_RUNTIME", None)
    print(json.dumps(scenario(Path(sys.argv[1]).resolve())))
