"""A running index job can be stopped; what it has committed stays, and the next one goes on."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import raycontext
from raycontext.sdk.connection import Connection

from ..conftest import CART, write_tree

FILES = 400


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A tree that takes a few batches to index."""
    place = tmp_path / "large"
    write_tree(place, {f"d{number % 9}/f{number}.py": f"# {number}\n{CART * 60}" for number in range(FILES)})
    return place


def test_cancelled_run_tells_its_caller_and_the_next_one_goes_on(connection: Connection, large: Path) -> None:
    with connection as context:
        errors: list[BaseException] = []

        def index() -> None:
            try:
                context.index(large, collection="large")
            except raycontext.RaycontextError as error:
                errors.append(error)

        thread = threading.Thread(target=index)
        thread.start()
        while (progress := context.progress("large")) is None or progress.stage in ("queued", "walking", "hashing"):
            assert thread.is_alive()
        assert context.cancel("large")
        thread.join()
        assert [type(error) for error in errors] == [raycontext.JobCancelled]
        assert "goes on" in str(errors[0]) or "go on" in str(errors[0])
        stopped = context.progress("large")
        assert stopped is not None
        assert stopped.stage == "cancelled"
        report = context.index(large, collection="large")
        assert report.files == FILES
        assert context.progress("large").stage == "done"  # type: ignore[union-attr]
        assert not context.cancel("large")
        assert not context.cancel("nothing")
