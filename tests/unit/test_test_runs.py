"""How the tests are run: what the inner loop leaves out, and that a run in which nothing was tested fails."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.process

SLOW = (
    "tests/cluster/test_cluster.py::test_nodes_export_metrics",
    "tests/fidelity/test_seed.py::test_several_actors_where_one_is_too_slow[ray]",
    "tests/property/test_incremental_index.py::test_edited_index_equals_one_from_scratch",
    "tests/property/test_incremental_index.py::test_number_of_shards_changes_no_answer[inline]",
    "tests/recovery/test_several_writers.py::TestSeveralWriters::runTest",
    "tests/recovery/test_soak.py::test_nothing_acknowledged_is_lost_by_kills_full_disks_errors_and_clocks",
    "tests/serve/test_daemon.py::test_daemon_that_no_one_asks_ends",
)
"""Tests of each kind that the inner loop leaves out."""


def pytest_run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def commands_of(target: str) -> str:
    """What make would run."""
    return subprocess.run(
        ["make", "--dry-run", "--always-make", target], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout


def test_inner_loop_leaves_out_what_is_slow() -> None:
    (line,) = (line for line in commands_of("test-fast").splitlines() if "-m pytest" in line)
    words = shlex.split(line)
    options = words[words.index("pytest") + 1 :]
    expression = options[options.index("-m") + 1]
    files = sorted({test.partition("::")[0] for test in SLOW})
    everything = pytest_run("--collect-only", "-q", *files).stdout.splitlines()
    assert set(SLOW) <= set(everything)
    selected = pytest_run("--collect-only", "-q", "-m", expression, *files).stdout.splitlines()
    assert not set(SLOW) & set(selected)
    assert not [test for test in selected if "[ray" in test]
    assert "tests/fidelity/test_seed.py::test_several_actors_where_one_is_too_slow[inline]" in selected


def test_whole_run_leaves_nothing_out_and_shows_what_is_slow() -> None:
    (line,) = (line for line in commands_of("test").splitlines() if "-m pytest" in line)
    words = shlex.split(line)
    assert words.count("-m") == 1  # that of `python -m pytest`
    assert re.search(r"--durations[ =]30\b", line)


def test_run_in_which_nothing_passed_fails(tmp_path: Path) -> None:
    """Where nothing was selected, and where all that was selected was skipped."""
    skipping = tmp_path / "test_skipped.py"
    skipping.write_text("import pytest\n\n\ndef test_skipped():\n    pytest.skip('not here')\n")
    common = ("-q", "-c", str(REPOSITORY / "pyproject.toml"), "--rootdir", str(tmp_path))
    hooks = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\nfrom tests.selection import pytest_sessionfinish\n"
    (tmp_path / "conftest.py").write_text(hooks)
    assert pytest_run(*common, str(skipping)).returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert pytest_run(*common, "-k", "nothing", str(skipping)).returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    skipping.write_text("def test_passes():\n    assert True\n")
    assert pytest_run(*common, str(skipping)).returncode == pytest.ExitCode.OK


def test_bytecode_is_kept_whatever_the_shell_says() -> None:
    """Programs that tests start would compile the package each time, which is a third of what a command costs."""
    assert not sys.dont_write_bytecode
    assert "PYTHONDONTWRITEBYTECODE" not in os.environ
