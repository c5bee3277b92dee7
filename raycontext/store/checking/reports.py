"""What `verify` and `repair` tell of the condition of a collection: small, frozen, without behaviour."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from raycontext.models import IndexReport

__all__ = ["Damage", "DamageKind", "RepairReport", "VerificationReport"]


class DamageKind(StrEnum):
    """What is wrong with an object of a collection."""

    MISSING = "missing"  # a manifest names it and it is not there
    DAMAGED = "damaged"  # its bytes are not those that were written
    CONTRADICTION = "contradiction"  # whole, but it does not agree with the others
    FORMAT = "format"  # written by another version of raycontext


class Damage(BaseModel):
    """Something that is wrong with a collection."""

    model_config = ConfigDict(frozen=True)

    object: str
    """A file or folder of the collection, relative to its folder."""
    kind: DamageKind
    meaning: str
    """What was found, and what follows from it."""


class VerificationReport(BaseModel):
    """Whether the newest version of a collection is whole, and how much was looked at."""

    model_config = ConfigDict(frozen=True)

    collection: str
    version: int
    """The newest version that can be read; 0 where there is none."""
    deep: bool
    damage: tuple[Damage, ...]
    """Empty: the collection is healthy."""
    manifests: int
    segments: int
    data_files: int
    """Files of segments whose size was compared; with `deep` their checksum as well."""
    bytes: int
    """Sum of their sizes."""
    files: int
    """Indexed files that were found in segments."""
    chunks: int
    """Their chunks."""
    compared_files: int
    """With `deep`: files whose chunks were compared with the source, which is as it was indexed."""
    changed_files: int
    """With `deep`: files that have changed since, or are gone; the next index run takes them in."""


class RepairReport(BaseModel):
    """What a repair found and did."""

    model_config = ConfigDict(frozen=True)

    collection: str
    damage: tuple[Damage, ...]
    """What was found; empty: nothing was done."""
    version: int
    """The version that names nothing but what is intact; the index run that follows builds on it."""
    dropped_segments: tuple[str, ...] = ()
    dropped_files: int = 0
    """Indexed files whose chunks cannot be answered from any more: they are indexed again."""
    rebuilt_snapshot: bool = False
    """Every file of the source is hashed again; those of intact segments are not indexed again."""
    removed_manifests: tuple[int, ...] = ()
    """Versions that could not be read, or not be answered from, any more."""
    rewritten_description: bool = False
    index: IndexReport | None = None
    """The run that indexed again what was dropped; None where nothing was damaged or the source is not there."""
