"""What is said of an index run before it is done."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["FolderSize", "IndexEstimate"]


class FolderSize(BaseModel):
    """A folder and what an index run would take of it."""

    model_config = ConfigDict(frozen=True)

    path: str
    files: int
    bytes: int


class IndexEstimate(BaseModel):
    """What an index run would do, without doing it."""

    model_config = ConfigDict(frozen=True)

    source: str
    files: int
    """To be indexed: new and changed ones."""
    bytes: int
    removed: int
    """Indexed files that are gone."""
    chunks: int
    """About, from a sample."""
    sampled_bytes: int
    """Source bytes of the sample that chunks and time are taken from."""
    seconds: float
    """Expected, of the work in index tasks as measured on the sample; a start of Ray comes on top."""
    skipped: dict[str, int]
    """Files that would be left out, by reason."""
    folders: tuple[FolderSize, ...]
    """With most bytes first, down to two levels."""
    unreadable_folders: tuple[str, ...] = ()
