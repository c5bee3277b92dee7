"""Costs of many collections in one root: the list of them, the look-up of a path, and a search in all of them.

    python benchmarks/many_collections.py [--listed 10000] [--searched 1000] [--runtime inline] [--json FILE]

One small tree is indexed. Its collection is then copied under other names, with hard links to its files, which takes
milliseconds each and gives what as many index runs would give. Times are of this process, with what it starts counted
in the memory. The first list reads all collections, the second one is by the same connection, the third one by a new
connection, which has the catalogue alone.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

import psutil
import record

import raycontext
from raycontext.store.collection import IDENTITY, Collection, CollectionIdentity
from raycontext.store.manifest import manifest_name
from raycontext.store.storage.local import LocalStorage
from raycontext.ulid import new_ulid

Result = TypeVar("Result")

FILES = 5
"""Number of files of each collection."""


def written(source: Path) -> Path:
    """Write a small tree and return it."""
    source.mkdir(parents=True)
    for number in range(FILES):
        text = f'def convert_{number}(text):\n    """Convert the configuration of part {number}."""\n    return text\n'
        (source / f"part_{number}.py").write_text(text)
    return source


def copied(root: Path, origin: str, sources: Path, numbers: range) -> None:
    """Make a collection for each number, equal to `origin` but for name and source, by links to its files."""
    first = Collection(LocalStorage(root), origin)
    manifest = first.latest()
    assert manifest is not None
    for number in numbers:
        name, source = f"many-{number:05}", sources / f"tree-{number:05}"
        source.mkdir(parents=True)
        identity = CollectionIdentity(name, str(source), new_ulid())
        place = root / name
        for folder in ("segments", "snapshots"):
            for above, _, files in os.walk(root / origin / folder):
                to = place / Path(above).relative_to(root / origin)
                to.mkdir(parents=True)
                for file in files:
                    (to / file).hardlink_to(Path(above, file))
        (place / "manifests").mkdir()
        made = manifest.model_copy(update={"collection": name, "source": str(source), "creation": identity.id})
        (place / "manifests" / manifest_name(manifest.version)).write_bytes(made.encode())
        (place / IDENTITY).write_bytes(identity.encode())


async def timed(work: Awaitable[Result]) -> tuple[Result, float]:
    """Return a result with the seconds that it took."""
    begun = time.perf_counter()
    return await work, round(time.perf_counter() - begun, 3)


def memory() -> int:
    """Return the proportional share of memory of this process and of all below it, in MiB."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    total = 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue
    return total >> 20


async def lists(root: Path, runtime: Any) -> dict[str, Any]:
    """Measure the list and the look-up of a path."""
    figures: dict[str, Any] = {}
    async with raycontext.connect(root=root, runtime=runtime) as context:
        found, figures["first_list_seconds"] = await timed(context.collections())
        figures["collections"] = len(found)
        _, figures["next_list_seconds"] = await timed(context.collections())
    async with raycontext.connect(root=root, runtime=runtime) as context:
        _, figures["list_of_new_process_seconds"] = await timed(context.collections())
        _, figures["path_seconds"] = await timed(context.resolve(path=found[-1].source))
        _, figures["status_seconds"] = await timed(context.status(found[-1].name))
        figures["memory_mib"] = memory()
    return figures


async def searches(root: Path, runtime: Any) -> dict[str, Any]:
    """Measure a search in all collections, twice: the first one opens them."""
    figures: dict[str, Any] = {}
    async with raycontext.connect(root=root, runtime=runtime) as context:
        for name in ("first_search", "next_search"):
            hits, seconds = await timed(context.search("convert the configuration", collections=["*"], refresh=False))
            figures[name] = {
                "seconds": seconds,
                "hits": len(hits),
                "shards_answered": hits.shards_answered,
                "shards_total": hits.shards_total,
                "notes": len(hits.notes),
                "memory_mib": memory(),
            }
    return figures


async def measured(listed: int, searched: int, runtime: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="raycontext-many-") as place:
        root, sources = Path(place, "root"), Path(place, "sources")
        async with raycontext.connect(root=root, runtime="inline") as context:
            await context.index(written(sources / "first"), collection="first")
        copied(root, "first", sources, range(searched - 1))
        figures: dict[str, Any] = {"search": await searches(root, runtime)}
        copied(root, "first", sources, range(searched - 1, listed - 1))
        return figures | {"list": await lists(root, runtime)}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--listed", type=int, default=10_000)
    arguments.add_argument("--searched", type=int, default=1_000)
    arguments.add_argument("--runtime", default="inline", choices=["inline", "processes", "ray"])
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    figures = asyncio.run(measured(given.listed, given.searched, given.runtime))
    record.show(figures, None)
    if given.json:
        record.write(given.json, "many_collections", figures)


if __name__ == "__main__":
    main()
