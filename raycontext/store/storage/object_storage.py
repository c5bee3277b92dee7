"""Storage on an object store: S3, Google Cloud Storage, Azure Blob Storage, and services with the same protocols.

Conditional puts (`If-None-Match: *`) alone keep two writers apart. An object store that ignores the condition is
refused before anything is committed to it. Credentials and endpoints are read from the environment, under the names
that the tools of each service use (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, GOOGLE_APPLICATION_CREDENTIALS,
AZURE_STORAGE_ACCOUNT_NAME, …).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import obstore
import pyarrow as pa
import xxhash
from obstore.exceptions import AlreadyExistsError, BaseError, GenericError, NotFoundError

from raycontext.errors import StorageError, StorageUnreachable, UnsafeStorage
from raycontext.store.storage.base import too_large
from raycontext.store.storage.object_cache import ObjectCache
from raycontext.ulid import new_ulid

if TYPE_CHECKING:
    from obstore.store import ObjectStore

__all__ = ["ObjectStorage", "open_store"]

_PASSING = re.compile(
    r"HTTP error|timed? ?out|connection|status code: (?:5\d\d|408|429)|\b(?:5\d\d|408|429) [A-Z]", re.IGNORECASE
)
"""What the message of an error says that may pass."""

RETRIES = 5
"""Largest number of retries of a request that fails for a temporary reason."""
RETRY_SECONDS = 30.0
"""Time in seconds during which a request is retried."""
CONNECT_SECONDS = 10
"""Time in seconds that a connection may take to open."""
TRANSFER_SECONDS = 300
"""Time in seconds that one request may take, including the transfer of its objects."""
DELETE_OBJECTS = 1000
"""Largest number of objects that one request deletes."""
REQUESTS_AT_ONCE = 32
"""Number of small requests that are made at once. Each one takes tens of milliseconds, most of which it travels."""
PART_BYTES = 8 << 20
"""Size in bytes of the parts in which an object is downloaded. One part is in memory at a time."""


class _OtherContent(Exception):
    """An object does not have the checksum that its segment says."""


def open_store(location: str) -> ObjectStore:
    """Open the store at `s3://bucket/prefix`, `gs://…` or `az://…`.

    Raises `StorageError` where the environment lacks what is needed to reach it.
    """
    from obstore.store import from_url

    options: Any = {"connect_timeout": f"{CONNECT_SECONDS}s", "timeout": f"{TRANSFER_SECONDS}s"}
    endpoints = [os.environ.get(name, "") for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")]
    if any(endpoint.startswith("http://") for endpoint in endpoints):
        options["allow_http"] = True  # naming such an endpoint is consent
    retries: Any = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS)}
    try:
        return from_url(location, client_options=options, retry_config=retries)
    except (BaseError, ValueError) as error:
        raise StorageError(location, _reason(error)) from error


class ObjectStorage:
    """A `Storage` on an object store. Folders are prefixes of names and exist as long as an object below them does.

    An object appears whole or not at all. The objects of a folder are put one after the other, so a description that is
    written last exists only with everything that it describes.
    """

    def __init__(self, location: str, opened: Callable[[], ObjectStore], cache: ObjectCache) -> None:
        """Make a storage at the URL `location`.

        `opened` opens the store when it is first needed, so that its errors are raised by a call. `cache` keeps the
        objects that are mapped, by location and name.
        """
        self._location = location
        self._opened = opened
        self._cache = cache

    @property
    def location(self) -> str:
        return self._location

    @property
    def requests_at_once(self) -> int:
        return REQUESTS_AT_ONCE

    def create(self, name: str, data: bytes) -> bool:
        """Put `data` under `name` if nothing is there; see `Storage.create`.

        The first call tests whether the store honours the condition. Raises `UnsafeStorage` if it does not.
        """
        if not self._keeps_what_is_there:
            raise UnsafeStorage(self._location, "a second conditional put of the same object was accepted")
        return self._put_if_absent(name, data)

    def write(self, folder: str, objects: dict[str, bytes | pa.Buffer]) -> None:
        written: list[str] = []
        try:
            for name, data in objects.items():
                place = f"{folder}/{name}"
                with self._errors_of(place):
                    written.append(place)
                    view = memoryview(data)
                    obstore.put(self._store, place, view.cast("B") if view.nbytes else b"")
        except StorageError:
            with suppress(StorageError):  # what stays is garbage that no manifest names
                self._delete_all(written)
            raise

    def copy(self, source: str, folder: str, names: Sequence[str]) -> None:
        """Have the store copy objects, without a transfer to this machine; see `Storage.copy`."""
        written: list[str] = []
        try:
            for name in names:
                with self._errors_of(f"{source}/{name}", missing=True):
                    written.append(f"{folder}/{name}")
                    obstore.copy(self._store, f"{source}/{name}", f"{folder}/{name}")
        except (StorageError, FileNotFoundError):
            with suppress(StorageError):
                self._delete_all(written)
            raise

    def read(self, name: str, most_bytes: int | None = None) -> bytes:
        with self._errors_of(name, missing=True):
            answer = obstore.get(self._store, name)
            if most_bytes is None:
                return bytes(answer.bytes())
            received = bytearray()
            for part in answer.stream(min_chunk_size=PART_BYTES):
                if len(received) + len(part) > most_bytes:
                    raise too_large(f"{self._location}/{name}", most_bytes)
                received += part
            return bytes(received)

    def map(self, name: str, checksum: str = "") -> pa.Buffer:
        """Return an object, mapped from this node's cache, into which it is downloaded once; see `Storage.map`.

        With a checksum it is kept under that, so that collections which share segments share its cached copy. What does
        not have the checksum is not kept. An object that is larger than the cache, or cannot be written to it, is read
        into memory instead.
        """
        facts = f"\0{checksum}" if checksum else f"{self._location}\0{name}"
        key = xxhash.xxh3_128_hexdigest(facts.encode())
        found = self._cache.find(key)
        if found is not None:
            return found
        with self._errors_of(name, missing=True):
            answer = obstore.get(self._store, name)
            size = int(answer.meta["size"])
        if size <= self._cache.limit_bytes:
            with suppress(OSError, _OtherContent):
                return self._cache.add(key, self._parts(name, answer, size, checksum))
        return pa.py_buffer(self.read(name))

    def exists(self, name: str) -> bool:
        try:
            with self._errors_of(name, missing=True):
                obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        return True

    def list(self, folder: str) -> list[str]:
        with self._errors_of(folder):
            found = obstore.list_with_delimiter(self._store, folder or None)
        places = [*found["common_prefixes"], *(entry["path"] for entry in found["objects"])]
        return sorted({place.rpartition("/")[2] for place in places})

    def size(self, folder: str) -> int:
        return sum(entry["size"] for entry in self._entries(folder))

    def shared_size(self, folder: str) -> int:
        """Return 0: a store keeps each copy by itself."""
        return 0

    def modified(self, name: str) -> float:
        with suppress(FileNotFoundError), self._errors_of(name, missing=True):
            return float(obstore.head(self._store, name)["last_modified"].timestamp())
        times: Sequence[float] = [entry["last_modified"].timestamp() for entry in self._entries(name)]
        if not times:
            raise FileNotFoundError(name)
        return max(times)

    def delete(self, name: str) -> bool:
        if not self.exists(name):
            return False
        self._delete_all([name])
        return True

    def stamps(self, names: Sequence[str]) -> Sequence[str] | None:
        return None

    def renew(self, folder: str) -> None:
        """Set the time of the last change of a folder to now, by putting its smallest object again, unchanged.

        Raises `FileNotFoundError`.
        """
        entries = self._entries(folder)
        if not entries:
            raise FileNotFoundError(folder)
        place = min(entries, key=lambda entry: (entry["size"], entry["path"]))["path"]
        data = self.read(place)
        with self._errors_of(place):
            obstore.put(self._store, place, data)

    def remove(self, folder: str, *, unchanged_since: float | None = None) -> bool:
        """Remove a folder object by object; see `Storage.remove`.

        Objects directly in the folder are removed last, the others sorted by name. So a collection loses its manifests
        first and its description last. If the removal is interrupted, an empty collection is left.
        """
        if unchanged_since is not None and self.modified(folder) != unchanged_since:
            return False
        places = [entry["path"] for entry in self._entries(folder)]
        directly = len(folder.split("/")) + 1
        places.sort(key=lambda place: (len(place.split("/")) == directly, place))
        self._delete_all(places)
        return bool(places)

    @cached_property
    def _store(self) -> ObjectStore:
        return self._opened()

    @cached_property
    def _keeps_what_is_there(self) -> bool:
        """Whether the store refuses a second conditional put of an object, which is tested here."""
        name = f".probe-{new_ulid()}"
        self._put_if_absent(name, b"")
        try:
            return not self._put_if_absent(name, b"another content")
        finally:
            with suppress(StorageError):
                self._delete_all([name])

    def _put_if_absent(self, name: str, data: bytes) -> bool:
        """Put an object with the condition that nothing is there. Return False where something is.

        After a lost reply it is unknown whether the object is there.
        """
        try:
            with self._errors_of(name):
                obstore.put(self._store, name, data, mode="create", use_multipart=False)
        except FileExistsError:
            return False
        return True

    def _parts(self, name: str, answer: Any, size: int, checksum: str) -> Iterator[bytes]:
        """Yield the parts of a download. Raises `StorageError` where they do not add up to `size` bytes, and
        `_OtherContent` where they do not have the checksum that is given."""
        received, digest = 0, xxhash.xxh3_128()
        with self._errors_of(name):
            for part in answer.stream(min_chunk_size=PART_BYTES):
                received += len(part)
                digest.update(part)
                yield part
        if received != size:
            raise StorageError(f"{self._location}/{name}", f"{received} of {size} bytes were received")
        if checksum and digest.hexdigest() != checksum:
            raise _OtherContent(name)

    def _entries(self, folder: str) -> Sequence[Any]:
        """Return the metadata of each object below a folder."""
        with self._errors_of(folder):
            return [entry for entries in obstore.list(self._store, folder or None) for entry in entries]

    def _delete_all(self, places: Sequence[str]) -> None:
        for first in range(0, len(places), DELETE_OBJECTS):
            with self._errors_of(places[first]), suppress(FileNotFoundError, NotFoundError):
                obstore.delete(self._store, places[first : first + DELETE_OBJECTS])

    @contextmanager
    def _errors_of(self, name: str, missing: bool = False) -> Iterator[None]:
        """Translate the store's errors: an object that exists already into `FileExistsError`, all others into
        `StorageError`. With `missing`, an object that is not there raises `FileNotFoundError`."""
        try:
            yield
        except AlreadyExistsError as error:
            raise FileExistsError(name) from error
        except (FileNotFoundError, NotFoundError) as error:
            if missing:
                raise FileNotFoundError(name) from error
            raise StorageError(f"{self._location}/{name}", _reason(error)) from error
        except BaseError as error:
            kind = StorageUnreachable if _may_pass(error) else StorageError
            raise kind(f"{self._location}/{name}", _reason(error)) from error


def _may_pass(error: BaseError) -> bool:
    """Return whether an error is one of the network, or of a server that has no time, so that it may pass."""
    return isinstance(error, GenericError) and _PASSING.search(_reason(error)) is not None


def _reason(error: Exception) -> str:
    """Return the first line of an error's message. The other lines only help to debug the client library."""
    return next(iter(str(error).splitlines()), type(error).__name__)[:300]
