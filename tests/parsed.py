"""Syntax trees of the modules of this repository, which several rules look through."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

__all__ = ["parsed"]


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module, which is parsed once for all rules. Nobody changes it."""
    return ast.parse(path.read_text())
