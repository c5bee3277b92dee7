"""Index this repository and an installed package of some thousand files through Ray actors, then ask three questions.

Run it with `make demo`. The index lies in a temporary folder, which is removed at the end.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import raycontext
from raycontext.text.safe import safe

REPOSITORY = Path(__file__).resolve().parent.parent
SNIPPET_LINES = 5


def show_progress(progress: raycontext.JobProgress) -> None:
    size = f"{progress.bytes_indexed / 1e6:.1f}/{progress.bytes_to_index / 1e6:.1f} MB"
    files = f"{progress.files_indexed}/{progress.files_to_index} files"
    line = f"  {progress.stage}: {files}, {size}, {progress.seconds:.1f} s"
    end = "\r" if sys.stderr.isatty() else "\n"
    print(line.ljust(78), end=end, file=sys.stderr, flush=True)


def show_hits(question: str, hits: list[raycontext.Hit]) -> None:
    print(f"\n? {question}")
    for rank, hit in enumerate(hits, 1):
        place = f"{safe(hit.path)}:{hit.start_line}-{hit.end_line}"
        print(f"{rank}. {place}  {hit.kind} {safe(hit.symbol)}  score {hit.score:.3f}")
        for line in hit.text.splitlines()[:SNIPPET_LINES]:
            print(f"     {safe(line)}")


async def main() -> None:
    specification = find_spec("ray")
    assert specification is not None
    assert specification.origin is not None
    package = Path(specification.origin).parent
    with tempfile.TemporaryDirectory() as root:
        print("starting Ray …", file=sys.stderr)
        async with raycontext.connect(root=root, runtime="ray") as context:
            for source in (REPOSITORY, package):
                print(f"indexing {source}", file=sys.stderr)
                report = await context.index(source, on_progress=show_progress)
                megabytes = report.indexed_bytes / 1e6
                print(
                    f"{report.collection}: {report.files} files, {report.chunks} chunks, "
                    f"{megabytes:.1f} MB in {report.seconds:.1f} s "
                    f"({report.files / report.seconds:.0f} files/s, {megabytes / report.seconds:.1f} MB/s); "
                    f"skipped: {report.skipped or 'none'}"
                )
            for question, source in (
                ("where is the next manifest committed?", REPOSITORY),
                ("how does an actor handle get retried after its process dies?", package),
                ("parse_resources_json", package),
            ):
                show_hits(question, await context.search(question, path=source, limit=3))
            status = await context.status(path=package)
            print("\nactors of the last collection:")
            for actor in status.actors:
                print(f"  {actor.name}: pid {actor.pid}, {actor.rss_bytes / 2**20:.0f} MiB resident")


if __name__ == "__main__":
    asyncio.run(main())
