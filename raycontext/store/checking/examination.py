"""Result of an examination of a collection: its damage, and the intact objects that a repair can build on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from raycontext.discover.snapshot import Snapshot
from raycontext.errors import UnsupportedFormat
from raycontext.store.checking.reports import Damage, DamageKind
from raycontext.store.collection import CollectionIdentity
from raycontext.store.manifest import Manifest

__all__ = ["Examination", "LiveFile", "names_in"]


def names_in(manifest: Manifest) -> Iterator[str]:
    """Yield the names of a version's segments and snapshot."""
    yield from manifest.segment_names()
    yield manifest.snapshot


class LiveFile(NamedTuple):
    """Living file of a segment."""

    path: str
    size: int  # bytes
    digest: bytes  # xxh3_128 of the content, 16 bytes


@dataclass(slots=True)
class Examination:
    """Result of an examination: the damage to a collection, and the intact objects that a repair can build on.

    The counts are those of `VerificationReport`.
    """

    identity: CollectionIdentity | None = None
    """Description of the collection; None where it is damaged."""
    manifest: Manifest | None = None
    """Newest manifest that can be read."""
    snapshot: Snapshot | None = None
    """Snapshot of `manifest`; None where it is damaged."""
    damage: list[Damage] = field(default_factory=list)
    damaged_manifests: list[int] = field(default_factory=list)
    """Versions whose manifests cannot be read."""
    live: dict[str, list[LiveFile]] = field(default_factory=dict)
    """Living files of the intact segments, by the segment's name."""
    older: list[Manifest] = field(default_factory=list)
    """Other manifests that can be read, ascending. Readers that began on them still use them, and one of them becomes
    the newest where the newest is lost."""
    links: list[str] = field(default_factory=list)
    """Folders of the collection that are symbolic links; "" for the collection's own folder."""
    damaged_segments: list[str] = field(default_factory=list)
    """Names of the damaged segments of `manifest`."""
    damaged_objects: set[str] = field(default_factory=set)
    """Names of damaged segments and snapshots, including those that only older manifests name."""
    disagreement: bool = False
    """Whether segments and snapshot, each whole, do not hold the same files."""
    unsupported: UnsupportedFormat | None = None
    """Error of an object whose format this version cannot read."""
    manifests: int = 0
    data_files: int = 0
    bytes: int = 0
    chunks: int = 0
    compared_files: int = 0
    changed_files: int = 0

    def add(self, place: str, kind: DamageKind, meaning: str) -> None:
        """Record damage to the object at `place`, relative to the collection's folder."""
        self.damage.append(Damage(object=place, kind=kind, meaning=meaning))

    def useless_versions(self) -> list[int]:
        """Return the versions whose manifests cannot be read or name damaged objects, ascending."""
        known = (*self.older, *([self.manifest] if self.manifest else ()))
        spoiled = [manifest.version for manifest in known if not self.damaged_objects.isdisjoint(names_in(manifest))]
        return sorted((*self.damaged_manifests, *spoiled))

    @property
    def highest_is_damaged(self) -> bool:
        """Whether the newest manifest cannot be read, so that an older one takes its place."""
        newest = self.manifest.version if self.manifest else 0
        return any(version > newest for version in self.damaged_manifests)
