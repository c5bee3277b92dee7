"""Patterns of the languages that are read line by line."""

from __future__ import annotations

from raycontext.chunk.readers.patterns import Patterns
from raycontext.chunk.readers.tables.classic import CLASSIC
from raycontext.chunk.readers.tables.data import DATA
from raycontext.chunk.readers.tables.functional import FUNCTIONAL
from raycontext.chunk.readers.tables.hardware import HARDWARE
from raycontext.chunk.readers.tables.lisps import LISPS
from raycontext.chunk.readers.tables.markup import MARKUP
from raycontext.chunk.readers.tables.others import OTHERS
from raycontext.chunk.readers.tables.scripting import SCRIPTING

__all__ = ["PATTERNS"]

PATTERNS: dict[str, Patterns] = CLASSIC | DATA | FUNCTIONAL | HARDWARE | LISPS | MARKUP | OTHERS | SCRIPTING
"""Patterns by language."""
