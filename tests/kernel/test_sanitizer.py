"""The kernels, built with AddressSanitizer, touch no byte outside of their arrays in any test of this folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process
REPOSITORY = Path(__file__).resolve().parents[2]

PROGRAM = """
import sys
from pathlib import Path
import pytest
from raycontext.kernel import library
library.FOLDER = Path(sys.argv[1])
sys.exit(pytest.main([*sys.argv[2:], "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]))
"""

BUILD = """
import sys
from pathlib import Path
import compile_kernels
compile_kernels.compile_kernels(Path(sys.argv[1]), more_flags=["-g", "-O1", "-fsanitize=address"])
"""


@pytest.fixture(scope="module")
def sanitizer() -> str:
    """Path of the sanitizer's library, which must be loaded before everything else."""
    if sys.platform != "linux" or not shutil.which("gcc"):
        pytest.skip("needs gcc on Linux")
    found = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    place = found.stdout.strip()
    if not Path(place).is_absolute():
        pytest.skip("this gcc has no AddressSanitizer")
    return place


@pytest.fixture(scope="module")
def library_folder(sanitizer: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sanitized")
    environment = os.environ | {"CC": "gcc", "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-c", BUILD, str(folder)], env=environment, check=True)
    return folder


def run(folder: Path, sanitizer: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the sanitizer loaded first. Other libraries' leaks are not looked for."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    environment |= {"LD_PRELOAD": sanitizer, "ASAN_OPTIONS": "detect_leaks=0"}
    command = [sys.executable, "-c", *arguments[:1], str(folder), *arguments[1:]]
    return subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_tests_of_kernels_pass_under_the_sanitizer(library_folder: Path, sanitizer: str) -> None:
    done = run(library_folder, sanitizer, PROGRAM, "tests/kernel/test_border.py", "tests/kernel/test_outputs.py")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert " passed" in done.stdout


def test_sanitizer_sees_what_lies_outside(library_folder: Path, sanitizer: str) -> None:
    program = """
import sys
from pathlib import Path
import numpy as np
from raycontext.kernel import library
library.FOLDER = Path(sys.argv[1])
from raycontext.kernel.arguments import UINT8
data = np.full(100_000, 65, np.uint8)
library.kernels().blank_bodies(UINT8.write(data), data.size + 1000, 0)
"""
    done = run(library_folder, sanitizer, program)
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr
