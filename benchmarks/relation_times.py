"""Time of `usages`, `callers`, `callees`, `impact` and `map` in the shard, names drawn by their number of uses.

    python benchmarks/relation_times.py ROOT COLLECTION [--names 200] [--write FILE]

ROOT and COLLECTION are an index that exists, of one shard. Half of the names are drawn with a probability in proportion
to the number of chunks that use them (`by uses`), half evenly from all definitions (`evenly`). The time of an answer is
that of all questions to the shard and of what the client makes of them, without the way between two processes. Each
name is asked once, in an open collection; `cold` is the first answer after opening it. CPU time of the process is
printed beside the time, since other work on the machine does not add to it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import record

from raycontext.models import SearchFilters
from raycontext.relations.reading import lexed, rows_using
from raycontext.sdk.access.map import MapClient
from raycontext.sdk.clients.relations import RelationsClient, Target, UsesWanted
from raycontext.sdk.clients.search import SearchClient
from raycontext.search.rows.view import View
from raycontext.search.shard import ShardSearch
from raycontext.store.collection import Location

SAMPLED = 4000
"""Number of definitions from which names are drawn."""
SEED = 11


class OneShard:
    """Client of a shard in this process."""

    shards = 1

    def __init__(self, shard: ShardSearch) -> None:
        self._shard = shard
        self.spent: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()

    async def relate(self, question: Any, version: int | None = None) -> tuple[int, dict[int, Any]]:
        """Answer a question, and add up the CPU time by its class."""
        begun = time.process_time()
        version, answer = self._shard.look(question.answer, version)
        self.spent[type(question).__name__] += time.process_time() - begun
        self.asked[type(question).__name__] += 1
        return version, {0: answer}


def names_of(view: View) -> dict[str, int]:
    """Return sampled names that the collection defines, with the number of chunks that use each."""
    chosen = random.Random(SEED)
    found: dict[str, int] = {}
    parts = [part for part in view.parts if len(part.segment.definitions)]
    weights = [len(part.segment.definitions) for part in parts]
    for part in chosen.choices(parts, weights, k=SAMPLED):
        number = chosen.randrange(len(part.segment.definitions))
        row = int(part.segment.definition_column("row")[number])
        ordinal = int(part.segment.chunk_column("file")[row])
        definition = lexed(view, part, ordinal).definition(number)
        if definition is not None and part.alive_files[ordinal]:
            found[definition.name] = 0
    for name in found:
        found[name] = sum(int(part.alive_rows[rows_using(part, name)[0]].sum()) for part in view.parts)
    return found


def quantile(times: list[float], share: float) -> float:
    """Return a quantile in milliseconds."""
    ordered = sorted(times)
    return round(1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)], 2)


def measured(
    shard: ShardSearch, names: list[str], work: Callable[[RelationsClient, str], Awaitable[Any]]
) -> dict[str, Any]:
    """Return times and CPU times of one question for each name."""
    times, cpu, slow = list[float](), list[float](), list[tuple[float, str]]()
    client = OneShard(shard)
    for name in names:
        before = time.process_time()
        begun = time.perf_counter()
        asyncio.run(cast(Any, work(RelationsClient(cast(SearchClient, client), "c", "/"), name)))
        times.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - before)
        slow.append((round(cpu[-1] * 1000, 1), name))
    return {
        "p50_ms": round(1000 * statistics.median(times), 2), "p90_ms": quantile(times, 0.9),
        "p99_ms": quantile(times, 0.99), "cpu_p50_ms": round(1000 * statistics.median(cpu), 2),
        "cpu_p99_ms": quantile(cpu, 0.99), "most_cpu_ms": sorted(slow, reverse=True)[:5],
        "cpu_in_questions_ms": {of: round(1000 * spent / len(names), 2) for of, spent in client.spent.most_common()},
        "questions": {name: round(count / len(names), 1) for name, count in client.asked.most_common()},
    }  # fmt: skip


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("collection")
    parser.add_argument("--names", type=int, default=200)
    parser.add_argument("--only", action="append", help="questions to measure; may be given again")
    parser.add_argument("--write", type=Path, help="file for the figures, as JSON")
    given = parser.parse_args()
    shard = ShardSearch(Location(str(given.root), given.collection).open(), 0)
    _, counted = shard.look(names_of)
    chosen = random.Random(SEED)
    half = given.names // 2
    sets = {
        "by uses": chosen.choices(list(counted), list(counted.values()), k=half),
        "evenly": chosen.sample(list(counted), min(half, len(counted))),
    }
    wanted = UsesWanted(filters=SearchFilters())
    questions: dict[str, Callable[[RelationsClient, str], Awaitable[Any]]] = {
        "usages": lambda client, name: client.usages(Target(name), wanted),
        "callers": lambda client, name: client.callers(Target(name), wanted),
        "callees": lambda client, name: client.callees(Target(name), wanted),
        "impact": lambda client, name: client.impact(Target(name), wanted, 3),
    }
    _, chunks = shard.look(lambda view: sum(part.live_rows for part in view.parts))
    figures: dict[str, Any] = {"chunks": chunks, "median_uses": {}}
    for kind, names in sets.items():
        figures["median_uses"][kind] = statistics.median(counted[name] for name in names)
    print(json.dumps(figures), flush=True)
    for question, work in questions.items():
        if given.only and question not in given.only:
            continue
        shard.clear()
        cold = measured(shard, sets["evenly"][:1], work)["p50_ms"]
        figures[question] = {"cold_ms": cold}
        for kind, names in sets.items():
            figures[question][kind] = measured(shard, names, work)
            print(question, kind, json.dumps(figures[question][kind]), flush=True)
    if not given.only or "map" in given.only:
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            asyncio.run(MapClient(cast(SearchClient, OneShard(shard))).map(SearchFilters(), 200))
            times.append(round(1000 * (time.perf_counter() - begun), 1))
        figures["map_ms"] = times
        print("map", times, flush=True)
    if given.write:
        record.write(given.write, "relation times", figures)


if __name__ == "__main__":
    main()
