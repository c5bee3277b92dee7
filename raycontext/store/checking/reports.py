"""Reports of `verify` and `repair` about the condition of a collection: small, frozen, without behaviour."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from raycontext.models import IndexReport

__all__ = ["Damage", "DamageKind", "RepairReport", "VerificationReport"]


class DamageKind(StrEnum):
    """Kind of damage to an object of a collection."""

    MISSING = "missing"  # a manifest names the object, and it is not there
    DAMAGED = "damaged"  # the bytes of the object are not those that were written
    CONTRADICTION = "contradiction"  # the object is whole, but it contradicts another object
    FORMAT = "format"  # another version of raycontext wrote the object


class Damage(BaseModel):
    """Damage to one object of a collection."""

    model_config = ConfigDict(frozen=True)

    object: str
    """Damaged file or folder, relative to the collection's folder."""
    kind: DamageKind
    """Kind of the damage."""
    meaning: str
    """What was found, and what follows from it, in sentences."""


class VerificationReport(BaseModel):
    """Report of a verification: the damage to the newest version of a collection, and how much was checked."""

    model_config = ConfigDict(frozen=True)

    collection: str
    """Name of the collection."""
    version: int
    """Newest version that can be read; 0 where there is none."""
    deep: bool
    """Whether checksums of all data files and the chunks of unchanged source files were compared as well."""
    damage: tuple[Damage, ...]
    """Damage that was found. Empty: the collection is healthy."""
    manifests: int
    """Number of manifests that were read."""
    segments: int
    """Number of segments that the newest version names."""
    data_files: int
    """Data files of segments whose size was compared. With `deep`, their checksum was compared as well."""
    bytes: int
    """Total size of these data files."""
    files: int
    """Number of indexed files in intact segments."""
    chunks: int
    """Number of chunks of these files."""
    compared_files: int
    """Files whose chunks were compared with the unchanged source. 0 without `deep`."""
    changed_files: int
    """Files that have changed since they were indexed, or are gone. The next index run takes them in. 0 without
    `deep`."""


class RepairReport(BaseModel):
    """Report of a repair: what it found and what it did."""

    model_config = ConfigDict(frozen=True)

    collection: str
    """Name of the collection."""
    damage: tuple[Damage, ...]
    """Damage that was found. Empty: nothing was done."""
    version: int
    """Version that names only intact objects. The index run that follows builds on it."""
    dropped_segments: tuple[str, ...] = ()
    """Names of damaged segments that this version does not name any more."""
    dropped_files: int = 0
    """Number of indexed files whose chunks were lost. They are indexed again."""
    rebuilt_snapshot: bool = False
    """Whether the snapshot was lost. Then every file of the source is hashed again; files of intact segments are not
    indexed again."""
    removed_manifests: tuple[int, ...] = ()
    """Versions whose manifests were removed, since they could not be read or named damaged objects."""
    rewritten_description: bool = False
    """Whether the description of the collection was damaged and has been written anew."""
    index: IndexReport | None = None
    """Report of the run that indexed the dropped files again. None where nothing was damaged or the source is not
    there."""
