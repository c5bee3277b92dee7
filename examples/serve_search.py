"""Put Ray Serve in front of an index: replicas on the cluster, each with a connection of its own, behind one address.

    python examples/serve_search.py HEAD:6379 ROOT COLLECTION [PORT [REPLICAS]]

It serves `POST /search` with {"query": …, "limit": …} on the loopback until its standard input ends. Every node must
see ROOT under this path. Ray Serve needs more than raycontext installs: `pip install "ray[serve]"`, and pandas for its
start. It knows no tokens and no folders that callers may reach: put what your team has in front of it, or use the
daemon (`raycontext up --tcp`), which has both.
"""

from __future__ import annotations

import sys

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse

import raycontext


@serve.deployment(ray_actor_options={"num_cpus": 0.1}, max_ongoing_requests=32)
class Search:
    """Replica with a connection that lasts as long as the replica."""

    async def __init__(self, root: str, collection: str) -> None:  # Ray Serve awaits it
        self.context = await raycontext.connect(address="auto", root=root).__aenter__()
        self.collection = collection

    async def __call__(self, request: Request) -> JSONResponse:
        """Answer one search. Errors of raycontext are answered with status 400 and what to do next."""
        asked = await request.json()
        try:
            hits = await self.context.search(
                str(asked["query"]), collection=self.collection, limit=asked.get("limit", 5)
            )
        except raycontext.RaycontextError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse({"hits": [hit.model_dump(mode="json") for hit in hits]})


def main(address: str, root: str, collection: str, port: str = "8000", replicas: str = "2") -> None:
    ray.init(address=address, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(port)})
    serve.run(Search.options(num_replicas=int(replicas)).bind(root, collection), name="search", route_prefix="/search")
    print(f"http://127.0.0.1:{port}/search", flush=True)
    sys.stdin.read()
    serve.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:6])
