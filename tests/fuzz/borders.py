"""Borders that the fuzzer knows, by name."""

from __future__ import annotations

from .border import Border
from .stored import MANIFESTS, SNAPSHOTS
from .texts import CHUNKER, GLOBS, POSTINGS, TOKENIZER

__all__ = ["BORDERS"]

BORDERS: dict[str, Border] = {
    border.name: border for border in (CHUNKER, TOKENIZER, POSTINGS, MANIFESTS, SNAPSHOTS, GLOBS)
}
