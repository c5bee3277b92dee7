"""Rules that hold over the whole package: the order of layers, no circle of imports, light imports, public names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import raycontext

from ..parsed import parsed

PACKAGE = Path(raycontext.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MAY_IMPORT_RAY = {
    "batch/ray_job.py",
    "runtime/ray.py",
    "runtime/ray_actor.py",
    "runtime/ray_head.py",
    "runtime/ray_process.py",
    "runtime/ray_nodes.py",
    "runtime/small_ray.py",
}

READ_THE_ENVIRONMENT = {
    "discover/commits/program.py",  # what the program git is given
    "discover/commits/repository.py",  # git's own variables
    "discover/repository.py",  # git's own variables
    "embed/models/onnx.py",  # sets one of a library
    "embed/permission.py",  # what the operator of a machine allows: its own setting counts, not a caller's
    "embed/remote/server.py",  # keys of servers
    "runtime/ray_process.py",  # sets those of Ray
    "sources/git.py",  # what the program git is given
    "store/storage/object_storage.py",  # where a cloud is
}
"""Modules below the interfaces that read variables of others. Settings travel as values from who calls."""

ORDER = """
errors models settings files kernel batching retrying ulid text
discover | analyse | chunk | sources | runtime | daemon_client
embed
store
grep
search | index
relations | evaluation
actors | batch
sdk | diagnosis
serve
cli
"""
"""The drawing of the layers, bottom to top. A folder imports only what stands on lines above its own in this drawing.
Folders that `|` separates do not import each other; modules of the first line may import those to their left."""

ENTRANCES = {"raycontext", "raycontext.__main__"}
"""The public names of the package, and the command: they stand above all layers."""


class Layer(NamedTuple):
    """Place of a folder in the drawing. `place` counts within the line; None where neighbours stay apart."""

    line: int
    place: int | None


def layers(order: str) -> dict[str, Layer]:
    """Return the layer of each name of a drawing."""
    found: dict[str, Layer] = {}
    for number, line in enumerate(order.strip().splitlines()):
        names = line.replace("|", " ").split()
        apart = "|" in line
        found.update({name: Layer(number, None if apart else place) for place, name in enumerate(names)})
    return found


LAYERS = layers(ORDER)


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def dotted(module: Path) -> str:
    """Return the full name of a module or package."""
    parts = ("raycontext", *module.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


KNOWN = {dotted(module) for module in MODULES}


def imported(tree: ast.AST, name: str, *, is_package: bool) -> set[str]:
    """Return the full names of what a module imports, at its top level and inside functions, relative imports too.

    Of `from package import thing` this is `package.thing` where that is a module, else `package`. Where a module calls
    `import_module`, what its strings name as modules of the package counts as well.
    """
    names: set[str] = set()
    loads_by_name = any(isinstance(node, ast.Name) and node.id == "import_module" for node in ast.walk(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = name.split(".")
                parents = parents[: len(parents) - node.level + is_package]
                base = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                names.add(whole if whole in KNOWN else base)
        elif loads_by_name and isinstance(node, ast.Constant) and node.value in KNOWN and node.value != "raycontext":
            names.add(str(node.value))
    return names - {name}


@cache
def all_imports() -> dict[str, set[str]]:
    """Return what each module imports, by its full name. Nothing is read before a test asks."""
    return {
        dotted(module): imported(parsed(module), dotted(module), is_package=module.name == "__init__.py")
        for module in MODULES
    }


def top(name: str) -> str:
    """Return the folder or module directly below the package that a full name lies in."""
    return name.split(".")[1]


def breach(importing: str, target: str) -> str | None:
    """Return which rule an import breaks, with both names; None where it may be."""
    own, other = LAYERS[top(importing)], LAYERS[top(target)]
    if top(importing) == top(target) or other.line < own.line:
        return None
    if other.line > own.line:
        return f"{importing} imports {target}: {top(target)} stands above {top(importing)}, imports go downwards"
    if own.place is None or other.place is None:
        return f"{importing} imports {target}: {top(importing)} and {top(target)} are neighbours that stay apart"
    if other.place > own.place:
        return f"{importing} imports {target}: on the first line imports go to the left"
    return None


def circle(graph: dict[str, set[str]]) -> list[str] | None:
    """Return the names of one circle of a graph, the first one again at the end; None where there is none."""
    done: set[str] = set()
    for start in sorted(graph):
        path: list[str] = []
        stack: list[tuple[str, Iterable[str]]] = [(start, iter(sorted(graph[start])))] if start not in done else []
        path = [start] if stack else []
        while stack:
            node, following = stack[-1]
            step = next(iter(following), None)
            if step is None:
                done.add(node)
                stack.pop()
                path.pop()
            elif step in path:
                return [*path[path.index(step) :], step]
            elif step not in done:
                path.append(step)
                stack.append((step, iter(sorted(graph.get(step, ())))))
    return None


def siblings(folder: str, imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the graph of the modules and subfolders directly inside a folder: who imports whom of them.

    The folder's own `__init__` is a sibling as well, under the name of the folder.
    """
    depth = len(folder.split(".")) + 1

    def sibling(name: str) -> str | None:
        inside = name == folder or name.startswith(f"{folder}.")
        return ".".join(name.split(".")[:depth]) if inside else None

    graph: dict[str, set[str]] = {}
    for name, targets in imports.items():
        own = sibling(name)
        if own is not None:
            found = {other for target in targets if (other := sibling(target)) is not None}
            graph.setdefault(own, set()).update(found - {own})
    return graph


