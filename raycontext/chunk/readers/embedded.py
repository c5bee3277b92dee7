"""Reader of scripts that are embedded in markup: Vue and Svelte components, and Astro pages."""

from __future__ import annotations

import re
from dataclasses import dataclass

from raycontext.chunk.lines import Lines
from raycontext.chunk.units import Level, Unit

__all__ = ["EmbeddedScript", "embedded_script"]

_SCRIPT = re.compile(rb"<script\b([^>]*)>", re.IGNORECASE)
_SCRIPT_END = re.compile(rb"</script\s*>", re.IGNORECASE)
_FRONT = re.compile(rb"\A---\r?\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_TYPESCRIPT = re.compile(rb"\blang\s*=\s*[\"']?tsx?\b")


@dataclass(frozen=True, slots=True)
class EmbeddedScript:
    """Script of a component."""

    language: str
    """Language of the script."""
    source: bytes
    """Content of the file in which everything outside the scripts is replaced by spaces. All offsets stay."""
    ranges: tuple[tuple[int, int], ...]
    """Offsets in bytes of the start and the end of each script."""

    def around(self, units: list[Unit], lines: Lines, level: Level) -> list[Unit]:
        """Return a unit for each script and for each part of the markup around the scripts.

        `units` are the units of the scripts. They become children of the script that holds them.
        """
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
    """Return the scripts of a Vue, Svelte or Astro file; None for another language or a file without a script."""
    if language in ("vue", "svelte"):
        ranges, typed = _scripts(data)
    elif language == "astro":
        front = _FRONT.match(data)
        ranges = (front.span(1),) if front is not None else ()
        typed = True
    else:
        return None
    if not ranges:
        return None
    return EmbeddedScript("typescript" if typed else "javascript", _only(data, ranges), ranges)


def _scripts(data: bytes) -> tuple[tuple[tuple[int, int], ...], bool]:
    """Return the ranges of the scripts in markup, and whether one of them is TypeScript."""
    ranges: list[tuple[int, int]] = []
    typed = False
    position = 0
    while (begin := _SCRIPT.search(data, position)) is not None:
        end = _SCRIPT_END.search(data, begin.end())
        if end is None:
            break
        ranges.append((begin.end(), end.start()))
        typed = typed or _TYPESCRIPT.search(begin[1]) is not None
        position = end.end()
    return tuple(ranges), typed


_NOT_LINE_END = re.compile(rb"[^\n]")


def _only(data: bytes, ranges: tuple[tuple[int, int], ...]) -> bytes:
    """Return `data` with everything outside the ranges replaced by spaces. Line ends stay."""
    parts: list[bytes] = []
    begin = 0
    for start, end in ranges:
        parts.append(_NOT_LINE_END.sub(b" ", data[begin:start]))
        parts.append(data[start:end])
        begin = end
    parts.append(_NOT_LINE_END.sub(b" ", data[begin:]))
    return b"".join(parts)
