"""Rules that hold over the whole package."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import raycontext

PACKAGE = Path(raycontext.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MAY_IMPORT_RAY = {"runtime/jobs.py", "runtime/ray.py", "runtime/ray_head.py", "runtime/ray_process.py", "tasks.py"}
LAYERS = ("discover", "chunk", "analyse", "embed", "store", "search")


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def imported(module: Path, *, everywhere: bool) -> set[str]:
    """Full names of the modules that a module imports, at its top level or anywhere."""
    tree = ast.parse(module.read_text())
    nodes = ast.walk(tree) if everywhere else iter(tree.body)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_only_the_outermost_modules_import_ray(module: Path) -> None:
    uses_ray = any(name.split(".")[0] == "ray" for name in imported(module, everywhere=True))
    assert not uses_ray or name_of(module) in MAY_IMPORT_RAY or name_of(module).startswith("actors/")


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_layers_import_only_layers_before_them(module: Path) -> None:
    layer = name_of(module).split("/")[0]
    if layer not in LAYERS:
        return
    later = LAYERS[LAYERS.index(layer) + 1 :]
    outside = ("actors", "runtime", "serve", "context", "pipeline", "stages", "tasks", "search_client")
    for name in imported(module, everywhere=True):
        assert not any(name.startswith(f"raycontext.{other}") for other in (*later, *outside)), name


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_modules_stay_readable(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= 420
    assert not re.search(r"\b(TODO|FIXME|XXX)\b|NotImplementedError", module.read_text())


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = ("ray", "numba", "numpy", "pyarrow", "pydantic", "tree_sitter")
    code = f"import sys, raycontext; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_can_be_imported() -> None:
    assert len(set(raycontext.__all__)) == len(raycontext.__all__)
    for name in raycontext.__all__:
        assert getattr(raycontext, name) is not None
    assert set(raycontext.__all__) <= set(dir(raycontext))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = raycontext.no_such_name  # type: ignore[attr-defined]
