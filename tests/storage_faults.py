"""Storage that fails, and what a power cut leaves of a file system."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import pytest

from raycontext.errors import StorageError
from raycontext.store.storage.base import Storage

Result = TypeVar("Result")


class Crash(BaseException):
    """The process ended here. Nothing catches it, as nothing catches SIGKILL."""


class Kind(Enum):
    """What happens at a call."""

    NO_SPACE = "it fails: no space is left"
    IO_ERROR = "it fails: input/output error"
    LOST_REPLY = "it is done, and then fails"
    CRASH_BEFORE = "the process ends before it"
    CRASH_AFTER = "the process ends after it"
    TORN = "it leaves a part, and fails"
    CRASH_TORN = "it leaves a part, and the process ends"


CRASHES = (Kind.CRASH_BEFORE, Kind.CRASH_AFTER, Kind.CRASH_TORN)


class Fault(NamedTuple):
    """`kind` happens at call number `at`; of a folder that is torn, `whole` objects and a half are there."""

    kind: Kind
    at: int
    whole: int = 0


class InterceptedStorage:
    """Hands every call on to another storage, by way of `_call`."""

    def __init__(self, inner: Storage) -> None:
        self._inner = inner

    @property
    def location(self) -> str:
        return self._inner.location

    @property
    def requests_at_once(self) -> int:
        return self._inner.requests_at_once

    def stamps(self, names: Sequence[str]) -> Sequence[str] | None:
        return self._inner.stamps(names)

    def create(self, name: str, data: bytes) -> bool:
        return self._call("create", name, lambda: self._inner.create(name, data))

    def write(self, folder: str, objects: dict[str, bytes | pa.Buffer]) -> None:
        def tear(whole: int) -> None:
            kept = dict(list(objects.items())[: whole + 1])
            last = list(kept)[-1]
            kept[last] = bytes(kept[last])[: len(memoryview(kept[last])) // 2]
            self._inner.write(folder, kept)

        self._call("write", folder, lambda: self._inner.write(folder, objects), tear)

    def copy(self, source: str, folder: str, names: Sequence[str]) -> None:
        def tear(whole: int) -> None:
            self._inner.copy(source, folder, names[: whole + 1])

        self._call("copy", folder, lambda: self._inner.copy(source, folder, names), tear)

    def shared_size(self, folder: str) -> int:
        return self._call("shared_size", folder, lambda: self._inner.shared_size(folder))

    def read(self, name: str, most_bytes: int | None = None) -> bytes:
        return self._call("read", name, lambda: self._inner.read(name, most_bytes))

    def map(self, name: str, checksum: str = "") -> pa.Buffer:
        return self._call("map", name, lambda: self._inner.map(name, checksum))

    def exists(self, name: str) -> bool:
        return self._call("exists", name, lambda: self._inner.exists(name))

    def list(self, folder: str) -> list[str]:
        return self._call("list", folder, lambda: self._inner.list(folder))

    def size(self, folder: str) -> int:
        return self._call("size", folder, lambda: self._inner.size(folder))

    def modified(self, name: str) -> float:
        return self._call("modified", name, lambda: self._inner.modified(name))

    def renew(self, folder: str) -> None:
        self._call("renew", folder, lambda: self._inner.renew(folder))

    def delete(self, name: str) -> bool:
        return self._call("delete", name, lambda: self._inner.delete(name))

    def remove(self, folder: str, *, unchanged_since: float | None = None) -> bool:
        return self._call("remove", folder, lambda: self._inner.remove(folder, unchanged_since=unchanged_since))

    def _call(
        self, method: str, name: str, act: Callable[[], Result], tear: Callable[[int], None] | None = None
    ) -> Result:
        """`act` is the call, `tear` does a part of it: some objects and half of one."""
        raise NotImplementedError

    def _suffered(
        self, kind: Kind, method: str, whole: int, act: Callable[[], Result], tear: Callable[[int], None] | None
    ) -> BaseException:
        """Do what `kind` says instead of the call, and return what it then raises."""
        if kind in (Kind.LOST_REPLY, Kind.CRASH_AFTER):
            act()
        if kind in (Kind.TORN, Kind.CRASH_TORN):
            assert tear is not None, f"{method} cannot be torn"
            tear(whole)
        if kind in CRASHES:
            return Crash(method)
        code = errno.ENOSPC if kind is Kind.NO_SPACE else errno.EIO
        return StorageError(self.location, os.strerror(code))


class FaultyStorage(InterceptedStorage):
    """One of its calls, by number, does not go well."""

    def __init__(self, inner: Storage, fault: Fault | None = None) -> None:
        super().__init__(inner)
        self.calls: list[str] = []
        """Names of the methods that were called."""
        self._fault = fault

    @property
    def struck(self) -> bool:
        """Whether the fault has happened."""
        return self._fault is not None and len(self.calls) > self._fault.at

    def _call(
        self, method: str, name: str, act: Callable[[], Result], tear: Callable[[int], None] | None = None
    ) -> Result:
        number = len(self.calls)
        self.calls.append(method)
        if self._fault is None or number != self._fault.at:
            return act()
        raise self._suffered(self._fault.kind, method, self._fault.whole, act, tear)


class Process(InterceptedStorage):
    """A process that does one job after the other, from one call of the storage to the next, as it is told: it stands
    still before each call. Its storage is itself. Between two steps others do theirs, so that a test decides on the
    order of everything that several processes do to a storage."""

    def __init__(self, inner: Storage) -> None:
        super().__init__(inner)
        self.waits_for: tuple[str, str] | None = None
        """Method and name of the call before which it stands; None where it has no job."""
        self.done: list[tuple[str, str]] = []
        """The calls of this job."""
        self.faulted = False
        """Whether something failed in this job."""
        self.failure: BaseException | None = None
        """What the last job raised."""
        self._dead = False
        self._orders: SimpleQueue[Kind | None] = SimpleQueue()
        self._stops: SimpleQueue[tuple[str, str] | None] = SimpleQueue()

    def begin(self, job: Callable[[], None]) -> None:
        """Give it a job; it goes on to its first call. A `Crash` ends it without a trace."""

        def work() -> None:
            try:
                job()
            except Crash:
                pass
            except BaseException as error:
                self.failure = error
            finally:
                self._stops.put(None)

        assert self.waits_for is None
        self._dead = self.faulted = False
        self.done = []
        Thread(target=work, daemon=True).start()
        self.waits_for = self._stops.get()

    def step(self, fault: Kind | None = None) -> None:
        """Let it do its call, and go on to the next one or to the end of the job."""
        assert self.waits_for is not None
        self._orders.put(fault)
        self.waits_for = self._stops.get()

    def kill(self) -> None:
        """End its job before the call."""
        if self.waits_for is not None:
            self.step(Kind.CRASH_BEFORE)

    def _call(
        self, method: str, name: str, act: Callable[[], Result], tear: Callable[[int], None] | None = None
    ) -> Result:
        if self._dead:
            raise Crash(method)
        self._stops.put((method, name))
        fault = self._orders.get()
        self.done.append((method, name))
        self.faulted |= fault is not None
        if fault is None:
            return act()
        self._dead = fault in CRASHES
        raise self._suffered(fault, method, 1, act, tear)


class Event(NamedTuple):
    """Something that was done to a file system. Paths are relative to the folder that is recorded."""

    action: str  # mkdir, create, link, unlink, rename: entries of folders; sync; reached: a mark of the test
    path: str
    inode: int = 0  # of a file
    target: str = ""  # of a rename


class Recording:
    """What a program does to a folder, in order, and from that, what a power cut at any moment may leave of it.

    The rules are those of POSIX: the content of a file is durable once the file was synced, an entry of a folder once
    the folder was synced. Whatever else was done may be there or not, each for itself, and of a file any first part;
    what lies in a folder that is not there is not there either. Only a rename is one act, as journals make it.
    """

    def __init__(self, folder: Path) -> None:
        self.events: list[Event] = []
        self._folder = folder
        self._inodes: dict[str, int] = {}
        self._contents: dict[int, bytes] = {}

    def reached(self, mark: str) -> None:
        """Note in the recording that the program has come this far."""
        self.events.append(Event("reached", mark))

    def marks(self, cut: int) -> list[str]:
        """The marks before a cut."""
        return [event.path for event in self.events[:cut] if event.action == "reached"]

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record what this process does meanwhile through the functions that the storage uses."""
        with pytest.MonkeyPatch.context() as patch:
            notes: dict[str, Callable[..., None]] = {
                "mkdir": self._mkdir,
                "unlink": self._unlink,
                "fsync": self._fsync,
                "link": self._link,
                "rename": self._rename,
                "open": self._open,
            }
            for name, note in notes.items():
                patch.setattr(os, name, _after(note, getattr(os, name)))
            yield

    def after_power_cut(self, cut: int, survives: Callable[[], bool], share: Callable[[], float]) -> dict[str, bytes]:
        """Files by path, where power went off before event number `cut`. `survives` decides on each entry that was
        not durable, `share` how much there is of each file that was not."""
        past = self.events[:cut]
        synced = {event.inode for event in past if event.action == "sync" and event.inode}
        folders = {""}
        files: dict[str, int] = {}
        for number, event in enumerate(past):
            if event.action in ("sync", "reached"):
                continue
            place = event.target or event.path
            parent = place.rpartition("/")[0]
            is_durable = any(later.action == "sync" and later.path == parent for later in past[number:])
            if (not is_durable and not survives()) or parent not in folders:
                continue
            match event.action:
                case "mkdir":
                    folders.add(place)
                case "create" | "link":
                    files[place] = event.inode
                case "unlink":
                    files.pop(place, None)
                case "rename":
                    folders = {_moved(name, event) for name in folders}
                    files = {_moved(name, event): inode for name, inode in files.items()}
        left = {}
        for name, inode in files.items():
            content = self._contents.get(inode, b"")
            left[name] = content if inode in synced else content[: int(share() * len(content))]
        return left

    def _name(self, path: Any, folder: int | None = None) -> str:
        """The relative path of what a call names, by a path or by a name in an open folder."""
        above = "" if folder is None else Path(f"/proc/self/fd/{folder}").readlink()
        return os.path.relpath(Path(above, path), self._folder)

    def _mkdir(self, path: Any, *_: Any, dir_fd: int | None = None) -> None:
        self.events.append(Event("mkdir", self._name(path, dir_fd)))

    def _open(self, path: Any, flags: int, *_: Any, dir_fd: int | None = None) -> None:
        if flags & os.O_EXCL:
            name = self._name(path, dir_fd)
            inode = self._inodes[name] = len(self.events) + 1
            self.events.append(Event("create", name, inode))

    def _link(self, source: Any, target: Any, *, src_dir_fd: int, dst_dir_fd: int, **_: Any) -> None:
        name = self._name(target, dst_dir_fd)
        inode = self._inodes[name] = self._inodes[self._name(source, src_dir_fd)]
        self.events.append(Event("link", name, inode))

    def _unlink(self, path: Any, *_: Any, dir_fd: int | None = None) -> None:
        self.events.append(Event("unlink", self._name(path, dir_fd)))

    def _rename(self, source: Any, target: Any, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        self.events.append(Event("rename", self._name(source, src_dir_fd), target=self._name(target, dst_dir_fd)))

    def _fsync(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        name = self._name(path)
        if path.is_dir():
            self.events.append(Event("sync", "" if name == "." else name))
            return
        inode = self._inodes[name]
        self._contents[inode] = path.read_bytes()
        self.events.append(Event("sync", name, inode))


def _after(note: Callable[..., None], act: Callable[..., Result]) -> Callable[..., Result]:
    """`act`, then a note of what it has done, unless it failed."""

    def call(*arguments: Any, **options: Any) -> Result:
        result = act(*arguments, **options)
        note(*arguments, **options)
        return result

    return call


def _moved(name: str, event: Event) -> str:
    if name == event.path or name.startswith(f"{event.path}/"):
        return event.target + name.removeprefix(event.path)
    return name
