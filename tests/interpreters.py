"""Unit tests, one real index and one real search on every other Python that is installed here (`make test-all`).

Each gets a virtual environment below build/interpreters, which is kept for the next time. Where the package
tree-sitter-languages can be had (3.11 and 3.12), index and search also run with its grammars in place of those of
tree-sitter-language-pack.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDER = REPOSITORY / "build/interpreters"
OLDEST, NEWEST = (3, 11), (3, 14)
LAST_WITH_OLD_GRAMMARS = (3, 12)
ASK = "import json, sys; print(json.dumps([sys.version_info[:2], sys.implementation.name, sys._base_executable]))"
QUESTION = "where is the next manifest created?"


class Failed(Exception):
    """A command failed: `Failed(what)`."""


def interpreters() -> dict[tuple[int, int], str]:
    """Path of an interpreter for each version from `OLDEST` to `NEWEST`, but for that of this one."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [str(path) for path in sorted(pyenv.glob("*/bin/python3"))]
    candidates += [path for minor in range(OLDEST[1], NEWEST[1] + 1) if (path := shutil.which(f"python3.{minor}"))]
    found: dict[tuple[int, int], str] = {}
    for path in candidates:
        told = subprocess.run([path, "-c", ASK], capture_output=True, text=True, check=False)
        if told.returncode == 0:  # else what pyenv puts there for a version that is not switched on
            (major, minor), kind, executable = json.loads(told.stdout)
            if kind == "cpython" and OLDEST <= (major, minor) <= NEWEST:
                found.setdefault((major, minor), executable)
    found.pop(sys.version_info[:2], None)
    return dict(sorted(found.items()))


def run(*command: str | Path, **variables: str) -> str:
    """Run it in the repository, showing what it says on stderr; returns stdout. Raises `Failed`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RAYCONTEXT_", "PYTHON"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=REPOSITORY,
        env={**environment, **variables},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout)
        raise Failed(f"{' '.join(map(str, command))}: exit code {done.returncode}")
    return done.stdout


def index_and_search(python: Path, label: str) -> None:
    """Index this package and ask for a place in it, by the command, on a Ray of its own."""
    command = python.parent / "raycontext"
    with tempfile.TemporaryDirectory(prefix="rci-") as root:
        variables = {"RAYCONTEXT_ROOT": root, "RAYCONTEXT_DAEMON": "off"}
        report = json.loads(run(command, "index", REPOSITORY / "raycontext", "--json-hits", **variables))
        hits = json.loads(run(command, "search", QUESTION, REPOSITORY / "raycontext", "--json-hits", **variables))
        if report["files"] < 100 or "store/writer.py" not in [hit["path"] for hit in hits]:
            raise Failed(f"{label}: the search does not find the writer")
    print(f"{label}: {report['files']} files indexed, {hits[0]['path']} found first")


def check(version: tuple[int, int], interpreter: str) -> None:
    """All that is to be shown of one version."""
    label = f"Python {version[0]}.{version[1]}"
    place = FOLDER / f"{version[0]}.{version[1]}"
    python = place / "bin/python"
    if not python.exists():
        run(interpreter, "-m", "venv", "--clear", place)
    old_grammars = version <= LAST_WITH_OLD_GRAMMARS
    extras = "dev,languages" if old_grammars else "dev"
    run(python, "-m", "pip", "install", "--quiet", "--editable", f".[{extras}]")
    index_and_search(python, label)
    if old_grammars:
        run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "tree-sitter-language-pack")
        index_and_search(python, f"{label} with tree-sitter-languages")
        run(python, "-m", "pip", "install", "--quiet", "--editable", f".[{extras}]")
    outcome = run(python, "-m", "pytest", "-q", "tests/unit", "-p", "no:cacheprovider").strip().splitlines()[-1]
    print(f"{label}: unit tests: {outcome}")


def main() -> None:
    found = interpreters()
    if not found:
        print("There is no other Python from 3.11 on here; pyenv installs some.")
    failed = False
    for version, interpreter in found.items():
        try:
            check(version, interpreter)
        except Failed as error:
            print(error)
            failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
