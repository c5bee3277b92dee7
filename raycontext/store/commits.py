"""Commits in segments: how a commit stands in a row, and which commits the history of a version has.

A commit is a file with one chunk: its path is its full hash, its text is JSON with what `LoggedCommit` holds.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable

import pyarrow as pa

from raycontext.discover.commits.log import LoggedCommit
from raycontext.embed.names import STATIC
from raycontext.embed.registry import embedder_for
from raycontext.embed.remote.providers import RemoteEmbedder
from raycontext.embed.vectors import Embedder
from raycontext.files.foreign_json import read_json
from raycontext.store.collection import Collection
from raycontext.store.manifest import CommitHistory
from raycontext.store.segments.segment import Segment

__all__ = [
    "COMMITS_FINGERPRINT",
    "commit_at",
    "commit_text",
    "fits_history",
    "names_of",
    "open_history",
    "parts_of_message",
    "text_embedder",
]

COMMITS_FINGERPRINT = "commits-1"
"""Fingerprint of the form in which commits stand in segments. Another one means that they are read anew."""

_LINE_END = re.compile(r"\r\n?")
_PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n")


def text_embedder() -> Embedder:
    """Return the embedder of commits: the table of the package, so that no message is sent to a server."""
    embedder = embedder_for(STATIC)
    assert not isinstance(embedder, RemoteEmbedder)
    return embedder


def fits_history(history: CommitHistory) -> bool:
    """Return whether this version of raycontext would make the same rows of the commits of a history."""
    return (history.embedder, history.chunker) == (text_embedder().fingerprint, COMMITS_FINGERPRINT)


def commit_text(commit: LoggedCommit) -> bytes:
    """Return the text under which a commit is stored: JSON in ASCII, in which any path can stand."""
    told = {"time": commit.time, "message": commit.message, "files": commit.files, "touched": commit.touched}
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def commit_at(segment: Segment, row: int) -> LoggedCommit:
    """Return the commit in a row of a segment. Raises `CorruptSegment` where none stands there."""
    try:
        told = read_json(segment.text(row))
        files = tuple(str(path) for path in told["files"])
        name = segment.path(int(segment.chunk_column("file")[row]))
        return LoggedCommit(name, int(told["time"]), str(told["message"]), files, int(told["touched"]))
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        raise segment.damaged("text.arrow", "a row of it is no commit") from error


def parts_of_message(message: str) -> tuple[str, str]:
    """Return the subject of a message, which is its first paragraph on one line, and the rest."""
    first, *rest = _PARAGRAPH_END.split(_LINE_END.sub("\n", message).strip(), maxsplit=1)
    return " ".join(first.split()), "".join(rest).strip()


def open_history(collection: Collection, history: CommitHistory | None) -> list[Segment]:
    """Open the segments of a history. Raises `FileNotFoundError`, `CorruptSegment` or `UnsupportedFormat`."""
    references = history.segments if history is not None else ()
    return [Segment(collection.storage, collection.name, reference) for reference in references]


def names_of(segments: Iterable[Segment]) -> set[str]:
    """Return the full hashes of the living commits of segments."""
    return {
        os.fsdecode(path)
        for segment in segments
        for path in segment.files.column("path").filter(pa.array(segment.alive_files())).to_pylist()
    }
