"""What is searched for."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GrepPattern"]


@dataclass(frozen=True, slots=True)
class GrepPattern:
    """Pattern with the flags that change what matches."""

    pattern: str
    """Regular expression of one line, or a text where `fixed_string` says so."""
    ignore_case: bool = False
    word: bool = False
    """Whether a match must begin and end where a word does."""
    fixed_string: bool = False
