"""An object store that does not answer for a while: operations wait, runs go on, searches keep to their time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import raycontext
from raycontext.errors import StorageError, StorageUnreachable
from raycontext.index.planning import failures
from raycontext.store.storage import patience
from raycontext.store.storage.memory import MemoryStorage
from raycontext.store.storage.patience import PatientStorage, patience_until

from ...conftest import write_tree


class Outage:
    """Storage in memory that does not answer for a number of operations."""

    def __init__(self, failing: int, *, after: bool = False) -> None:
        self.memory = MemoryStorage("memory://outage")
        self.failing = failing
        self.after = after
        """Whether an operation is done before its answer is lost."""

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.memory, name)

        def answer(*arguments: Any, **named: Any) -> Any:
            if self.failing > 0:
                self.failing -= 1
                if self.after:
                    method(*arguments, **named)
                raise StorageUnreachable("s3://b/x", "503 Slow Down")
            return method(*arguments, **named)

        return answer if callable(method) else method


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE_SECONDS", 0.0)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("after", [False, True])
def test_operations_are_tried_again_and_are_done_once(after: bool) -> None:
    outage = Outage(3, after=after)
    storage: Any = PatientStorage(outage)  # type: ignore[arg-type]
    assert storage.create("c/one", b"1")
    assert outage.failing == 0
    assert not storage.create("c/one", b"2")
    outage.failing = 0 if after else 2  # a folder in memory is written once; an object store replaces its objects
    storage.write("c/folder", {"a": b"alpha"})
    outage.failing = 2
    assert (storage.read("c/folder/a"), storage.list("c")) == (b"alpha", ["folder", "one"])


@pytest.mark.usefixtures("at_once")
def test_other_content_is_never_taken_for_ours() -> None:
    outage = Outage(0)
    outage.memory.create("c/one", b"theirs")
    outage.failing = 1
    assert not PatientStorage(outage).create("c/one", b"ours")  # type: ignore[arg-type]


def test_search_waits_no_longer_than_its_deadline() -> None:
    storage = PatientStorage(Outage(10**9))  # type: ignore[arg-type]
    begun = time.monotonic()
    with patience_until(time.time() - 1.0), pytest.raises(StorageUnreachable):
        storage.read("c/one")
    assert time.monotonic() - begun < patience.PATIENCE_SECONDS


def test_other_errors_are_raised_at_once() -> None:
    with pytest.raises(FileNotFoundError):
        PatientStorage(MemoryStorage("memory://none")).read("c/one")


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, int], None]]:
    """Makes a method of the storage in memory fail a number of times, beyond the patience of an operation."""
    monkeypatch.setattr(failures, "LONGEST_PAUSE_SECONDS", 0.01)

    def lose(name: str, times: int) -> None:
        method, left = getattr(MemoryStorage, name), [times]

        def answer(self: MemoryStorage, *arguments: Any, **named: Any) -> Any:
            if left[0] > 0:
                left[0] -= 1
                raise StorageUnreachable("s3://b/x", "503 Slow Down")
            return method(self, *arguments, **named)

        monkeypatch.setattr(MemoryStorage, name, answer)

    yield lose


@pytest.mark.parametrize("name", ["create", "write", "list"])
def test_run_outlives_an_outage_of_its_storage(
    tmp_path: Path, lost: Callable[[str, int], None], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_tree(tmp_path / "shop", {"card.py": "def charge_card():\n    return 1\n"})
    with raycontext.connect(root="memory://patience", runtime="inline") as context:
        context.index(tmp_path / "shop")
        write_tree(tmp_path / "shop", {"bank.py": "def transfer():\n    return 2\n"})
        lost(name, 5)
        report = context.index(tmp_path / "shop")
        assert (report.files, report.skipped, report.pending_files) == (2, {}, ())
        assert "next try" in caplog.text or name == "list"
        assert not context.verify("shop", deep=True)[0].damage


def test_run_whose_storage_stays_away_ends_with_its_error(
    tmp_path: Path, lost: Callable[[str, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "LOST_SECONDS", 0.02)
    write_tree(tmp_path / "shop", {"card.py": "def charge_card():\n    return 1\n"})
    with raycontext.connect(root="memory://away", runtime="inline") as context:
        context.index(tmp_path / "shop")
        write_tree(tmp_path / "shop", {"bank.py": "def transfer():\n    return 2\n"})
        lost("write", 10**9)
        with pytest.raises(StorageError, match="503"):
            context.index(tmp_path / "shop")
        assert context.status("shop").files == 1
