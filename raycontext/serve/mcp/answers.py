"""Answers of the MCP tools: text for a model, and the same facts as structured content, within a budget of tokens.

What counts is what is sent: the JSON of both forms. Clients differ in which of them they count.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from raycontext.models import FurtherPlace
from raycontext.safe_text import safe
from raycontext.sdk.token_budget import Budget
from raycontext.text_cuts import cut_line

__all__ = [
    "ENVELOPE_BYTES",
    "FoundCode",
    "ToolAnswer",
    "answer_with_notes",
    "answer_with_results",
    "completeness",
    "notes_on_shards",
    "sent_bytes",
]

ENVELOPE_BYTES = 400
"""Number of bytes that are kept free for the message around an answer and for the sentence about results left out."""
CUT = "\n… (cut; read the file for the rest)"
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
    code_cut: bool = False
    """Whether `code` is only the beginning of the chunk."""
    more: tuple[FurtherPlace, ...] = ()
    """Further places in the file that answer the query, best first."""


@dataclass(frozen=True)
class ToolAnswer:
    """Answer of a tool: the same facts as text and as structured content."""

    text: str
    structured: dict[str, Any]


def answer_with_notes(first_line: str, structured: dict[str, Any], notes: Sequence[str]) -> ToolAnswer:
    """Return an answer without results."""
    safe_notes = [safe(note) for note in notes]
    return ToolAnswer("\n".join([safe(first_line), *safe_notes]), {**structured, "notes": safe_notes})


class Completeness(Protocol):
    """What every answer of the service tells about how complete and how old it is."""

    @property
    def shards_answered(self) -> int: ...
    @property
    def shards_total(self) -> int: ...
    @property
    def age_seconds(self) -> float | None: ...
    @property
    def may_miss_files(self) -> bool: ...


def notes_on_shards(answer: Completeness) -> list[str]:
    """Return a sentence that says how many shards have answered, where some have not."""
    if answer.shards_answered >= answer.shards_total:
        return []
    return [f"Partial: {answer.shards_answered} of {answer.shards_total} shards have answered in time."]


def completeness(answer: Completeness) -> dict[str, Any]:
    """Return the fields of structured content that tell how complete and how old an answer is."""
    return {
        "partial": answer.shards_answered < answer.shards_total,
        "ageSeconds": None if answer.age_seconds is None else round(answer.age_seconds, 3),
        "mayMissFiles": answer.may_miss_files,
    }


def answer_with_results(
    first_line: str, structured: dict[str, Any], notes: Sequence[str], found: Sequence[FoundCode], max_tokens: int
) -> ToolAnswer:
    """Return an answer with results, best first, in at most `max_tokens` tokens of `BYTES_PER_TOKEN` bytes each.

    Code that is too long is cut, then results are left out, the last one first. The first result always stays.
    """
    safe_notes = [safe(note) for note in notes]
    parts = ["\n".join([safe(first_line), *safe_notes])]
    budget = Budget(max_tokens, len(found), lambda text: 2 * sent_bytes(text))
    budget.spend(ENVELOPE_BYTES + sent_bytes(parts[0]) + sent_bytes({**structured, "notes": safe_notes}))
    results: list[dict[str, Any]] = []
    for number, code in enumerate(found, 1):
        head = _head(number, code)
        also = _also(code)
        around = sent_bytes(f"\n\n{head}\n{CUT}{also}") + sent_bytes(_structured(code, "", True))
        taken = budget.take(_safe_lines(code.code), around)
        if taken is None:
            break
        text, cut = taken[0], taken[1] or code.code_cut
        parts.append(f"{head}\n{text}{CUT if cut else ''}{also}")
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
    symbol = cut_line(" ".join(names[:SHOWN_NAMES]) + (" …" if len(names) > SHOWN_NAMES else ""))
    facts = [f"{code.path}:{code.start_line}-{code.end_line}", symbol, code.kind, f"{code.score:.2f}"]
    changed = "  (the file changed since it was indexed)" if code.file_changed else ""
    return safe(f"{number}. {' · '.join(fact for fact in facts if fact)}{changed}")


def _also(code: FoundCode) -> str:
    """Return the line below the code of a result that names further places in its file; "" where there are none."""
    if not code.more:
        return ""
    places = (f"{place.line} {cut_line(place.symbol.partition(' ')[0])}".rstrip() for place in code.more)
    return "\n" + safe(f"Also in this file, by line: {', '.join(places)}")


def _structured(code: FoundCode, text: str, cut: bool) -> dict[str, Any]:
    changed = {} if code.file_changed is None else {"fileChanged": code.file_changed}
    more = [{"line": place.line, "symbol": safe(place.symbol), "score": round(place.score, 4)} for place in code.more]
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
        **({"more": more} if more else {}),
        **changed,
    }


def _safe_lines(text: str) -> str:
    return "\n".join(safe(line) for line in text.rstrip("\n").replace("\r\n", "\n").split("\n"))


def sent_bytes(value: Any) -> int:
    """Return the size of a value as JSON, in bytes."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass"))
