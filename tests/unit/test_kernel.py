"""Compilation and its cache on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import raycontext.kernel

PROGRAM = "import adder; assert adder.add(2, 3) == 5; print(sum(adder.add.stats.cache_hits.values()))"
MODULE = """
from raycontext.kernel import kernel

@kernel
def add(a, b):
    return a + b
"""


def run_in_new_process(folder: Path, home: Path) -> int:
    """Number of functions that a new process took from the cache."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "XDG"))}
    root = Path(raycontext.kernel.__file__).parents[1]
    environment |= {"PYTHONPATH": os.pathsep.join((str(folder), str(root))), "HOME": str(home)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True, cwd=folder
    )
    return int(result.stdout)


def test_machine_code_is_cached_beside_the_module(tmp_path: Path) -> None:
    (tmp_path / "adder.py").write_text(MODULE)
    assert run_in_new_process(tmp_path, tmp_path) == 0
    assert list((tmp_path / "__pycache__").glob("adder.add-*.nbi"))
    assert run_in_new_process(tmp_path, tmp_path) == 1


def test_machine_code_is_cached_for_the_user_where_the_package_cannot_be_written(tmp_path: Path) -> None:
    package, home = tmp_path / "package", tmp_path / "home"
    package.mkdir()
    home.mkdir()
    (package / "adder.py").write_text(MODULE)
    (package / "__pycache__").write_text("a file in the way, because permissions do not stop root")
    assert run_in_new_process(package, home) == 0
    assert list(home.rglob("adder.add-*.nbi"))
    assert run_in_new_process(package, home) == 1


def test_code_is_compiled_for_the_process_where_no_cache_can_be_written(tmp_path: Path) -> None:
    package, home = tmp_path / "package", tmp_path / "home"
    package.mkdir()
    (package / "adder.py").write_text(MODULE)
    for obstacle in (package / "__pycache__", home):
        obstacle.write_text("a file in the way, because permissions do not stop root")
    assert run_in_new_process(package, home) == 0
    assert run_in_new_process(package, home) == 0
