"""Chunks of text without a known structure, cut at blank lines and by indentation."""

from __future__ import annotations

from raycontext.chunk.labels import label
from raycontext.chunk.lines import Lines
from raycontext.chunk.packing import Span
from raycontext.models import Chunk, ChunkKind

__all__ = ["text_chunks"]


def text_chunks(lines: Lines, target_bytes: int, plain: ChunkKind) -> list[Chunk]:
    """Cut text into chunks of about `target_bytes` bytes. `plain` is the kind of each chunk.

    The best place for a cut is after a blank line and before a line with little indentation.
    """
    if len(lines) == 0:
        return []
    spans = [Span(first, last, "", False) for first, last in lines.cut(0, len(lines) - 1, target_bytes)]
    return label(lines, spans, [], plain)[0]
