"""Chunks of text without structure that we know: by blank lines and indentation."""

from __future__ import annotations

from raycontext.chunk.labels import label
from raycontext.chunk.lines import Lines
from raycontext.chunk.packing import Span
from raycontext.models import Chunk, ChunkKind

__all__ = ["text_chunks"]


def text_chunks(lines: Lines, target_bytes: int, plain: ChunkKind) -> list[Chunk]:
    """Runs of lines of about `target_bytes`, cut before little indented lines, best after a blank one."""
    if len(lines) == 0:
        return []
    spans = [Span(first, last, "", False) for first, last in lines.cut(0, len(lines) - 1, target_bytes)]
    return label(lines, spans, [], plain)[0]
