"""Everything that is imported is declared in pyproject.toml, where it is needed; what is declared is used."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..parsed import parsed

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
FOLDERS = ("raycontext", "tests", "benchmarks", "docs", "examples", "training")

NOT_INSTALLED = {
    "sentence_transformers": {"sentence-transformers"},
    "tree_sitter_languages": {"tree-sitter-languages"},
}
"""Distributions that are not installed for the tests, by the name that is imported."""

EXTRAS = {
    "aiohttp": {"batch/ray_job.py"},
    "model2vec": {"embed/models/model2vec.py"},
    "obstore": {"store/storage/object_storage.py"},
    "onnxruntime": {"embed/models/onnx.py"},
    "requests": {"batch/ray_job.py"},
    "sentence-transformers": {"embed/models/sentence_transformers.py"},
    "tokenizers": {"embed/models/onnx.py"},
    "tree-sitter-languages": {"chunk/languages/grammars.py"},
}
"""Distributions of extras, with the modules that may import them. Each of these modules serves its extra alone, or
imports the distribution only inside of a function."""

TOOLS = {
    "auditwheel": "make wheels",
    "flask-cors": "moto's server imports it",
    "hatchling": "builds the wheels in tests",
    "mypy": "make lint",
    "pytest-asyncio": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "ripgrep": "tests/behaviour/test_grep.py runs its program",
    "ruff": "make lint",
    "tree-sitter-languages": "chunk/languages/grammars.py loads its grammars from their file, without an import",
    "types-psutil": "types for mypy",
    "mkdocs": "make site",
}
"""Distributions that are declared and that no line of Python imports, with what uses them."""

PEERS = {"bm25s", "faiss", "lancedb", "semble", "tantivy", "usearch"}
"""Systems that benchmarks compare with. Their environments are made by the benchmarks, apart from this project's."""
CLIENTS = {"fastmcp"}
"""Clients of MCP whose scripts run in environments that tests make, apart from this project's."""
SCRIPTS = {
    "tests": ("tests/cluster", "benchmarks"),
    "benchmarks": ("benchmarks", "tests/cluster", "training"),
    "training": ("training",),
}
"""Folders whose files are scripts that import each other by their bare names, by the folders that import them so."""
TRAINING = {"torch"}
"""What only the training of the term vectors needs: see training/README.md."""


class Import(NamedTuple):
    """An import of a package that is neither of this project nor of Python."""

    module: str  # where, relative to its folder
    name: str  # the first part of what is imported
    lazy: bool  # inside of a function


def declared(requirements: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(found.name): found for found in map(Requirement, requirements)}


RUNTIME = declared(PROJECT["dependencies"])
OPTIONAL = {name: declared(wanted) for name, wanted in PROJECT["optional-dependencies"].items()}
DEV = OPTIONAL["dev"]


def imports(folder: str) -> Iterator[Import]:
    """Yield what the modules of a folder import: statements, `import_module("…")` and `importorskip("…")`."""
    root = REPOSITORY / folder
    own = {*FOLDERS, *sys.stdlib_module_names, "_sha2"}  # `_sha2` came with Python 3.12
    for place in SCRIPTS.get(folder, ()):
        own |= {path.stem for path in (REPOSITORY / place).glob("*.py")}
    for path in sorted(root.rglob("*.py")):
        tree = parsed(path)
        top = {id(node) for node in tree.body}
        for node in ast.walk(tree):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            elif isinstance(node, ast.Call) and called(node) in {"import_module", "importorskip"}:
                names = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
            for name in (each.partition(".")[0] for each in names):
                # In a clause of types only, nothing is imported when the program runs; it is declared all the same.
                if name and name not in own:
                    yield Import(path.relative_to(root).as_posix(), name, id(node) not in top)


def called(node: ast.Call) -> str:
    """Return the last name of what is called."""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


@cache
def imports_of(folder: str) -> list[Import]:
    """Return what the modules of a folder import, each import once. Nothing is read before a test asks."""
    return sorted(set(imports(folder)))


@cache
def installed() -> dict[str, set[str]]:
    """Return the distributions that are installed, by the top-level names that they have."""
    return {name: {canonicalize_name(each) for each in found} for name, found in packages_distributions().items()}


def distributions(name: str) -> set[str]:
    """Return the distributions that have a top-level name, such as PyYAML for `yaml`."""
    return NOT_INSTALLED.get(name) or installed().get(name, {canonicalize_name(name)})


def test_the_package_imports_only_what_it_declares() -> None:
    assert len({found.name for found in imports_of("raycontext")}) > 20
    undeclared = {
        (found.module, found.name)
        for found in imports_of("raycontext")
        if not distributions(found.name) & RUNTIME.keys()
        and not any(found.module in EXTRAS.get(each, ()) for each in distributions(found.name))
    }
    assert undeclared == set()


def test_extras_are_declared_apart_and_their_modules_are_imported_lazily() -> None:
    groups = [wanted for group, wanted in OPTIONAL.items() if group not in ("dev", "docs")]
    # More of a distribution that is always there, such as ray[default], adds no name of its own.
    extras = {name for wanted in groups for name, found in wanted.items() if not (found.extras and name in RUNTIME)}
    assert extras == set(EXTRAS)
    assert extras.isdisjoint(RUNTIME)
    for module in {module for modules in EXTRAS.values() for module in modules}:
        of_extra = [
            each for each in imports_of("raycontext") if each.module == module and distributions(each.name) & extras
        ]
        if all(found.lazy for found in of_extra):
            continue
        # The module itself needs its extra: then no other one imports it when it is imported itself.
        dotted = "raycontext." + module.removesuffix(".py").replace("/", ".")
        for path in (REPOSITORY / "raycontext").rglob("*.py"):
            for node in parsed(path).body:
                assert not (isinstance(node, ast.ImportFrom) and node.module == dotted), path


LOCAL = {"compile_kernels": ".", "pool_tasks": "tests/unit/runtime/tasks"}
"""Folders of the modules that are imported by their names alone, from a folder that is put on the path."""


@pytest.mark.parametrize("folder", FOLDERS[1:])
def test_folders_beside_the_package_import_only_what_is_declared(folder: str) -> None:
    known = {*RUNTIME, *DEV}
    other = {"benchmarks": PEERS, "tests": CLIENTS, "training": TRAINING}.get(folder, set())
    undeclared = {
        (found.module, found.name)
        for found in imports_of(folder)
        if found.name not in other | LOCAL.keys() and not distributions(found.name) & known
    }
    assert undeclared == set()


def test_modules_that_tests_put_on_the_path_are_there() -> None:
    for name, folder in LOCAL.items():
        assert (REPOSITORY / folder / f"{name}.py").is_file()


def test_what_is_declared_is_used() -> None:
    used = {each for folder in FOLDERS for found in imports_of(folder) for each in distributions(found.name)}
    package = {each for found in imports_of("raycontext") for each in distributions(found.name)}
    assert set(RUNTIME) - package == set()
    assert {name for wanted in OPTIONAL.values() for name in wanted} - used == set(TOOLS)


@pytest.mark.parametrize("name", sorted({*RUNTIME, *OPTIONAL["cluster"]}))
def test_extras_of_a_declared_package_exist(name: str) -> None:
    try:
        wanted = " ".join(requires(name) or ())
    except PackageNotFoundError:
        pytest.fail(f"{name} is declared and not installed")
    declarations = [group[name] for group in (RUNTIME, OPTIONAL["cluster"]) if name in group]
    for extra in {extra for found in declarations for extra in found.extras}:
        assert re.search(rf"extra == ['\"]{extra}['\"]", wanted)
