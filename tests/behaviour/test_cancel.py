"""A running index job can be stopped; what it has committed stays, and the next one goes on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import raycontext
from raycontext.sdk.connection import Connection

from ..conftest import CART, write_tree
from ..waiting import until


def large(place: Path, files: int) -> Path:
    """A tree that takes a few batches to index."""
    write_tree(place, {f"d{number % 9}/f{number}.py": f"# {number}\n{CART * 60}" for number in range(files)})
    return place


def cancelled(context: raycontext.SyncContext, source: Path) -> BaseException | None:
    """The error of an index run that was cancelled once it indexed; None where it was over before."""
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(context.index, source, collection="large")

        def indexes() -> bool:
            progress = context.progress("large")
            return running.done() or (progress is not None and progress.stage in ("indexing", "committing"))

        until(indexes, pause=0.0)
        if not context.cancel("large"):
            running.result()
            return None
        return running.exception()


def test_cancelled_run_tells_its_caller_and_the_next_one_goes_on(connection: Connection, tmp_path: Path) -> None:
    with connection as context:
        for files in (100, 400, 1600):
            source = large(tmp_path / f"large{files}", files)
            error = cancelled(context, source)
            if error is not None:
                break
            context.clear("large")
        assert type(error) is raycontext.JobCancelled
        assert "goes on" in str(error) or "go on" in str(error)
        stopped = context.progress("large")
        assert stopped is not None
        assert stopped.stage == "cancelled"
        report = context.index(source, collection="large")
        assert report.files == files
        assert context.progress("large").stage == "done"  # type: ignore[union-attr]
        assert not context.cancel("large")
        assert not context.cancel("nothing")
