"""Protocol of a storage: a flat namespace of immutable objects.

Names are relative and use `/`. Nothing is ever overwritten: an object is either written under a name that no one else
uses (`write`), or put under a name that decides a race (`create`, put-if-absent).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from raycontext.errors import StorageError

__all__ = ["Storage", "too_large"]


def too_large(place: str, most_bytes: int) -> StorageError:
    """Return the error for an object that is larger than its reader takes."""
    return StorageError(place, f"it is larger than {most_bytes} bytes, which is the most that it may have")


class Storage(Protocol):
    """Place for immutable objects. Every method may raise `StorageError`."""

    @property
    def location(self) -> str:
        """Folder or URL of the storage, for messages and for opening the storage in another process."""
        ...

    @property
    def requests_at_once(self) -> int:
        """Number of small requests that are best made at once, each in a thread. It is 1 where an answer takes no time
        to travel."""
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Put `data` under `name` if nothing is there.

        Return True once the object is there, whole and durable; False where an object was there before.
        """
        ...

    def write(self, folder: str, objects: dict[str, bytes | pa.Buffer]) -> None:
        """Write the objects of a new folder in order. Each one is durable before the next one is visible."""
        ...

    def copy(self, source: str, folder: str, names: Sequence[str]) -> None:
        """Put objects of a folder that `write` made into another new folder, in the given order, the last one last.

        Each folder stays whole when the other is removed. A file system holds the bytes once where it can. Raises
        `FileNotFoundError` where an object is missing, also when the source is removed meanwhile; then nothing stays.
        """
        ...

    def read(self, name: str, most_bytes: int | None = None) -> bytes:
        """Return the content of an object. Raises `FileNotFoundError` where it is missing.

        most_bytes: size from which the object is refused, before more than that is read: others may have put it there.
        `StorageError` says so. None: it is read whatever its size.
        """
        ...

    def map(self, name: str, checksum: str = "") -> pa.Buffer:
        """Return the content of an object, mapped where the storage can, else read. Raises `FileNotFoundError`.

        checksum: the object's xxh3_128 in hexadecimal, where it is known. A storage with a cache keeps equal objects
        once by it. Whether the content has it is for the caller to check.
        """
        ...

    def exists(self, name: str) -> bool:
        """Return whether an object called `name` exists."""
        ...

    def list(self, folder: str) -> list[str]:
        """Return the sorted names directly below a folder. The list is empty where the folder does not exist."""
        ...

    def size(self, folder: str) -> int:
        """Return the size of all objects below a folder, in bytes."""
        ...

    def shared_size(self, folder: str) -> int:
        """Return the size in bytes of those objects below a folder whose bytes another folder holds as well, at no cost
        of its own. It is 0 where the storage keeps each copy by itself."""
        ...

    def modified(self, name: str) -> float:
        """Return when an object or a folder last changed, in Unix seconds. Raises `FileNotFoundError`."""
        ...

    def stamps(self, names: Sequence[str]) -> Sequence[str] | None:
        """Return a text for each object that differs from that of another object, or content, under the same name.

        It is "" for an object that is missing. Return None where the storage cannot tell of many objects in no time.
        """
        ...

    def renew(self, folder: str) -> None:
        """Set the time of the last change of a folder, which `write` made, to now. Raises `FileNotFoundError`."""
        ...

    def delete(self, name: str) -> bool:
        """Remove one object. Return False where it did not exist."""
        ...

    def remove(self, folder: str, *, unchanged_since: float | None = None) -> bool:
        """Remove a folder and everything below it. It disappears at once for readers that open it by name.

        With `unchanged_since` (Unix seconds), keep a folder whose `modified` time is another one. Return False where
        the folder did not exist, or was kept.
        """
        ...
