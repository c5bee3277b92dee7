"""Run the examples that work on a Ray, and take traces of a local Ray. Prints what each printed, as JSON.

    python -m tests.cluster.examples_scenario FOLDER [data] [serve]

A process of its own, since a process can use one Ray at a time.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
QUESTIONS = ("where are sessions kept?", "how is a payment taken?")
SECONDS = 600


def example(name: str, *arguments: str) -> list[str]:
    return [sys.executable, str(REPOSITORY / "examples" / name), *arguments]


def data(address: str, root: str, folder: Path) -> str:
    """Return what the example of Ray Data prints."""
    (folder / "questions.txt").write_text("\n".join(QUESTIONS))
    command = example("ray_data_search.py", address, root, str(folder / "questions.txt"), "shop")
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=SECONDS).stdout


def posted(url: str, asked: dict[str, Any]) -> tuple[int, Any]:
    """Return status and JSON of an answer."""
    request = urllib.request.Request(url, json.dumps(asked).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def served(address: str, root: str) -> list[tuple[int, Any]]:
    """Return the answers of the example of Ray Serve: to a question, and to one that is wrong."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = example("serve_search.py", address, root, "shop", str(port))
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = next((line.strip() for line in process.stdout if line.startswith("http://")), "")
        answers = [posted(url, {"query": QUESTIONS[0], "limit": 2}), posted(url, {"query": QUESTIONS[0], "limit": 0})]
    finally:
        process.stdin.close()
        process.wait(SECONDS)
        process.stdout.close()
    assert process.returncode == 0
    return answers


def traced(root: str, folder: Path) -> list[tuple[str, str, str]]:
    """Return process, name and trace of each span of an index run and a search on a local Ray."""
    import raycontext

    with raycontext.connect(root=root, runtime="ray", workers=2) as context:
        context.index(folder / "shop", collection="shop")
        context.search(QUESTIONS[0], collection="shop")
    spans = [
        {**json.loads(line), "pid": path.stem}
        for path in Path(os.environ["TRACES"]).iterdir()
        for line in path.read_text().splitlines()
    ]
    return [(span["pid"], span["name"], span["context"]["trace_id"]) for span in spans]


def scenario(folder: Path, wanted: list[str]) -> dict[str, Any]:
    """Return what each example printed, and the spans."""
    shutil.copytree(REPOSITORY / "examples/shop", folder / "shop")
    root = str(folder / "root")
    seen: dict[str, Any] = {"pid": str(os.getpid()), "spans": traced(root, folder)}
    if not wanted:
        return seen
    from ray.cluster_utils import Cluster

    from raycontext.runtime.small_ray import SMALL, without_helpers

    with without_helpers():
        options = {"num_cpus": 2, "object_store_memory": 100 << 20, "_system_config": SMALL}
        cluster = Cluster(initialize_head=True, head_node_args=options)
    try:
        if "data" in wanted:
            seen["data"] = data(cluster.address, root, folder)
        if "serve" in wanted:
            seen["serve"] = served(cluster.address, root)
    finally:
        cluster.shutdown()
    return seen


if __name__ == "__main__":
    os.environ.setdefault("RAY_AUTH_TOKEN", "0" * 64)
    place = Path(sys.argv[1]).resolve()
    os.environ.update(
        RAY_AUTH_MODE="token", RAY_USAGE_STATS_ENABLED="0", RAYCONTEXT_DAEMON="off", TRACES=str(place / "traces")
    )
    os.environ["RAYCONTEXT_TRACING_HOOK"] = "tracing:to_files"  # found by PYTHONPATH
    os.environ.pop("RAYCONTEXT_RUNTIME", None)
    print("seen:" + json.dumps(scenario(place, sys.argv[2:])), flush=True)
