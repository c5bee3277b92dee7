"""Filters as agents give them let through what they say."""

from __future__ import annotations

import pytest

from raycontext.discover.globs import path_filter
from raycontext.errors import InvalidInput
from raycontext.serve.mcp.filters import path_globs

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
    ("folder", "file", "extensions", "patterns", "expected"),
    [
        ("", "", [], [], PATHS),
        ("src", "", [], [], [path for path in PATHS if path.startswith("src/")]),
        ("", "", [".py"], [], [path for path in PATHS if path.endswith(".py")]),
        ("", "", ["py", ".ts"], [], [path for path in PATHS if path.endswith((".py", ".ts"))]),
        ("src", "", [".ts"], [], ["src/app.ts"]),
        ("web [old]", "", [], [], ["web [old]/app.ts"]),
        ("", "", [], ["src/"], [path for path in PATHS if "src/" in path]),
        ("", "", [], ["/src/"], [path for path in PATHS if path.startswith("src/")]),
        ("", "", [], ["!tests/"], [path for path in PATHS if "tests/" not in path]),
        ("src", "", [], ["!tests/", "!deep/"], ["src/app.py", "src/app.ts"]),
        ("src", "", [".py"], ["deep/"], ["src/deep/er/tool.py"]),
        ("src", "", [".py"], ["deep/er"], ["src/deep/er/tool.py"]),
        ("", "", [".py"], ["app.*"], ["app.py", "src/app.py", "docs/src/app.py"]),
        ("", "", [".py"], ["app.py"], ["app.py", "src/app.py", "docs/src/app.py"]),
        ("", "", [".py"], ["app.ts"], []),
        ("src", "src/app.py", [], [], ["src/app.py"]),
        ("src", "src/app.py", [".py"], ["app.*"], ["src/app.py"]),
        ("src", "src/app.py", [".ts"], [], []),
    ],
)
def test_filters_together(
    folder: str, file: str, extensions: list[str], patterns: list[str], expected: list[str]
) -> None:
    assert admitted(path_globs(folder, file, extensions, patterns)) == expected


@pytest.mark.parametrize("pattern", ["!", "/", "#x", "  ", "!!", "**/***/[z-a]/"])
def test_what_is_no_glob_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInput, match="pathFilter"):
        path_globs("", "", [], [pattern])
