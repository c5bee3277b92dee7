"""Looks at something again and again while a block runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def sampling(look: Callable[[], None], seconds: float) -> Iterator[None]:
    """Call `look` in a thread of its own, at once and then every so many seconds, until the block ends."""
    ended = threading.Event()

    def run() -> None:
        while True:
            look()
            if ended.wait(seconds):
                return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
