"""Watcher that keeps the index of a folder up to date as its files change.

Changes that the system reports are hints. An index run, which compares the tree with the snapshot, decides what has
changed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path, PurePath

from raycontext.discover.rules.ignore import CONTROL_NAMES, FolderRules
from raycontext.errors import RaycontextError

__all__ = ["TreeWatcher"]

_log = logging.getLogger("raycontext")

EVERYTHING: tuple[str, ...] = ()
"""Hint that stands for the whole folder, instead of paths."""

MOST_HINTS = 1000
"""Largest number of paths that are looked at one by one. Beyond it, the whole folder is looked at."""

QUIET_MILLISECONDS = 50
"""Pause without a change that ends a group of changes, in milliseconds.

A checkout changes thousands of files at once.
"""

MOST_MILLISECONDS = 1600
"""Longest time that a group of changes is collected, in milliseconds."""

WALK_SECONDS = 300.0
"""Time between two comparisons of the whole tree without a hint, in seconds. Hints can be lost."""

LOOK_MILLISECONDS = 1000
"""Time between two checks that the folder is still the one that was opened, in milliseconds."""

RETRY_SECONDS = 5.0
"""Pause after a failed index run or a failed watch, in seconds."""


class TreeWatcher:
    """Watcher of one folder, which may go away and come back.

    index: brings the index of the given paths up to date, or of the whole folder when it gets none.
    """

    def __init__(
        self,
        source: str,
        index: Callable[[tuple[str, ...]], Awaitable[object]],
        *,
        walk_seconds: float = WALK_SECONDS,
        may_poll: bool = True,
    ) -> None:
        """Begin to watch with `run`.

        may_poll: whether the folder is polled where the system reports no changes. Otherwise it is only walked now and
        then, since polling a large tree costs much.
        """
        self.source = source
        self.problem = ""
        """Message of the last index run's error; empty when it succeeded."""
        self.polls = False
        """Whether the folder is polled, since the system reports no changes in it."""
        self._may_poll = may_poll
        self._listens = False  # hints arrive
        self._is_covered = False  # a run over everything has succeeded since hints arrive
        self._is_idle = False  # all hints so far are taken in
        self._complete: float | None = None  # monotonic time before which all changes are in the index
        self._index = index
        self._walk_seconds = walk_seconds
        self._rules = FolderRules(Path(source))

    def view(self) -> tuple[float | None, bool]:
        """Return the age in seconds of the state of the folder that the index holds, and whether files may be missing.

        The age is None before the first run has succeeded. Changes are collected for up to `MOST_MILLISECONDS`, so no
        view is younger.
        """
        if self._complete is None:
            return None, True
        if self._is_idle and self._is_covered:
            return MOST_MILLISECONDS / 1000, False
        return time.monotonic() - self._complete, True

    async def run(self) -> None:
        """Index the folder, and again whenever something in it changes, until this is cancelled."""
        loop = asyncio.get_running_loop()
        hints: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()
        ended = threading.Event()

        def arrived(paths: tuple[str, ...], listens: bool) -> None:
            if self._is_idle and self._is_covered:
                self._complete = time.monotonic() - MOST_MILLISECONDS / 1000
            self._is_idle, self._listens = False, listens
            self._is_covered = self._is_covered and listens
            hints.put_nowait(paths)

        def tell(paths: tuple[str, ...], *, listens: bool = True) -> None:
            loop.call_soon_threadsafe(arrived, paths, listens)

        listening = asyncio.ensure_future(asyncio.to_thread(self._listen, tell, ended))
        walked, paths = loop.time(), EVERYTHING
        try:
            while True:
                begun, listens = time.monotonic(), self._listens
                if not await self._bring_up_to_date(paths):
                    walked = loop.time() - self._walk_seconds + RETRY_SECONDS
                else:
                    if not paths:
                        walked = loop.time()
                        self._complete = begun
                        self._is_covered = listens and self._listens
                    self._is_idle = hints.empty()
                try:
                    told = [await asyncio.wait_for(hints.get(), max(walked + self._walk_seconds - loop.time(), 0))]
                except TimeoutError:
                    paths = EVERYTHING
                    continue
                while not hints.empty():
                    told.append(hints.get_nowait())
                paths = tuple({path for few in told for path in few})
                if not all(told) or len(paths) > MOST_HINTS:
                    paths = EVERYTHING
        finally:
            ended.set()
            await asyncio.wait([listening])

    async def _bring_up_to_date(self, paths: tuple[str, ...]) -> bool:
        """Index the given paths. Returns False, and keeps the problem, when that fails."""
        try:
            await self._index(paths)
        except RaycontextError as error:  # for example, the folder is away; it may come back
            if str(error) != self.problem:
                _log.warning("%s could not be indexed: %s", self.source, error)
            self.problem = str(error)
            return False
        self.problem = ""
        return True

    def _listen(self, tell: Callable[..., None], ended: threading.Event) -> None:
        """Call `tell` when something has changed, with the paths or with `EVERYTHING`. Runs in a thread of its own."""
        while not ended.is_set():
            identity = _identity(self.source)
            if identity is None:
                ended.wait(LOOK_MILLISECONDS / 1000)
                continue
            try:
                self._listen_to(identity, tell, ended)
            except (OSError, RuntimeError) as error:  # the system has no watch left, or the file system has none
                tell(EVERYTHING, listens=False)
                if not self._may_poll:
                    _log.info("changes of %s are not reported (%s): it is walked now and then", self.source, error)
                    return
                if self.polls:
                    ended.wait(RETRY_SECONDS)
                    continue
                _log.warning("changes of %s are not reported (%s): the folder is polled instead", self.source, error)
                self.polls = True

    def _listen_to(self, identity: tuple[int, int], tell: Callable[..., None], ended: threading.Event) -> None:
        """Listen while the watched path is still the folder that was opened (same device and inode)."""
        import watchfiles  # some 50 ms of CPU time, and most processes watch nothing

        self._rules.forget()
        hints = watchfiles.watch(
            self.source,
            watch_filter=None,
            debounce=MOST_MILLISECONDS,
            step=QUIET_MILLISECONDS,
            stop_event=ended,
            rust_timeout=LOOK_MILLISECONDS,
            yield_on_timeout=True,
            raise_interrupt=False,
            force_polling=self.polls or None,
            ignore_permission_denied=True,
        )
        tell(EVERYTHING)  # for changes from before the watch began
        for changes in hints:
            paths = tuple(path for _, path in changes if self._counts(path))
            if _identity(self.source) != identity:
                tell(EVERYTHING, listens=False)
                return
            if paths:
                tell(paths if self._below(paths) else EVERYTHING)

    def _below(self, paths: Iterable[str]) -> bool:
        """Return whether all paths lie below the folder."""
        return all(PurePath(self.source) in PurePath(path).parents for path in paths)

    def _counts(self, path: str) -> bool:
        """Return whether a change of this file can change the index."""
        try:
            place = PurePath(path).relative_to(self.source)
        except ValueError:
            return True
        if place.name in CONTROL_NAMES:
            self._rules.forget()
            return True
        parent = place.parent.as_posix()
        rules = self._rules.inside("" if parent == "." else parent)
        if rules is None:
            return False
        inside = place.as_posix()
        return not (rules.ignores_file(inside, place.name) and rules.ignores_folder(inside, place.name))


def _identity(folder: str) -> tuple[int, int] | None:
    """Return device and inode of a folder; None when it does not exist."""
    try:
        found = os.stat(folder)  # noqa: PTH116
    except OSError:
        return None
    return found.st_dev, found.st_ino
