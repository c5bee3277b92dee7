"""Docstrings hold without the identifier above them: none begins in a way that needs it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import raycontext

from ..parsed import parsed

PACKAGE = Path(raycontext.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

FORBIDDEN_START = re.compile(r"(?:Of|As|Those|The same|Said|That of)\b")
FULL_STOP = re.compile(r"[.?!]\)?$")


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every string that stands alone: below a definition, a constant or a field."""
    for node in ast.walk(tree):
        for statement in getattr(node, "body", ()) if not isinstance(node, ast.Lambda | ast.IfExp) else ():
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield statement.lineno, value.value.strip()


def faults(tree: ast.Module) -> list[str]:
    """Return a line for each docstring that begins wrongly or whose first paragraph is no sentence."""
    found = []
    for line, text in docstrings(tree):
        first = re.split(r"\n\s*\n", text, maxsplit=1)[0].rstrip()
        if FORBIDDEN_START.match(text):
            found.append(f"{line}: begins like the end of another sentence: {text[:60]!r}")
        elif not FULL_STOP.search(first) and not first.endswith(":"):
            found.append(f"{line}: has no full stop: {first[-60:]!r}")
    return found


def test_docstrings_are_sentences_of_their_own() -> None:
    found = {str(module.relative_to(PACKAGE)): faults(parsed(module)) for module in MODULES}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    "source",
    [
        '"""Of the collection."""',
        'X = 1\n"""As `Y`, for a folder."""',
        'class A:\n    b: int\n    """Those of the query."""',
        'async def f():\n    """Said of a node."""',
        'def f():\n    """Return nothing"""',
    ],
)
def test_fragments_are_found_wherever_they_stand(source: str) -> None:
    assert len(faults(ast.parse(source))) == 1


def test_plain_sentences_pass() -> None:
    source = '"""Rows of a file."""\nX = 1\n"""Largest size, in bytes."""\n\ndef f():\n    """Return 1."""'
    assert faults(ast.parse(source)) == []
