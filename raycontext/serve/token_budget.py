"""Budget of an answer in tokens of a language model."""

from __future__ import annotations

from collections.abc import Iterable

from raycontext.models import Hit

__all__ = ["within_budget"]

BYTES_PER_TOKEN = 4
"""Number of bytes of source code that count as one token of a language model, about."""


def within_budget(hits: Iterable[Hit], max_tokens: int | None) -> tuple[list[Hit], bool]:
    """Return the hits whose texts fit into a budget of tokens, and whether anything was left out.

    The text of the last hit is cut at a line.
    """
    given = list(hits)
    if max_tokens is None:
        return given, False
    left = max_tokens * BYTES_PER_TOKEN
    kept: list[Hit] = []
    for hit in given:
        size = len(hit.text.encode(errors="replace"))
        if size <= left:
            kept.append(hit)
            left -= size
            continue
        lines: list[str] = []
        for line in hit.text.splitlines(keepends=True):
            left -= len(line.encode(errors="replace"))
            if left < 0:
                break
            lines.append(line)
        if lines:
            last = hit.start_line + len(lines) - 1
            kept.append(hit.model_copy(update={"text": "".join(lines), "end_line": last}))
        break
    return kept, len(kept) < len(given) or any(a is not b for a, b in zip(kept, given, strict=False))
