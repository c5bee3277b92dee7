"""Files whose workers are lost are pending, never blamed; a quarantine says why, where and when, and can be lifted."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import raycontext
from raycontext.batch.entries import BatchList
from raycontext.chunk import chunker
from raycontext.cli.main import main
from raycontext.index.planning import failures
from raycontext.runtime.base import WorkerLost
from raycontext.runtime.inline import InlineRuntime
from raycontext.store import vector_store

from ..conftest import write_tree

TREE = {"cart.py": "def total_price():\n    return 1\n", "bank.py": "def charge_card():\n    return 2\n"}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_tree(tmp_path / "shop", TREE)
    return tmp_path / "shop"


@pytest.fixture
def losing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """A context in which every task that indexes a file loses its node."""
    monkeypatch.setattr(failures, "LONGEST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(failures, "LOST_SECONDS", 0.03)
    run = InlineRuntime.run

    @contextmanager
    def lost(path: str) -> Iterator[None]:
        async def is_lost(self: InlineRuntime, function: Any, *arguments: Any, **named: Any) -> Any:
            files = arguments[2] if function.__name__ == "index_files" else ()
            if any(file.path == path for file in files):
                raise WorkerLost("NodeDiedError", "n7")
            return await run(self, function, *arguments, **named)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(InlineRuntime, "run", is_lost)
            yield

    return lost


def paths_of(context: raycontext.SyncContext, query: str) -> list[str]:
    return [hit.path for hit in context.search(query, collection="shop", refresh=False)]


def test_new_file_whose_node_is_lost_is_pending_until_the_next_run(
    shop: Path, root: Path, losing: Callable[[str], Any]
) -> None:
    with raycontext.connect(root=root, runtime="inline") as context:
        context.index(shop)
        write_tree(shop, {"new.py": "def refund():\n    return 3\n"})
        with losing("new.py"):
            report = context.index(shop)
        assert (report.pending_files, report.skipped) == (("new.py",), {"worker_lost": 1})
        status = context.status("shop")
        assert status.pending_files == ("new.py",)
        (failed,) = status.failed_files
        assert (failed.path, failed.reason, failed.why, failed.node) == (
            "new.py",
            "worker_lost",
            "NodeDiedError",
            "n7",
        )
        assert paths_of(context, "charge card")[0] == "bank.py"
        report = context.index(shop)
        assert (report.pending_files, report.skipped, report.files) == ((), {}, 3)
        assert context.status("shop").failed_files == ()


def test_changed_file_whose_node_is_lost_stays_as_it_was(shop: Path, root: Path, losing: Callable[[str], Any]) -> None:
    with raycontext.connect(root=root, runtime="inline") as context:
        context.index(shop)
        write_tree(shop, {"bank.py": "def transfer_money():\n    return 4\n"})
        with losing("bank.py"):
            report = context.index(shop)
        assert (report.pending_files, report.skipped, report.files) == (("bank.py",), {}, 2)
        assert context.status("shop").pending_files == ("bank.py",)
        assert paths_of(context, "charge_card")[0] == "bank.py"
        report = context.index(shop)
        assert (report.modified, report.pending_files) == (1, ())
        assert paths_of(context, "transfer_money")[0] == "bank.py"
        assert not context.verify("shop", deep=True)[0].damage


def test_pending_files_are_told_by_the_exit_code(
    shop: Path,
    root: Path,
    losing: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def exit_code(*more: str) -> Any:
        monkeypatch.setattr("sys.argv", ["raycontext", "index", str(shop), "--root", str(root), *more])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    with losing("bank.py"):
        assert exit_code("--runtime", "inline") == 8
        assert "pending, since workers were lost: 1 (bank.py)" in capsys.readouterr().out
        assert exit_code("--runtime", "inline", "--json") == 8
        assert json.loads(capsys.readouterr().out)["pending_files"] == ["bank.py"]
    assert exit_code("--runtime", "inline") == 0


def test_source_with_pending_files_is_no_whole_success_of_a_batch(
    shop: Path, root: Path, losing: Callable[[str], Any]
) -> None:
    batch = BatchList.model_validate({"sources": [{"folder": str(shop)}]})
    with raycontext.connect(root=root, runtime="inline") as context:
        with losing("bank.py"):
            assert context.batch(batch).succeeded == "some"
        assert context.batch(batch).succeeded == "all"


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Makes the chunker fail on one file; counts how often it is tried."""
    chunk_file, tries = chunker.chunk_file, [0]

    def fails(data: bytes, *arguments: Any) -> Any:
        if b"charge_card" in data:
            tries[0] += 1
            raise RuntimeError("charge_card is content that nobody may print")
        return chunk_file(data, *arguments)

    monkeypatch.setattr("raycontext.index.work.segment_builder.chunk_file", fails)
    return iter([tries])


def test_quarantine_says_why_where_and_when_and_can_be_lifted(
    shop: Path, root: Path, breaking: Iterator[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tries,) = breaking
    with raycontext.connect(root=root, runtime="inline") as context:
        assert context.index(shop).skipped == {"quarantined": 1}
        (failed,) = context.status("shop").failed_files
        assert (failed.path, failed.reason, failed.why) == ("bank.py", "quarantined", "RuntimeError")
        assert (failed.node, failed.version) == (platform.node(), raycontext.__version__)
        assert failed.failed_at.startswith("20")
        tried = tries[0]
        context.index(shop)
        assert tries[0] == tried
        assert context.estimate(shop, retry_quarantined=True).files == 1
        assert context.index(shop, retry_quarantined=True).skipped == {"quarantined": 1}
        assert tries[0] > tried
        assert context.index(shop, retry_quarantined=True, paths=["cart.py"]).files == 1
        tried = tries[0]
        with monkeypatch.context() as patch:
            patch.setattr(vector_store, "__version__", "99.0")
            context.index(shop)
        assert tries[0] > tried
        monkeypatch.undo()
        report = context.index(shop, retry_quarantined=True)
        assert (report.skipped, report.files) == ({}, 2)
        assert context.status("shop").failed_files == ()
