"""Answers of the MCP tools: text for a model or, where a client asks for it, structured content, in a budget of tokens.

What counts is what is sent: the JSON of the one form or the other, never both.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from raycontext.models import FurtherPlace
from raycontext.models.hits import Surrounding
from raycontext.sdk.token_budget import Budget
from raycontext.text.cuts import cut_line
from raycontext.text.safe import safe

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
CUT_BEFORE = "… "
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
    """Whether `code` is only a part of the chunk."""
    more: tuple[FurtherPlace, ...] = ()
    """Further places in the file that answer the query, best first."""
    match: int = 0
    """Place in `code` from which on it is shown where that does not fit; see `Hit.match`."""


@dataclass(frozen=True)
class ToolAnswer:
    """Answer of a tool: text and, where it was asked for or is small, the same facts as structured content."""

    text: str
    structured: dict[str, Any] | None = None
    named: Any = None
    """Plain values that name the files of the answer where the structured content does not; they are not sent."""


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
    first_line: str,
    structured: dict[str, Any],
    notes: Sequence[str],
    found: Sequence[FoundCode],
    max_tokens: int,
    surroundings: Sequence[Surrounding] = (),
    *,
    as_json: bool = False,
) -> ToolAnswer:
    """Return an answer with results, best first, in at most `max_tokens` tokens of `BYTES_PER_TOKEN` bytes each.

    Code that is too long is cut, then results are left out, the last one first. The first result always stays. What is
    left goes to the surroundings. With `as_json`, code is verbatim in structured content and the text is one line.
    """
    safe_notes = [safe(note) for note in notes]
    head = "\n".join([safe(first_line), *safe_notes])
    parts = [safe(first_line) if as_json else head]
    budget = Budget(max_tokens, len(found), sent_bytes)
    budget.spend(ENVELOPE_BYTES + sent_bytes(parts[0]))
    budget.spend(sent_bytes({**structured, "notes": safe_notes}) if as_json else 0)
    results: list[dict[str, Any]] = []
    for number, code in enumerate(found, 1):
        above, also = _head(number, code), _also(code)
        around = (
            sent_bytes(_structured(code, "", True)) if as_json else sent_bytes(f"\n\n{above}\n{CUT_BEFORE}{CUT}{also}")
        )
        sendable = code.code if as_json else _safe_lines(code.code)
        match = code.match if as_json else len(_safe_lines(code.code[: code.match]))
        taken = budget.take(sendable, around, match)
        if taken is None:
            break
        text, cut = taken.text, taken.is_cut or code.code_cut
        before = CUT_BEFORE if taken.begin else ""
        parts.append(f"{above}\n{before}{text}{CUT if cut else ''}{also}")
        results.append(_structured(code, text, cut))
    omitted = len(found) - len(results)
    lines, fields = _around(surroundings, budget, as_json=as_json)
    if as_json:
        whole = {**structured, "results": results, "omitted": omitted, "notes": safe_notes}
        return ToolAnswer(parts[0], {**whole, "surroundings": fields} if surroundings else whole)
    if lines:
        parts.append("\n".join(lines))
    if omitted:
        parts.append(
            f"{omitted} more left out to keep within {max_tokens} tokens: raise maxTokens or narrow the query."
        )
    return ToolAnswer("\n\n".join(parts))


def _around(
    surroundings: Sequence[Surrounding], budget: Budget, *, as_json: bool
) -> tuple[list[str], list[dict[str, Any]]]:
    """Return as many of the definitions around results as fit, as lines and as structured content."""
    lines: list[str] = []
    fields: list[dict[str, Any]] = []
    title = ""
    for one in surroundings:
        signature = safe(cut_line(one.signature or one.name))
        if one.relation == "outline":
            heading, line = f"Also in {safe(one.path)}:", f"  {one.line}-{one.end_line} {signature}"
        else:
            verb = "calls" if one.relation == "callee" else "is called by"
            heading, line = f"{safe(one.of)} {verb}:", f"  {safe(one.path)}:{one.line} {signature}"
        told = {
            "path": safe(one.path),
            "line": one.line,
            "endLine": one.end_line,
            "signature": signature,
            "relation": one.relation,
            "of": safe(one.of),
        }
        added = [line] if heading == title else [heading, line]
        if not budget.has_room(sent_bytes(told) if as_json else sent_bytes("\n".join(added)) + 2):
            break
        title = heading
        lines.extend(added)
        fields.append(told)
    return lines, fields


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