FOLDERS = sorted(dotted(module) for module in MODULES if module.name == "__init__.py" and module.parent != PACKAGE)


def test_every_folder_has_its_place_in_the_drawing() -> None:
    assert {top(name) for name in KNOWN - ENTRANCES} == set(LAYERS)


def test_imports_go_downwards() -> None:
    ours = KNOWN - {"raycontext"}
    imports = [(module, target) for module in sorted(KNOWN - ENTRANCES) for target in all_imports()[module] & ours]
    assert len(imports) > len(KNOWN)
    assert [why for module, target in imports if (why := breach(module, target))] == []


def test_siblings_import_each_other_in_no_circle() -> None:
    circles = {folder: circle(siblings(folder, all_imports())) for folder in FOLDERS}
    assert {folder: found for folder, found in circles.items() if found} == {}


@pytest.mark.parametrize(
    ("importing", "target", "says"),
    [
        ("raycontext.embed.vectors", "raycontext.store.writer", "imports go downwards"),
        ("raycontext.chunk.units", "raycontext.analyse.terms", "stay apart"),
        ("raycontext.errors", "raycontext.models", "to the left"),
        ("raycontext.models", "raycontext.errors", None),
        ("raycontext.cli.main", "raycontext.errors", None),
        ("raycontext.store.writer", "raycontext.store.manifest", None),
    ],
)
def test_rule_of_layers_tells_who_breaks_what(importing: str, target: str, says: str | None) -> None:
    why = breach(importing, target)
    assert (why is None) if says is None else (why is not None and says in why and importing in why and target in why)


def test_circle_of_imports_is_found_at_every_level() -> None:
    imports = {
        "p.a": {"p.inner.x"},
        "p.inner": set[str](),
        "p.inner.x": {"p.inner.y"},
        "p.inner.y": {"p.inner.x"},
        "p.b": {"p.a"},
    }
    assert circle(siblings("p", imports)) is None
    assert circle(siblings("p.inner", imports)) == ["p.inner.x", "p.inner.y", "p.inner.x"]
    assert circle(siblings("p", {**imports, "p.inner.x": {"p.b"}})) == ["p.a", "p.inner", "p.b", "p.a"]


def test_imports_are_found_wherever_they_stand() -> None:
    code = (
        "from . import limits\nfrom ...store.writer import Writer\nfrom raycontext.store import manifest\n"
        "def late():\n    import raycontext.ulid\n    import_module('raycontext.embed.models.onnx')\n"
    )
    assert imported(ast.parse(code), "raycontext.index.work.stages", is_package=False) == {
        "raycontext.index.work.limits",
        "raycontext.store.writer",
        "raycontext.store.manifest",
        "raycontext.ulid",
        "raycontext.embed.models.onnx",
    }


def test_only_the_outermost_modules_import_ray() -> None:
    using = {name_of(module) for module in MODULES if any(is_ray(name) for name in all_imports()[dotted(module)])}
    assert {name for name in using if not name.startswith("actors/")} == MAY_IMPORT_RAY


def is_ray(name: str) -> bool:
    return name.partition(".")[0] == "ray"


def test_no_layer_below_the_interfaces_reads_settings_by_itself() -> None:
    texts = {name_of(module): module.read_text() for module in MODULES}
    below = {
        name: text for name, text in texts.items() if not name.startswith(("sdk/", "serve/", "cli/", "daemon_client/"))
    }
    assert {name for name, text in below.items() if re.search(r"\bSettings\(\)", text)} <= {"settings.py"}
    reading = {name for name, text in below.items() if re.search(r"\bos\.(environ|getenv)\b", text)}
    assert reading <= READ_THE_ENVIRONMENT
    ours = re.compile(r"\bos\.(environ|getenv)\b[^\n]*RAYCONTEXT_")
    assert [name for name, text in below.items() if ours.search(text)] == []


CATALOGUES = {"errors/__init__.py", "models/__init__.py"}
"""Modules that list small classes which stand beside each other: all errors, and all values of the interfaces."""


def test_modules_stay_readable() -> None:
    texts = {name_of(module): module.read_text() for module in MODULES}
    lines = {name: len(text.splitlines()) for name, text in texts.items()}
    assert {name: count for name, count in lines.items() if count > (700 if name in CATALOGUES else 420)} == {}
    unfinished = re.compile(r"\b(TODO|FIXME|XXX)\b|NotImplementedError")
    assert [name for name, text in texts.items() if unfinished.search(text)] == []


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = ("ray", "_cffi_backend", "numpy", "pyarrow", "pydantic", "tree_sitter")
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
