"""Answers for agents: within their budget, and honest about what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycontext.errors import JobFailed
from raycontext.models import CollectionSummary, Hit, JobProgress
from raycontext.serve import mcp_calls
from raycontext.serve.mcp_answers import BYTES_PER_TOKEN, FoundCode, answer_with_results
from raycontext.serve.mcp_arguments import checked_arguments
from raycontext.serve.mcp_calls import Calls
from raycontext.serve.mcp_progress import percent_of, progress_line, progress_structured

CODE = st.lists(st.text(max_size=60), max_size=40).map("\n".join)
FOUND = st.builds(
    FoundCode,
    path=st.text(min_size=1, max_size=30),
    start_line=st.just(1),
    end_line=st.just(9),
    symbol=st.text(max_size=10),
    kind=st.just("function"),
    language=st.just("python"),
    score=st.floats(0, 1),
    code=CODE,
    file_changed=st.none() | st.booleans(),
)


@given(found=st.lists(FOUND, max_size=12), budget=st.integers(200, 3000))
def test_an_answer_keeps_within_its_budget(found: list[FoundCode], budget: int) -> None:
    answer = answer_with_results("first line", {}, ["a note"], found, budget)
    results = answer.structured["results"]
    assert len(results) + answer.structured["omitted"] == len(found)
    assert bool(results) == bool(found)
    # Its parts are counted one by one and rounded up; lines between them, and the last note, are on top.
    assert len(answer.text.encode()) / BYTES_PER_TOKEN <= budget + 40
    for result in results:
        assert result["code"] in answer.text
    assert answer.text.isprintable() or not any(char in answer.text for char in "\x1b\x00\u202e")


def test_code_is_cut_at_the_end_of_a_line_and_marked() -> None:
    code = "\n".join(f"line {number}" for number in range(500))
    found = FoundCode("a.py", 1, 500, "f", "function", "python", 0.5, code, True)
    answer = answer_with_results("first", {}, [], [found], 1000)
    (result,) = answer.structured["results"]
    assert result["codeCut"]
    assert result["code"].splitlines() == code.splitlines()[: len(result["code"].splitlines())]
    assert "changed since it was indexed" in answer.text
    assert result["fileChanged"]


RUNNING = JobProgress(
    collection="c",
    stage="indexing",
    files_to_index=100,
    files_indexed=40,
    bytes_to_index=10_000_000,
    bytes_indexed=4_000_000,
    seconds=2.0,
)


def test_progress_says_percentage_rate_and_expected_time() -> None:
    structured = progress_structured(RUNNING)
    assert structured["state"] == "running"
    assert 35 < structured["percent"] < 60
    assert structured["megabytesPerSecond"] == 2.0
    assert structured["secondsLeft"] == 3.0
    assert progress_line(RUNNING) == f"{structured['percent']:.0f} % indexed, 2.0 MB/s, about 3 s left"
    assert progress_structured(JobProgress(collection="c", stage="queued"))["secondsLeft"] is None


STAGES = ["queued", "walking", "hashing", "indexing", "committing", "done"]
COUNTS = st.integers(0, 10**9)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_percentages_grow_with_the_stages(to_hash: int, hashed: int, to_index: int, indexed: int) -> None:
    percents = []
    for stage in STAGES:
        later = stage in ("indexing", "committing", "done")
        progress = JobProgress(
            collection="c",
            stage=stage,  # type: ignore[arg-type]
            files_to_hash=to_hash if stage != "queued" else 0,
            files_hashed=to_hash if later else min(hashed, to_hash) if stage == "hashing" else 0,
            bytes_to_index=to_index if later else 0,
            bytes_indexed=indexed if later else 0,
        )
        percents.append(percent_of(progress))
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert all(0 <= percent < 100 for percent in percents[:-1])


class Scripted:
    """A service whose run of `folder` makes progress with each look at it."""

    def __init__(self, folder: Path, steps: list[JobProgress], searchable_after: int) -> None:
        self.folder = str(folder)
        self.steps = steps
        self.searchable_after = searchable_after
        self.looks = 0
        self.started = False

    async def collections(self) -> Sequence[CollectionSummary]:
        if not self.started:
            return []
        version = int(self.looks >= self.searchable_after)
        return [
            CollectionSummary(name="c", source=self.folder, version=version, files=1, chunks=1, indexed_at="2026-01-01")
        ]

    async def search(self, query: str, collection: str, paths: tuple[str, ...], limit: int) -> Sequence[Hit]:
        hit = {"path": "a.py", "start_line": 1, "end_line": 2, "language": "python", "kind": "function", "symbol": "f"}
        facts = {"scope": "A", "text": "def f(): pass", "score": 0.5, "lexical": 1.0, "vector": 0.5, "digest": ""}
        return [Hit.model_validate({**hit, **facts, "collection": "c", "source": self.folder})]

    async def related(self, path: str, line: int, limit: int) -> Sequence[Hit]:
        return []

    async def start_index(self, path: str) -> None:
        self.started = True

    async def progress(self, path: str) -> JobProgress | None:
        self.looks += 1
        return self.steps[min(self.looks, len(self.steps)) - 1]

    async def clear(self, collection: str) -> None:
        self.started = False


async def search(service: Scripted) -> tuple[str, dict[str, Any], list[tuple[float, float | None, str | None]]]:
    reported: list[tuple[float, float | None, str | None]] = []

    async def report(value: float, total: float | None, text: str | None) -> None:
        reported.append((value, total, text))

    arguments = checked_arguments("search_code", {"path": service.folder, "query": "f"})
    answer = await Calls(service).call("search_code", arguments, report)
    return answer.text, answer.structured, reported


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_calls, "POLL_SECONDS", 0.0)


async def test_a_first_search_reports_progress_and_answers_when_the_run_is_done(tmp_path: Path) -> None:
    later = RUNNING.model_copy(update={"bytes_indexed": 9_000_000})
    done = RUNNING.model_copy(update={"stage": "done"})
    text, structured, reported = await search(Scripted(tmp_path, [RUNNING, RUNNING, later, done], 1))
    assert "a.py:1-2 · A > f · function" in text
    assert not structured["partial"]
    values = [value for value, _, _ in reported]
    assert len(values) == 2
    assert values == sorted(set(values))
    assert "MB/s" in str(reported[0][2])


async def test_results_of_a_run_that_goes_on_are_marked_as_partial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp_calls, "FIRST_SEARCH_SECONDS", 0.0)
    text, structured, _ = await search(Scripted(tmp_path, [RUNNING], 1))
    assert structured["partial"]
    assert structured["indexing"]["state"] == "running"
    assert structured["results"]
    assert "Partial: indexing goes on" in text


async def test_before_the_first_commit_an_agent_is_told_when_to_call_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp_calls, "FIRST_SEARCH_SECONDS", 0.0)
    text, structured, _ = await search(Scripted(tmp_path, [RUNNING], 1_000_000))
    assert structured["partial"]
    assert structured["results"] == []
    assert "Call again" in text


async def test_a_run_that_failed_is_an_error(tmp_path: Path) -> None:
    failed = JobProgress(collection="c", stage="failed", error="disk full")
    with pytest.raises(JobFailed, match="disk full"):
        await search(Scripted(tmp_path, [RUNNING, failed], 1_000_000))
