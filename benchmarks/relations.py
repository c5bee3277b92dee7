"""Uses of sampled definitions beside those of a tool that knows types: recall, precision, and the time of an answer.

    python benchmarks/relations.py --jedi PYTHON SOURCE...          Python
    python benchmarks/relations.py --clangd CLANGD SOURCE...        C and C++
    python benchmarks/relations.py --tsserver TSSERVER SOURCE...    JavaScript and TypeScript
    python benchmarks/relations.py --judged benchmarks/judged/go.json SOURCE

PYTHON is an interpreter that has jedi from the package index, CLANGD the program of the package clangd, TSSERVER
the file `lib/tsserver.js` of the package typescript, 5 or before. The tool draws definitions by the hash of their
places, functions and types apart from methods, and finds the references of each in the whole source; what it finds in
comments and strings does not count, as it does not here. Neither do lines that it has not looked at: branches that the
preprocessor leaves out, files that are not compiled. A judged file holds definitions whose uses were judged by hand,
each with the reason.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import record
from relation_tools import Asked, Clangd, Jedi, Place, Tool, Tsserver, drawn

import raycontext


class Judged:
    """Uses that were judged by hand."""

    def __init__(self, judgements: Path) -> None:
        self._entries = json.loads(judgements.read_text())["definitions"]
        self._open: set[Place] = set()

    def definitions(self) -> list[Asked]:
        return [Asked(one["group"], one["path"], one["line"], 0, one["name"]) for one in self._entries]

    def uses(self, asked: list[Asked]) -> Iterator[set[Place] | None]:
        for one in self._entries:
            self._open = {(path, line) for path, lines in one.get("open", {}).items() for line in lines}
            yield {(path, line) for path, lines in one["uses"].items() for line in lines} | {(one["path"], one["line"])}

    def has_seen(self, place: Place) -> bool:
        return place not in self._open


def compared(source: Path, tool: Tool, chosen: list[Asked]) -> dict[str, dict[str, Any]]:
    """Return recall and precision of each group, over lines."""
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as root, raycontext.connect(root=root, runtime="inline", workers=1) as context:
        context.index(source, collection="judged")
        for one, expected in zip(chosen, tool.uses(chosen), strict=True):
            if expected is None:
                continue
            begun = time.perf_counter()
            try:
                answer = context.usages(f"{one.path}:{one.line}", collection="judged", limit=1000, refresh=False)
            except raycontext.RaycontextError as error:
                answer = None
                reason = str(error)[:80]
            seconds = time.perf_counter() - begun
            counts = dict.fromkeys(("definitions", "truth", "hit", "all", "certain", "right"), 0)
            sums = found.setdefault(one.group, {**counts, "times": [], "differ": []})
            if answer is None or any(each.name != one.name for each in answer.definitions):
                reason = reason if answer is None else f"is {answer.definitions[0].name} here"
                sums["differ"].append(("refused", one.name, one.path, one.line, reason))
                sums["truth"] += len(expected) - 1
                continue
            here = {(each.path, each.line) for each in answer.definitions} | {(one.path, one.line)}
            mine = {(use.path, use.line): False for use in answer.uses}
            for use in answer.uses:
                mine[use.path, use.line] |= use.certainty == "certain"
            truth = expected - here
            unknown = {place for place in mine if place not in truth and not tool.has_seen(place)}
            mine = {place: sure for place, sure in mine.items() if place not in unknown | here}
            sums["definitions"] += 1
            sums["truth"] += len(truth)
            sums["hit"] += len(truth & mine.keys())
            sums["all"] += len(mine)
            sums["certain"] += sum(mine.values())
            sums["right"] += sum(sure and place in truth for place, sure in mine.items())
            sums["times"].append(seconds)
            at = f"{one.path}:{one.line}"
            sums["differ"].extend(("missing", one.name, at, *place) for place in sorted(truth - mine.keys()))
            wrong = sorted(place for place, sure in mine.items() if place not in truth)
            sums["differ"].extend(("extra" if mine[place] else "possible", one.name, at, *place) for place in wrong)
    return found


def opened(given: argparse.Namespace, source: Path, work: Path) -> Tool:
    """Return the tool that the command line names."""
    if given.jedi:
        return Jedi(source, given.jedi)
    if given.clangd:
        return Clangd(source, given.clangd, given.database, work)
    return Tsserver(source, given.tsserver) if given.tsserver else Judged(given.judged)


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="+", type=Path)
    tools = parser.add_mutually_exclusive_group(required=True)
    tools.add_argument("--jedi", help="interpreter that has jedi")
    tools.add_argument("--clangd", help="program of clangd")
    tools.add_argument("--tsserver", help="file tsserver.js of the package typescript")
    tools.add_argument("--judged", type=Path, help="file with judgements")
    parser.add_argument("--database", type=Path, help="folder of compile_commands.json for clangd")
    parser.add_argument("--definitions", type=int, default=50, help="definitions of each group and source")
    parser.add_argument("--differences", action="store_true", help="print what differs")
    parser.add_argument("--write", type=Path, help="file for the figures, as JSON")
    given = parser.parse_args()
    print("| source | group | definitions | uses | recall | precision of certain | precision of all | p50 ms |")
    print("|---|---|---|---|---|---|---|---|")
    rows = []
    for source in given.source:
        with tempfile.TemporaryDirectory() as work:
            tool = opened(given, source.resolve(), Path(work))
            chosen = tool.definitions() if given.judged else drawn(tool.definitions(), given.definitions)
            for group, sums in compared(source.resolve(), tool, chosen).items():
                row = {
                    "source": source.name, "group": group, "definitions": sums["definitions"], "uses": sums["truth"],
                    "recall": round(sums["hit"] / max(sums["truth"], 1), 3),
                    "precision_certain": round(sums["right"] / max(sums["certain"], 1), 3),
                    "precision_all": round(sums["hit"] / max(sums["all"], 1), 3),
                    "p50_ms": round(statistics.median(sums["times"] or [0]) * 1000),
                }  # fmt: skip
                rows.append(row)
                print("|", " | ".join(map(str, row.values())), "|", flush=True)
                for one in sums["differ"] if given.differences else ():
                    print("   ", *one)
            if isinstance(tool, (Clangd, Tsserver)):
                tool.close()
    if given.write:
        record.write(given.write, "relations", {"rows": rows}, "jedi", "clangd")


if __name__ == "__main__":
    main()
