"""Callers of sampled Python names beside codegraph's: recall and precision against jedi's.

    python benchmarks/callers.py --jedi PYTHON --codegraph PROGRAM SOURCE...

PYTHON is an interpreter that has jedi from the package index, PROGRAM the command of the package
@colbymchenry/codegraph from npm. Both are asked by the name alone, for all of its definitions. A caller is the
innermost definition around a call that jedi finds; calls outside of definitions are left out. Each tool indexes a copy
of the source.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import record
from relation_tools import Jedi, Place, order

import raycontext


def enclosing(source: Path, place: Place) -> Place | None:
    """Return the innermost definition around a line; None outside of definitions."""
    tree = ast.parse((source / place[0]).read_text(encoding="utf-8"))
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and node.lineno <= place[1] <= (node.end_lineno or 0)
    ]
    return (place[0], max(node.lineno for node in around)) if around else None


def expected(source: Path, interpreter: str, count: int) -> dict[str, set[Place]]:
    """Return the callers of drawn names that jedi finds, by name."""
    tool = Jedi(source, interpreter)
    found = tool.definitions()
    names = sorted({one.name for one in found}, key=order)[:count]
    chosen = [one for one in found if one.name in set(names)]
    callers: dict[str, set[Place]] = {name: set() for name in names}
    for one, uses in zip(chosen, tool.uses(chosen), strict=True):
        for path, line in uses or ():
            text = (source / path).read_text(encoding="utf-8").split("\n")[line - 1]
            is_own = (path, line) == (one.path, one.line) or re.search(rf"\b(?:def|class)\s+{one.name}\b", text)
            if not is_own and re.search(rf"\b{one.name}\s*\(", text):
                around = enclosing(source, (path, line))
                if around is not None:
                    callers[one.name].add(around)
    return callers


def of_codegraph(folder: Path, program: str, name: str) -> set[Place]:
    """Return the callers that codegraph finds."""
    command = [program, "callers", name, "--json", "--limit", "1000"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=silent())
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return set()
    of_each = [one["callers"] for one in answer.get("definitions", ())] or [answer.get("callers", ())]
    found = [caller for callers in of_each for caller in callers]
    return {(one["filePath"], one["startLine"]) for one in found if one.get("kind") in ("function", "method", "class")}


def silent() -> dict[str, str]:
    """Return the environment in which codegraph reports nothing to its makers."""
    return {**os.environ, "CODEGRAPH_TELEMETRY": "0"}


def compared(source: Path, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the sums of both over one source."""
    with tempfile.TemporaryDirectory() as root, raycontext.connect(root=root, runtime="inline", workers=1) as context:
        folder = Path(root) / "copy"
        shutil.copytree(source, folder)
        subprocess.run([given.codegraph, "init", "."], cwd=folder, capture_output=True, check=True, env=silent())
        context.index(source, collection="judged")
        truth = expected(source, given.jedi, given.names)
        sums = {
            tool: dict.fromkeys(("right", "found"), 0) for tool in ("raycontext", "raycontext certain", "codegraph")
        }
        for name, places in truth.items():
            answer = context.callers(name, collection="judged", limit=1000, refresh=False)
            mine = {one.definition and (one.path, one.definition.line): one.certainty for one in answer.called}
            mine.pop(None, None)
            found = {
                "raycontext": set(mine), "raycontext certain": {at for at, sure in mine.items() if sure == "certain"},
                "codegraph": of_codegraph(folder, given.codegraph, name),
            }  # fmt: skip
            for tool, places_of in found.items():
                lines = {(path, around[1]) for path, line in places_of if (around := enclosing(source, (path, line)))}
                sums[tool]["right"] += len(lines & places)
                sums[tool]["found"] += len(lines)
        total = sum(map(len, truth.values()))
        return [
            {
                "source": source.name, "tool": tool, "names": len(truth), "callers": total,
                "recall": round(each["right"] / max(total, 1), 3),
                "precision": round(each["right"] / max(each["found"], 1), 3),
            }
            for tool, each in sums.items()
        ]  # fmt: skip


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="+", type=Path)
    parser.add_argument("--jedi", required=True, help="interpreter that has jedi")
    parser.add_argument("--codegraph", required=True, help="command of codegraph")
    parser.add_argument("--names", type=int, default=100)
    parser.add_argument("--write", type=Path, help="file for the figures, as JSON")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for source in given.source:
        for row in compared(source.resolve(), given):
            print("|", " | ".join(map(str, row.values())), "|", flush=True)
            rows.append(row)
    if given.write:
        record.write(given.write, "callers", {"rows": rows})


if __name__ == "__main__":
    main()
