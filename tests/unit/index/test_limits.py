"""What a task may use, in a process of its own, as tasks have it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from ...waiting import WAIT_SECONDS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")


def run(program: str) -> subprocess.CompletedProcess[str]:
    head = "import mmap, os, signal\nfrom raycontext.index.work.limits import TASK_BYTES, allow, limited\n"
    return subprocess.run(
        [sys.executable, "-c", head + program], capture_output=True, text=True, timeout=WAIT_SECONDS, check=False
    )


def test_memory_of_a_task_has_a_limit() -> None:
    done = run(
        "with limited(memory=True):\n"
        "    for size in (TASK_BYTES // 2, 2 * TASK_BYTES):\n"
        "        try:\n"
        "            bytearray(size)\n"
        "            print('there')\n"
        "        except MemoryError:\n"
        "            print('refused')\n"
    )
    assert done.stdout.split() == ["there", "refused"], done.stderr


def test_what_a_model_holds_counts_for_no_later_task() -> None:
    done = run(
        "with limited(memory=True):\n"
        "    pass\n"
        "with limited(memory=False):\n"
        "    model = mmap.mmap(-1, 2 * TASK_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
        "with limited(memory=True):\n"
        "    bytearray(TASK_BYTES // 2)\n"
        "    print('there')\n"
    )
    assert done.stdout.split() == ["there"], done.stderr


def test_native_code_that_gives_up_ends_the_process() -> None:
    done = run(
        "signal.signal(signal.SIGABRT, lambda *_: None)\n"
        "with limited(memory=True):\n"
        "    print(signal.getsignal(signal.SIGABRT) == signal.SIG_DFL)\n"
    )
    assert done.stdout.split() == ["True"], done.stderr


def test_a_step_ends_when_its_time_is_over_whatever_the_environment_says() -> None:
    done = run(
        "os.environ['RAYCONTEXT_FILE_SECONDS'] = '100000'\n"
        "with limited(memory=False, file_seconds=0.2):\n"
        "    allow(1)\n"
        "    while True:\n"
        "        pass\n"
    )
    assert done.returncode == -signal.SIGPROF, done.stderr


def test_arrow_takes_no_gigabyte_of_a_task_and_the_callers_environment_stays_as_it_is() -> None:
    done = run(
        "before = dict(os.environ)\n"
        "import pyarrow\n"
        "from raycontext.index.work.worker import index_process\n"
        "from raycontext.models import IndexOptions\n"
        "from raycontext.store.collection import Location\n"
        "task = ('/', Location('/', 'c'), [], IndexOptions())\n"
        "with index_process(*task):\n"
        "    pass\n"
        "pyarrow.allocate_buffer(1000)\n"  # as work of another kind in the same worker does
        "with index_process(*task):\n"
        "    bytearray(TASK_BYTES // 2)\n"
        "    print(os.environ == before)\n"
    )
    assert done.stdout.split() == ["True"], done.stderr
