"""Keeps the index of a folder true as its files change. What the system reports is taken as a hint: an index run, which
compares the tree with the snapshot, decides what has changed."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path, PurePath

import watchfiles

from raycontext.discover.ignore import CONTROL_NAMES, IgnoreRules, is_never_indexed, rules_for_root
from raycontext.errors import RaycontextError

__all__ = ["TreeWatcher"]

_log = logging.getLogger("raycontext")

QUIET_MILLISECONDS = 100
"""After so long without a change those before count as one: a checkout changes thousands of files at once."""

MOST_MILLISECONDS = 1600
"""But changes are taken in after so long at the latest."""

WALK_SECONDS = 300.0
"""How often the tree is compared without a hint: hints can be lost."""

LOOK_MILLISECONDS = 1000
"""How often it is looked whether the folder is still there, and still the same."""

RETRY_SECONDS = 5.0


class TreeWatcher:
    """Watches one folder, which may go away and come back. index: brings its index up to date."""

    def __init__(
        self, source: str, index: Callable[[], Awaitable[object]], *, walk_seconds: float = WALK_SECONDS
    ) -> None:
        self.source = source
        self.problem = ""
        """Why the last index run failed; "" where it did not."""
        self.polls = False
        """Whether the folder is looked through again and again, since the system reports no changes of it."""
        self._index = index
        self._walk_seconds = walk_seconds
        self._rules: dict[str, IgnoreRules | None] = {}

    async def run(self) -> None:
        """Index the folder, and again whenever something in it changes, until this is cancelled."""
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        ended = threading.Event()

        def tell() -> None:
            loop.call_soon_threadsafe(changed.set)

        listening = asyncio.ensure_future(asyncio.to_thread(self._listen, tell, ended))
        try:
            while True:
                changed.clear()
                await self._bring_up_to_date()
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), self._walk_seconds)
        finally:
            ended.set()
            await asyncio.wait([listening])

    async def _bring_up_to_date(self) -> None:
        try:
            await self._index()
            self.problem = ""
        except RaycontextError as error:  # such as a folder that is away: it may come back
            if str(error) != self.problem:
                _log.warning("%s could not be indexed: %s", self.source, error)
            self.problem = str(error)

    def _listen(self, tell: Callable[[], None], ended: threading.Event) -> None:
        """In a thread of its own: call `tell` when something has changed."""
        while not ended.is_set():
            identity = _identity(self.source)
            if identity is None:
                ended.wait(LOOK_MILLISECONDS / 1000)
                continue
            try:
                self._listen_to(identity, tell, ended)
            except (OSError, RuntimeError) as error:  # no watch is left, or the file system has none
                if self.polls:
                    ended.wait(RETRY_SECONDS)
                    continue
                _log.warning("changes of %s are not reported (%s): it is looked through instead", self.source, error)
                self.polls = True

    def _listen_to(self, identity: tuple[int, int], tell: Callable[[], None], ended: threading.Event) -> None:
        """As long as the folder is the same one."""
        self._rules.clear()
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
        tell()  # what has changed before it was listened to
        for changes in hints:
            if any(self._counts(path) for path in _places(changes)):
                tell()
            if _identity(self.source) != identity:
                tell()
                return

    def _counts(self, path: str) -> bool:
        """Whether a change of a file can change the index."""
        try:
            place = PurePath(path).relative_to(self.source)
        except ValueError:
            return True
        if place.name in CONTROL_NAMES:
            self._rules.clear()
            return True
        rules = self._rules_in(place.parent)
        if rules is None:
            return False
        inside = place.as_posix()
        return not (rules.ignores_file(inside, place.name) and rules.ignores_folder(inside, place.name))

    def _rules_in(self, folder: PurePath) -> IgnoreRules | None:
        """What counts for the entries of a folder, relative to the source; None where it is left out itself."""
        key = folder.as_posix()
        if key not in self._rules:
            self._rules[key] = self._entered(folder)
        return self._rules[key]

    def _entered(self, folder: PurePath) -> IgnoreRules | None:
        root = Path(self.source)
        if folder == PurePath():
            return rules_for_root(root).entered(root, "")
        above = self._rules_in(folder.parent)
        inside = folder.as_posix()
        if above is None or is_never_indexed(str(root / folder), folder.name):
            return None
        if above.ignores_folder(inside, folder.name):
            return None
        return above.entered(root / folder, inside)


def _identity(folder: str) -> tuple[int, int] | None:
    """Which folder it is; None where there is none."""
    try:
        found = os.stat(folder)  # noqa: PTH116
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _places(changes: Iterable[tuple[object, str]]) -> Iterable[str]:
    return (path for _, path in changes)
