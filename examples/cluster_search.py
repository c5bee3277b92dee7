"""Index a folder on a Ray cluster, in several shards, and ask one question.

    python examples/cluster_search.py HEAD:6379 ROOT FOLDER "where are sessions kept?"

Every node must see ROOT and FOLDER under these paths; ROOT may also be a URL such as s3://bucket/folder.
"""

from __future__ import annotations

import asyncio
import sys

import raycontext

SHARDS = 2


async def main(address: str, root: str, folder: str, question: str) -> None:
    async with raycontext.connect(address=address, root=root) as context:
        report = await context.index(folder, num_shards=SHARDS)
        print(f"{report.collection}: {report.files} files, {report.chunks} chunks")
        hits = await context.search(question, path=folder, limit=3)
        print(f"{hits.shards_answered} of {hits.shards_total} shards answered")
        for hit in hits:
            print(f"{hit.score:.3f} {hit.path}:{hit.start_line}-{hit.end_line} {hit.symbol}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
