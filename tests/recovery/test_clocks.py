"""Writers of one collection whose clocks are wrong by hours, or jump, destroy nothing that was committed."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import cycle
from pathlib import Path

import pytest

from raycontext.store.collection import Location

from ..waiting import WAIT_SECONDS, until
from .soak import NAME, balance

LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
TURNS = 12
WRITER = f"""
import sys
from raycontext.store.garbage import LOCAL_GRACE
from tests.recovery import soak

soak.COLLECT_EVERY = 1
soak.write(sys.argv[1], int(sys.argv[2]), {TURNS}, LOCAL_GRACE)
"""
CLOCKS = {
    "ahead": ("+3h",),
    "behind": ("-3h",),
    "jumping ahead and back": ("+0", "+3h"),
    "jumping behind and back": ("+0", "-3h"),
    "jumping by days": ("+2d", "-2d", "+0"),
}
"""What the clock of one writer shows, relative to the true time, by turns. That of the other one is right."""

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(LIBRARY is None, reason="needs faketime: apt-get install faketime, or make test as root"),
]


def set_clock(shown: Path, show: str) -> bool:
    """Set the wrong clocks, in one step: who reads a file that is being written gets no time."""
    following = shown.with_suffix(".next")
    following.write_text(show)
    following.replace(shown)
    return True


@pytest.mark.parametrize("times", ["of the machine", "of the storage"])
@pytest.mark.parametrize("clock", CLOCKS)
def test_no_committed_version_loses_what_it_names(tmp_path: Path, clock: str, times: str) -> None:
    """Times of files are those that the writer's machine tells, or those of a storage whose clock is right."""
    collection = Location(str(tmp_path), NAME).open()
    collection.create("/nowhere")
    shown = tmp_path / "clock"
    set_clock(shown, CLOCKS[clock][0])
    right = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    wrong = {
        **right,
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(shown),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        **({"NO_FAKE_STAT": "1"} if times == "of the storage" else {}),
    }
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(number)], env=environment)
        for number, environment in enumerate((right, wrong, wrong))
    ]
    try:
        shows = cycle(CLOCKS[clock])
        until(lambda: set_clock(shown, next(shows)) and all(writer.poll() is not None for writer in writers))
        assert [writer.wait(WAIT_SECONDS) for writer in writers] == [0, 0, 0]
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    assert balance(collection, tmp_path, 0) == 0
