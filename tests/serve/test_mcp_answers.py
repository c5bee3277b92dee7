"""Answers for agents: within their budget, and honest about what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import CallToolResult, TextContent

from raycontext.errors import InvalidInput, JobFailed, UnknownCollection
from raycontext.models import CollectionSummary, FurtherPlace, Hit, JobProgress
from raycontext.models.hits import Surrounding
from raycontext.sdk.token_budget import BYTES_PER_TOKEN
from raycontext.serve.mcp import calls
from raycontext.serve.mcp.answers import FoundCode, ToolAnswer, answer_with_results
from raycontext.serve.mcp.arguments import checked_arguments
from raycontext.serve.mcp.calls import Calls
from raycontext.serve.mcp.progress import progress_line, progress_structured
from raycontext.serve.mcp.schemas import LARGEST_MAX_TOKENS
from raycontext.serve.messages import Answer, CollectionQuery, IndexQuery, JobState, SearchQuery
from raycontext.serve.savings import Savings
from raycontext.serve.service import Service

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


def sent(answer: ToolAnswer) -> int:
    """Size of an answer as the SDK sends it, in bytes."""
    result = CallToolResult(content=[TextContent(text=answer.text)], structured_content=answer.structured)
    return len(result.model_dump_json(by_alias=True, exclude_none=True).encode())


@given(found=st.lists(FOUND, max_size=12), budget=st.integers(200, 3000), as_json=st.booleans())
def test_an_answer_as_it_is_sent_keeps_within_its_budget(found: list[FoundCode], budget: int, as_json: bool) -> None:
    around = [SURROUNDING.model_copy(update={"line": line}) for line in range(20)]
    answer = answer_with_results("first line", {"root": "/r"}, ["a note"], found, budget, around, as_json=as_json)
    assert (answer.structured is not None) == as_json
    results = answer.structured["results"] if answer.structured else []
    if answer.structured:
        assert answer.text == "first line"
        assert len(results) + answer.structured["omitted"] == len(found)
        assert bool(results) == bool(found)
        assert all(result["code"] in {code.code for code in found} or result["codeCut"] for result in results)
    alone = len(results) == 1 and len(results[0]["code"]) <= 1  # the first result stays, if only as a place
    shown = answer.text.count("function · ")
    assert sent(answer) / BYTES_PER_TOKEN <= budget or alone or (not as_json and shown <= 1)
    assert answer.text.isprintable() or not any(char in answer.text for char in "\x1b\x00\u202e")


SURROUNDING = Surrounding(
    collection="c", path="b.py", line=1, end_line=4, kind="function", name="g", scope="", signature="def g(x)",
    relation="callee", of="f",
)  # fmt: skip


def test_what_is_left_of_a_budget_goes_to_what_is_around() -> None:
    found = FoundCode("a.py", 1, 2, "f", "function", "python", 0.5, "def f(): ...", None)
    others = (
        SURROUNDING.model_copy(update={"relation": "caller"}),
        SURROUNDING.model_copy(update={"relation": "outline"}),
    )
    answer = answer_with_results("1 result", {}, [], [found], 1000, (SURROUNDING, *others))
    assert answer.text.endswith(
        "f calls:\n  b.py:1 def g(x)\nf is called by:\n  b.py:1 def g(x)\nAlso in b.py:\n  1-4 def g(x)"
    )
    cut = answer_with_results("1 result", {}, [], [found], 200, [SURROUNDING] * 100)
    assert 0 < cut.text.count("def g(x)") < 100
    structured = answer_with_results("1 result", {}, [], [found], 1000, [SURROUNDING], as_json=True).structured
    assert structured is not None and structured["surroundings"][0]["signature"] == "def g(x)"


def test_a_budget_is_used_and_the_largest_one_is_below_what_clients_allow() -> None:
    lines = [f"    call(\"{number}\", 'text')  # a line of code that is neither long nor short" for number in range(90)]
    found = [FoundCode(f"a{n}.py", 1, 90, "f", "function", "python", 0.5, "\n".join(lines), None) for n in range(50)]
    for as_json in (False, True):
        answer = answer_with_results("first", {"root": "/r"}, [], found, LARGEST_MAX_TOKENS, as_json=as_json)
        assert 0.8 * LARGEST_MAX_TOKENS < sent(answer) / BYTES_PER_TOKEN <= LARGEST_MAX_TOKENS < 25_000


def test_code_is_cut_at_the_end_of_a_line_and_marked() -> None:
    code = "\n".join(f"line {number}" for number in range(500))
    found = FoundCode("a.py", 1, 500, "f", "function", "python", 0.5, code, True)
    structured = answer_with_results("first", {}, [], [found], 1000, as_json=True).structured
    assert structured is not None
    (result,) = structured["results"]
    assert result["codeCut"]
    assert result["code"].splitlines() == code.splitlines()[: len(result["code"].splitlines())]
    assert "changed since it was indexed" in answer_with_results("first", {}, [], [found], 1000).text
    assert result["fileChanged"]


def test_further_places_stand_below_the_code_and_in_the_structured_result() -> None:
    more = (FurtherPlace(line=40, symbol="close closed", score=0.45), FurtherPlace(line=7, symbol="", score=0.3))
    found = FoundCode("a.py", 1, 2, "f", "function", "python", 0.5, "def f(): ...", None, more=more)
    answer = answer_with_results("1 result", {}, [], [found], 10_000)
    assert answer.text.endswith("def f(): ...\nAlso in this file, by line: 40 close, 7")
    structured = answer_with_results("1 result", {}, [], [found], 10_000, as_json=True).structured
    assert structured is not None
    (result,) = structured["results"]
    assert result["more"] == [
        {"line": 40, "symbol": "close closed", "score": 0.45},
        {"line": 7, "symbol": "", "score": 0.3},
    ]


PROGRESS = JobProgress(collection="c", stage="indexing", files_to_index=100, files_indexed=40)


def job(state: Any = "running", percent: float = 40.0, **facts: Any) -> JobState:
    measured = {"bytes_per_second": 2_000_000.0, "seconds_left": 3.0, "progress": PROGRESS}
    return JobState(collection="c", source="/s", state=state, percent=percent, **{**measured, **facts})


def test_progress_says_percentage_rate_and_expected_time() -> None:
    assert progress_structured(job()) == {
        "state": "running",
        "stage": "indexing",
        "percent": 40.0,
        "filesIndexed": 40,
        "filesToIndex": 100,
        "megabytesPerSecond": 2.0,
        "secondsLeft": 3.0,
    }
    assert progress_line(job()) == "40 % indexed, 2.0 MB/s, about 3 s left"
    early = job(percent=0.0, bytes_per_second=0.0, seconds_left=None, progress=None)
    assert progress_line(early) == "0 % indexed, the time left is not known yet"
    assert progress_structured(early)["secondsLeft"] is None
    failed = job("failed", error="no \x1b[1m space")
    assert "no \\x1b[1m space" in progress_line(failed)
    assert progress_structured(failed)["error"] == "no \\x1b[1m space"


class Scripted:
    """A service whose job of `folder` goes one step on with each look at it."""

    def __init__(self, folder: Path, steps: list[JobState], searchable_after: int) -> None:
        self.folder = str(folder)
        self.steps = steps
        self.searchable_after = searchable_after
        self.looks = 0
        self.started = False
        self.savings = Savings()

    async def name_of(self, asked: CollectionQuery) -> str:
        if not self.started:
            raise UnknownCollection(str(asked.path))
        return "c"

    async def collections(self) -> Sequence[CollectionSummary]:
        version = int(self.looks >= self.searchable_after)
        return [
            CollectionSummary(name="c", source=self.folder, version=version, files=1, chunks=1, indexed_at="2026-01-01")
        ]

    async def search(self, asked: SearchQuery) -> Answer:
        hit = {"path": "a.py", "start_line": 1, "end_line": 2, "language": "python", "kind": "function", "symbol": "f"}
        facts = {"scope": "A", "text": "def f(): pass", "score": 0.5, "lexical": 1.0, "vector": 0.5, "digest": ""}
        found = Hit.model_validate({**hit, **facts, "collection": "c", "source": self.folder})
        now = self._step()
        running = [now] if now.state == "running" else []
        return Answer(hits=[found], partial=bool(running), indexing=running)

    async def start_index(self, _: IndexQuery) -> JobState:
        self.started = True
        return self._step()

    def job(self, _: str) -> JobState | None:
        self.looks += 1
        return self._step()

    def _step(self) -> JobState:
        return self.steps[min(self.looks, len(self.steps) - 1)]


async def search(service: Scripted) -> tuple[str, dict[str, Any], list[tuple[float, float | None, str | None]]]:
    reported: list[tuple[float, float | None, str | None]] = []

    async def report(value: float, total: float | None, text: str | None) -> None:
        reported.append((value, total, text))

    arguments = checked_arguments("search_code", {"path": service.folder, "query": "f"})
    answer = await Calls(cast(Service, service)).call("search_code", arguments, report)
    assert answer.structured is None
    text, told = answer.text, list(reported)
    as_json = await Calls(cast(Service, service)).call("search_code", {**arguments, "format": "json"}, report)
    assert as_json.structured is not None
    return text, as_json.structured, told


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "POLL_SECONDS", 0.0)


async def test_a_first_search_reports_progress_and_answers_when_the_job_is_done(tmp_path: Path) -> None:
    text, structured, reported = await search(Scripted(tmp_path, [job(), job(), job(percent=90), job("done", 100)], 1))
    assert "a.py:1-2 · A > f · function" in text
    assert not structured["partial"]
    assert [value for value, _, _ in reported] == [40.0, 90.0]
    assert "MB/s" in str(reported[0][2])


async def test_results_of_a_job_that_goes_on_are_marked_as_partial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "FIRST_SEARCH_SECONDS", 0.0)
    text, structured, _ = await search(Scripted(tmp_path, [job()], 0))
    assert structured["partial"]
    assert structured["indexing"]["state"] == "running"
    assert structured["results"]
    assert "Partial: indexing goes on" in text


async def test_before_the_first_commit_an_agent_is_told_when_to_call_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "FIRST_SEARCH_SECONDS", 0.0)
    text, structured, _ = await search(Scripted(tmp_path, [job()], 1_000_000))
    assert structured["partial"]
    assert structured["results"] == []
    assert "Call again" in text


async def test_a_job_that_failed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="disk full"):
        await search(Scripted(tmp_path, [job(), job("failed", error="disk full")], 1_000_000))


@pytest.mark.parametrize("folder", [Path("/"), Path.home(), Path("/etc"), Path.home() / ".ssh"])
async def test_a_search_does_not_index_a_private_place_in_passing(folder: Path) -> None:
    service = Scripted(folder, [job()], 0)
    with pytest.raises(InvalidInput, match="a search does not index it"):
        await search(service)
    assert not service.started


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ({"limit": "5"}, {"limit": 5}),
        ({"limit": " 5.0 "}, {"limit": 5}),
        ({"extensionFilter": ".py"}, {"extensionFilter": [".py"]}),
        ({"extensionFilter": ".ts, tsx"}, {"extensionFilter": [".ts", "tsx"]}),
        ({"extensionFilter": '[".ts", ".tsx"]'}, {"extensionFilter": [".ts", ".tsx"]}),
        ({"pathFilter": "src/a,b/"}, {"pathFilter": ["src/a,b/"]}),
        ({"pathFilter": "[ab]*.py"}, {"pathFilter": ["[ab]*.py"]}),
        ({"maxTokens": "900"}, {"maxTokens": 900}),
    ],
)
def test_what_a_model_plainly_means_is_understood(given: dict[str, Any], understood: dict[str, Any]) -> None:
    arguments = checked_arguments("search_code", {"path": "/a", "query": "x", **given})
    assert {name: arguments[name] for name in understood} == understood


def test_true_and_false_as_text_are_understood_and_blank_text_is_no_empty_list() -> None:
    assert checked_arguments("index_codebase", {"path": "/a", "force": "True"})["force"] is True
    with pytest.raises(InvalidInput):  # an empty list would remove what the index keeps
        checked_arguments("index_codebase", {"path": "/a", "exclude": " "})
