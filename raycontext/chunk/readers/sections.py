"""Sections of prose, made from its headings. A section reaches from one heading to the next."""

from __future__ import annotations

from typing import NamedTuple

from raycontext.chunk.lines import Lines
from raycontext.chunk.units import Draft, Level, Unit, join_scope
from raycontext.models import ChunkKind

__all__ = ["MAX_HEADING_CHARACTERS", "Heading", "section_outline"]

MAX_HEADING_CHARACTERS = 160
"""Largest length of a heading's text, in characters. The rest is cut off."""


class Heading(NamedTuple):
    """Heading of a section: its first row (from 0), its level (1 is the highest) and its text."""

    row: int
    level: int
    title: str


def section_outline(lines: Lines, headings: list[Heading]) -> tuple[list[Unit], list[Draft]]:
    """Return a unit for each section, in order, and a draft for each heading. Its scope is the headings above it."""
    units: list[Unit] = []
    drafts: list[Draft] = []
    if headings and headings[0].row > 0:
        units.append(Unit(0, headings[0].row - 1, None, Level()))
    parents: list[Heading] = []
    for index, heading in enumerate(headings):
        while parents and parents[-1].level >= heading.level:
            parents.pop()
        scope = " > ".join(parent.title for parent in parents if parent.title)
        last = headings[index + 1].row - 1 if index + 1 < len(headings) else len(lines) - 1
        unit = Unit(heading.row, last, None, Level(join_scope(scope, heading.title)))
        unit.defines = True
        units.append(unit)
        if heading.title:
            drafts.append(Draft(heading.title, ChunkKind.SECTION, heading.row, scope, unit, len(parents)))
        parents.append(heading)
    return units, drafts
