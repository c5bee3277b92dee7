"""Text that each match of a regular expression holds: where it is not, the expression need not be tried.

An engine that decides at each character, as one must at a Unicode word boundary, reads a hundred times as slowly as a
text is found.
"""

from __future__ import annotations

from raycontext.grep.nodes import Assertion, Flagged, Literal, Node, Repeat, Run

__all__ = ["required_literal"]

LEAST_BYTES = 3
"""Size in bytes of the shortest text that is worth looking for."""


def required_literal(node: Node) -> bytes:
    """Return the longest text, as UTF-8, that each match of an expression holds as it is; b"" where none is known."""
    runs: list[list[str]] = [[]]
    _gather(node, runs)
    longest = max(("".join(run).encode() for run in runs), key=len)
    return longest if len(longest) >= LEAST_BYTES else b""


def _gather(node: Node, runs: list[list[str]]) -> None:
    """Add the characters of an expression to the last run; begin a new one where others can stand between."""
    match node:
        case Literal(is_folded=False):
            runs[-1].append(node.character)
        case Assertion():
            pass  # it takes no character
        case Flagged():
            _gather(node.item, runs)
        case Run():
            for item in node.items:
                _gather(item, runs)
        case Repeat() if node.least > 0:
            runs.append([])
            _gather(node.item, runs)
            runs.append([])
        case _:
            runs.append([])
