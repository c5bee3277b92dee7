"""A tree that is indexed from inside of it must not run: no process imports anything from the current folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import write_tree

TRAP = "import os, pathlib\npathlib.Path(os.environ['TRAP']).open('a').write(f'{__name__}\\n')\n"
TRAPPED = ("xxhash", "numpy", "raycontext", "pyarrow", "json", "psutil", "pydantic", "tree_sitter", "sitecustomize")
PATHS_OF_WORKERS = """
import json, sys
import ray, raycontext

@ray.remote
def paths():
    import os, sys
    return [os.path.realpath(path or ".") for path in sys.path]

with raycontext.connect(root=sys.argv[1], runtime="ray", workers=1) as context:
    context.index(sys.argv[2])
    print(json.dumps(ray.get(paths.remote())))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with modules named like those that our processes import; each of them tells that it was run."""
    write_tree(tmp_path / "tree", {f"{name}.py": TRAP for name in TRAPPED})
    write_tree(tmp_path / "tree", {"shop.py": "def total_price():\n    return 1\n"})
    return tmp_path / "tree"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "TRAP": str(tmp_path / "trap"),
        "RAYCONTEXT_ROOT": str(tmp_path / "root"),
        "RAYCONTEXT_DAEMON": "off",
        "RAYCONTEXT_WORKERS": "1",
        "RAYCONTEXT_START_SECONDS": "300",
    }


@pytest.mark.ray
@pytest.mark.parametrize("arguments", [("index", "."), ("batch", "list.json")], ids=lambda arguments: arguments[0])
def test_command_runs_nothing_of_the_current_folder(
    tree: Path, environment: dict[str, str], arguments: tuple[str, ...]
) -> None:
    (tree / "list.json").write_text(json.dumps({"sources": [{"folder": str(tree)}]}))
    program = Path(sys.executable).with_name("raycontext")
    done = subprocess.run([program, *arguments], cwd=tree, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not Path(environment["TRAP"]).exists()


@pytest.mark.ray
def test_workers_import_neither_from_the_folder_nor_from_that_of_the_script(
    tree: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """The SDK changes nothing for its caller: the script itself runs where it was started."""
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "use.py"
    script.write_text(PATHS_OF_WORKERS)
    done = subprocess.run(
        [sys.executable, script, tmp_path / "root", tree],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    paths = json.loads(done.stdout.splitlines()[-1])
    assert not {os.path.realpath(tree), os.path.realpath(script.parent)} & set(paths)
    assert not Path(environment["TRAP"]).exists()
