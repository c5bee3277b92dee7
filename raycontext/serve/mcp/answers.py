"""Answers of the MCP tools: text for a model, and the same facts as structured content, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from raycontext.safe_text import safe

__all__ = ["FoundCode", "ToolAnswer", "answer_with_notes", "answer_with_results"]

BYTES_PER_TOKEN = 3.5
"""Number of bytes of code that count as one token."""
LARGEST_SHARE = 0.3  # largest share of the budget for one result
SMALLEST_CODE_TOKENS = 60
SHOWN_NAMES = 6  # number of names that are shown for a chunk with several definitions


class FoundCode(NamedTuple):
    """One result. `path` is relative to the root that was searched; line numbers start at 1 and are inclusive."""

    path: str
    start_line: int
    end_line: int
    symbol: str
    kind: str
    language: str
    score: float
    code: str
    file_changed: bool | None
    """Whether the file has changed since it was indexed; None when that is not known."""


@dataclass(frozen=True)
class ToolAnswer:
    """Answer of a tool: the same facts as text and as structured content."""

    text: str
    structured: dict[str, Any]


def answer_with_notes(first_line: str, structured: dict[str, Any], notes: Sequence[str]) -> ToolAnswer:
    """Return an answer without results."""
    safe_notes = [safe(note) for note in notes]
    return ToolAnswer("\n".join([safe(first_line), *safe_notes]), {**structured, "notes": safe_notes})


def answer_with_results(
    first_line: str, structured: dict[str, Any], notes: Sequence[str], found: Sequence[FoundCode], max_tokens: int
) -> ToolAnswer:
    """Return an answer with results, best first, in at most `max_tokens` of `BYTES_PER_TOKEN` bytes each.

    Code is cut at the end of a line. Then results are left out, the last one first. The first result always stays.
    """
    safe_notes = [safe(note) for note in notes]
    parts = ["\n".join([safe(first_line), *safe_notes])]
    spent = _tokens(parts[0])
    results: list[dict[str, Any]] = []
    for number, code in enumerate(found, 1):
        most = max(int(max_tokens * LARGEST_SHARE), SMALLEST_CODE_TOKENS)
        head = _head(number, code)
        room = max_tokens - spent - _tokens(head)
        if room < SMALLEST_CODE_TOKENS and results:
            break
        text, cut = _cut(_safe_lines(code.code), max(min(most, room), SMALLEST_CODE_TOKENS))
        block = f"{head}\n{text}" + ("\n… (cut; read the file for the rest)" if cut else "")
        if spent + _tokens(block) > max_tokens and results:
            break
        spent += _tokens(block)
        parts.append(block)
        results.append(_structured(code, text, cut))
    omitted = len(found) - len(results)
    if omitted:
        parts.append(
            f"{omitted} more left out to keep within {max_tokens} tokens: raise maxTokens or narrow the query."
        )
    return ToolAnswer("\n\n".join(parts), {**structured, "results": results, "omitted": omitted, "notes": safe_notes})


def _head(number: int, code: FoundCode) -> str:
    """Return the line above the code of a result."""
    names = code.symbol.split(" ")
    symbol = " ".join(names[:SHOWN_NAMES]) + (" …" if len(names) > SHOWN_NAMES else "")
    facts = [f"{code.path}:{code.start_line}-{code.end_line}", symbol, code.kind, f"{code.score:.2f}"]
    changed = "  (the file changed since it was indexed)" if code.file_changed else ""
    return safe(f"{number}. {' · '.join(fact for fact in facts if fact)}{changed}")


def _structured(code: FoundCode, text: str, cut: bool) -> dict[str, Any]:
    changed = {} if code.file_changed is None else {"fileChanged": code.file_changed}
    return {
        "path": safe(code.path),
        "startLine": code.start_line,
        "endLine": code.end_line,
        "symbol": safe(code.symbol),
        "kind": code.kind,
        "language": code.language,
        "score": round(code.score, 4),
        "code": text,
        "codeCut": cut,
        **changed,
    }


def _safe_lines(text: str) -> str:
    return "\n".join(safe(line) for line in text.rstrip("\n").replace("\r\n", "\n").split("\n"))


def _cut(text: str, tokens: int) -> tuple[str, bool]:
    """Return the lines of `text` that fit into `tokens`, and whether something is missing.

    When not even the first line fits, its beginning is returned.
    """
    if _tokens(text) <= tokens:
        return text, False
    room = int(tokens * BYTES_PER_TOKEN)
    head = text.encode()[:room].decode(errors="ignore")
    whole, newline, _ = head.rpartition("\n")
    return (whole if newline and whole else head), True


def _tokens(text: str) -> int:
    return round(len(text.encode()) / BYTES_PER_TOKEN + 0.5)
