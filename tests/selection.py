"""Hooks of pytest: the marks and the order of tests, and the end of a run in which nothing was tested."""

from __future__ import annotations

from pathlib import Path

import pytest

__all__ = ["pytest_collection_modifyitems", "pytest_sessionfinish"]

PROPERTIES = Path(__file__).with_name("property")
SLOW = {"soak", "process", "property"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for many examples, and put the files that take longest first: those that use Ray, then others.

    Processes that share a run end together where what comes last is short. Raise `UsageError` for tests whose names
    differ from process to process.
    """
    named_by_place = [item.nodeid for item in items if " at 0x" in item.nodeid]
    if named_by_place:  # each process of a run would collect other tests, and none would run
        raise pytest.UsageError(f"Tests are named by places in memory; give them ids: {named_by_place}")
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False) or PROPERTIES in item.path.parents:
            item.add_marker("property")
    marks: dict[Path, set[str]] = {}
    for item in items:
        marks.setdefault(item.path, set()).update(mark.name for mark in item.iter_markers())
    items.sort(key=lambda item: ("ray" not in marks[item.path], not marks[item.path] & SLOW))  # stable


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a run fail in which nothing passed, because all was skipped or left out."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or session.config.option.collectonly or session.exitstatus != pytest.ExitCode.OK:
        return
    if not reporter.stats.get("passed"):
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
