"""Files that hold a script in markup: Vue and Svelte components, Astro pages."""

from __future__ import annotations

import re
from dataclasses import dataclass

from raycontext.chunk.lines import Lines
from raycontext.chunk.outline import Level, Unit

__all__ = ["EmbeddedScript", "embedded_script"]

_SCRIPT = re.compile(rb"<script\b([^>]*)>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_FRONT = re.compile(rb"\A---\r?\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_TYPESCRIPT = re.compile(rb"\blang\s*=\s*[\"']?tsx?\b")


@dataclass(frozen=True, slots=True)
class EmbeddedScript:
    """The script of a component: its language, and the file with everything else blanked out."""

    language: str
    source: bytes
    ranges: tuple[tuple[int, int], ...]  # bytes of the scripts

    def around(self, units: list[Unit], lines: Lines, level: Level) -> list[Unit]:
        """The script's units with one for each part of the markup around them."""
        result: list[Unit] = []
        begin = 0
        for start, end in self.ranges:
            first, last = lines.row_at(start), lines.row_at(end)
            inner = [unit for unit in units if first <= unit.first <= last]
            if first > begin:
                result.append(Unit(begin, first - 1, None, level))
            script = Unit(first, last, None, level)
            script.children = inner or None
            script.defines = any(unit.defines for unit in inner)
            result.append(script)
            begin = last + 1
        if begin < len(lines):
            result.append(Unit(begin, len(lines) - 1, None, level))
        return result


def embedded_script(data: bytes, language: str) -> EmbeddedScript | None:
    """The scripts of a Vue, Svelte or Astro file; None for other languages and for files without a script."""
    if language in ("vue", "svelte"):
        matches = list(_SCRIPT.finditer(data))
        ranges = tuple(match.span(2) for match in matches)
        typed = any(_TYPESCRIPT.search(match[1]) for match in matches)
    elif language == "astro":
        front = _FRONT.match(data)
        ranges = (front.span(1),) if front is not None else ()
        typed = True
    else:
        return None
    if not ranges:
        return None
    return EmbeddedScript("typescript" if typed else "javascript", _only(data, ranges), ranges)


_NOT_LINE_END = re.compile(rb"[^\n]")


def _only(data: bytes, ranges: tuple[tuple[int, int], ...]) -> bytes:
    """`data` with all outside of the ranges blanked out, line ends kept."""
    parts: list[bytes] = []
    begin = 0
    for start, end in ranges:
        parts.append(_NOT_LINE_END.sub(b" ", data[begin:start]))
        parts.append(data[start:end])
        begin = end
    parts.append(_NOT_LINE_END.sub(b" ", data[begin:]))
    return b"".join(parts)
