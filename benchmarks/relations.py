"""Uses of sampled Python definitions beside jedi's: recall and precision, and the time of an answer.

    python benchmarks/relations.py --jedi PYTHON SOURCE...

PYTHON is an interpreter that has jedi from the package index, in an environment of its own. Jedi is asked for the
references of each definition in the whole folder; what it finds in comments and strings does not count, as it does not
here. Definitions are drawn by the hash of their places, functions and classes apart from methods.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import raycontext

ASKING = """
import json, sys, jedi
source, asked = sys.argv[1], json.load(sys.stdin)
project = jedi.Project(source)
for path, line, column in asked:
    try:
        found = jedi.Script(path=f"{source}/{path}", project=project).get_references(line, column)
        places = {(str(one.module_path), one.line) for one in found if one.module_path}
        lines = sorted({(name.removeprefix(source + "/"), row) for name, row in places if name.startswith(source)})
    except Exception as error:
        lines = None
    print(json.dumps(lines), flush=True)
"""


def definitions(source: Path) -> Iterator[tuple[str, str, int, int, str]]:
    """Yield group, path, line, column and name of each function, class and method."""
    for file in sorted(source.rglob("*.py")):
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        lines = file.read_text(encoding="utf-8").splitlines()
        owners = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                if node.name.startswith("__"):
                    continue
                is_method = isinstance(owners.get(node), ast.ClassDef) and not isinstance(node, ast.ClassDef)
                words = "class " if isinstance(node, ast.ClassDef) else "def "
                column = lines[node.lineno - 1].find(words) + len(words)
                group = "methods" if is_method else "functions and classes"
                yield group, file.relative_to(source).as_posix(), node.lineno, column, node.name


def drawn(found: list[tuple[str, str, int, int, str]], count: int) -> list[tuple[str, str, int, int, str]]:
    """Return `count` definitions of each group, the same ones in each run."""
    order = sorted(found, key=lambda one: hashlib.sha256(f"{one[1]}:{one[4]}".encode()).digest())
    groups = sorted({one[0] for one in order})
    return [one for group in groups for one in [other for other in order if other[0] == group][:count]]


def compared(source: Path, jedi: str, count: int) -> dict[str, dict[str, Any]]:
    """Return recall and precision of each group, over lines."""
    chosen = drawn(list(definitions(source)), count)
    asked = json.dumps([one[1:4] for one in chosen])
    done = subprocess.run([jedi, "-c", ASKING, str(source)], input=asked, capture_output=True, text=True, check=True)
    theirs = [json.loads(line) for line in done.stdout.splitlines()]
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as root, raycontext.connect(root=root, runtime="inline", workers=1) as context:
        context.index(source, collection="judged")
        for (group, path, line, _, name), expected in zip(chosen, theirs, strict=True):
            if expected is None:
                continue
            begun = time.perf_counter()
            answer = context.usages(f"{path}:{line}", collection="judged", limit=1000, refresh=False)
            seconds = time.perf_counter() - begun
            mine = {(use.path, use.line): use.certainty == "certain" for use in answer.uses}
            for use in answer.uses:
                mine[use.path, use.line] |= use.certainty == "certain"
            truth = {(file, row) for file, row in expected} - {(path, line)}
            counts = dict.fromkeys(("truth", "hit", "all", "certain", "right"), 0)
            sums = found.setdefault(group, {**counts, "times": [], "differ": []})
            sums["truth"] += len(truth)
            sums["hit"] += len(truth & mine.keys())
            sums["all"] += len(mine)
            sums["certain"] += sum(mine.values())
            sums["right"] += sum(sure and place in truth for place, sure in mine.items())
            sums["times"].append(seconds)
            sums["differ"].extend(("missing", name, *place) for place in sorted(truth - mine.keys()))
            wrong = sorted(place for place, sure in mine.items() if sure and place not in truth)
            sums["differ"].extend(("extra", name, *place) for place in wrong)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", nargs="+", type=Path)
    parser.add_argument("--jedi", required=True, help="interpreter that has jedi")
    parser.add_argument("--definitions", type=int, default=50, help="definitions of each group and source")
    parser.add_argument("--differences", action="store_true", help="print what differs")
    given = parser.parse_args()
    print("| source | group | uses | recall | precision of certain | precision of all | p50 ms |")
    print("|---|---|---|---|---|---|---|")
    for source in given.source:
        for group, sums in compared(source.resolve(), given.jedi, given.definitions).items():
            recall = sums["hit"] / max(sums["truth"], 1)
            certain, both = sums["right"] / max(sums["certain"], 1), sums["hit"] / max(sums["all"], 1)
            p50 = statistics.median(sums["times"]) * 1000
            shares = f"{recall:.3f} | {certain:.3f} | {both:.3f}"
            print(f"| {source.name} | {group} | {sums['truth']} | {shares} | {p50:.0f} |", flush=True)
            for one in sums["differ"] if given.differences else ():
                print("   ", *one)


if __name__ == "__main__":
    main()
