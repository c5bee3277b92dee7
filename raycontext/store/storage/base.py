"""Storage: a flat namespace of immutable objects, as the layers above see it."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

__all__ = ["Storage"]


class Storage(Protocol):
    """What the layers above ask of a place for objects. Every method may raise `StorageError`."""

    @property
    def location(self) -> str:
        """Where the objects lie, for messages and to open the same storage in another process."""
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Put `data` under `name` if nothing is there. True: it is there now, whole and durable.
        False: something else was there before."""
        ...

    def write(self, folder: str, objects: dict[str, bytes | pa.Buffer]) -> None:
        """Write the objects of a new folder, in order, each durable before the next is visible."""
        ...

    def read(self, name: str) -> bytes:
        """The whole object. Raises `FileNotFoundError` where it is missing."""
        ...

    def map(self, name: str) -> pa.Buffer:
        """The whole object, mapped where the storage can, else read. Raises `FileNotFoundError`."""
        ...

    def exists(self, name: str) -> bool:
        """Whether there is an object of this name."""
        ...

    def list(self, folder: str) -> list[str]:
        """Sorted names directly below a folder; empty where it does not exist."""
        ...

    def size(self, folder: str) -> int:
        """Bytes of all objects below a folder."""
        ...

    def modified(self, name: str) -> float:
        """When an object or a folder last changed, Unix seconds. Raises `FileNotFoundError`."""
        ...

    def renew(self, folder: str) -> None:
        """Make now the time of the last change of a folder that `write` made. Raises `FileNotFoundError`."""
        ...

    def delete(self, name: str) -> bool:
        """Remove one object; False where it did not exist."""
        ...

    def remove(self, folder: str, *, unchanged_since: float | None = None) -> bool:
        """Remove a folder and everything below it. It disappears at once for readers that open it by name.

        `unchanged_since`: stop where `modified` of the folder is not this any more. False where the folder did not
        exist, or stays."""
        ...
