"""Borders that the fuzzer knows, by name."""

from __future__ import annotations

from .asked import HTTP, MCP
from .border import Border
from .committed import COMMITS
from .fetched import ARCHIVES, BATCHES, REPOSITORIES
from .published import PUBLICATIONS
from .questions import PATTERNS, USAGES
from .relayed import RELAY
from .segments import SEGMENTS
from .stored import MANIFESTS, SNAPSHOTS
from .texts import CHUNKER, GLOBS, POSTINGS, TOKENIZER

__all__ = ["BORDERS"]

BORDERS: dict[str, Border] = {
    border.name: border
    for border in (
        HTTP,
        MCP,
        RELAY,
        BATCHES,
        REPOSITORIES,
        ARCHIVES,
        CHUNKER,
        TOKENIZER,
        POSTINGS,
        SEGMENTS,
        MANIFESTS,
        SNAPSHOTS,
        GLOBS,
        PUBLICATIONS,
        COMMITS,
        PATTERNS,
        USAGES,
    )
}
