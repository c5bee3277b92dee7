"""Filters as agents give them let through what they say."""

from __future__ import annotations

import pytest

from raycontext.discover.rules.globs import path_filter
from raycontext.errors import InvalidInput
from raycontext.serve.mcp.filters import globs_of

PATHS = [
    "app.py",
    "app.ts",
    "src/app.py",
    "src/app.ts",
    "src/tests/test_app.py",
    "src/deep/er/tool.py",
    "src/deep/er/tool.pyx",
    "web [old]/app.ts",
    "docs/src/app.py",
]


def admitted(globs: tuple[str, ...]) -> list[str]:
    """As the search reads them."""
    admits = path_filter(
        [glob for glob in globs if not glob.startswith("!")], [glob[1:] for glob in globs if glob.startswith("!")]
    )
    return [path for path in PATHS if admits(path)]


@pytest.mark.parametrize(
    ("extensions", "patterns", "expected"),
    [
        ([], [], PATHS),
        ([".py"], [], [path for path in PATHS if path.endswith(".py")]),
        (["py", ".ts"], [], [path for path in PATHS if path.endswith((".py", ".ts"))]),
        ([], ["src/"], [path for path in PATHS if "src/" in path]),
        ([], ["/src/"], [path for path in PATHS if path.startswith("src/")]),
        ([], ["!tests/"], [path for path in PATHS if "tests/" not in path]),
        ([".py"], ["src/"], [path for path in PATHS if "src/" in path and path.endswith(".py")]),
        ([".py"], ["deep/"], ["src/deep/er/tool.py"]),
        ([".py"], ["src/deep/er"], ["src/deep/er/tool.py"]),
        ([".py"], ["/src", "!tests/"], ["src/app.py", "src/deep/er/tool.py"]),
        ([".ts"], ["web\\ \\[old\\]/"], ["web [old]/app.ts"]),
        ([".py"], ["app.*"], ["app.py", "src/app.py", "docs/src/app.py"]),
        ([".py"], ["app.py"], ["app.py", "src/app.py", "docs/src/app.py"]),
        ([".py"], ["app.ts"], []),
    ],
)
def test_filters_together(extensions: list[str], patterns: list[str], expected: list[str]) -> None:
    assert admitted(globs_of(extensions, patterns)) == expected


@pytest.mark.parametrize("pattern", ["!", "/", "#x", "  ", "!!", "**/***/[z-a]/"])
def test_what_is_no_glob_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInput, match="pathFilter"):
        globs_of([], [pattern])
