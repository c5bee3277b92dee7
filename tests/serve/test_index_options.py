"""The options of an index run: every interface offers all of them, under one name, and refuses in the same words."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer.main

import raycontext
from raycontext.batch.entries import EntryOptions
from raycontext.cli.application import application
from raycontext.daemon_client.paths import watches_path
from raycontext.errors import InvalidInput, UnknownCollection
from raycontext.models.options import RunOptions
from raycontext.sdk.watching.watches import Watched
from raycontext.serve.daemon.files import read_watches, write_watches
from raycontext.serve.http.openapi import openapi
from raycontext.serve.mcp.arguments import checked_arguments
from raycontext.serve.mcp.calls import Calls
from raycontext.serve.mcp.tools import TOOLS
from raycontext.serve.messages import CollectionQuery, IndexQuery, WatchQuery
from raycontext.serve.service import Service

from ..conftest import CART, LEDGER, PAYMENT, ROUTER, write_tree
from .conftest import Command
from .http_server import guarded_server
from .service_jobs import ended_job

OPTIONS = set(RunOptions.model_fields)
DECISION = Path(__file__).parents[2] / "docs/decisions/options-of-agents.md"
TOKEN = "t0ken-of-the-tests"
TREE: dict[str, str | bytes] = {"shop/cart.py": CART, "shop/payment.py": PAYMENT, "web/router.js": ROUTER}


def of_signature(function: Callable[..., Any], *others: str) -> set[str]:
    return set(inspect.signature(function).parameters) - {"self", *others}


def of_command(name: str) -> set[str]:
    """Return the options of a command that are not those of all commands, nor its own."""
    (command,) = (found for found in application.registered_commands if found.callback and _name(found) == name)
    assert command.callback is not None
    own = {"index": {"path", "dry_run", "watching", "force", "ref"}, "watch": {"path", "stop", "every"}}
    own["eval"] = {"queries", "path", "limit", "worst", "mine", "questions", "show_questions"}
    own["tune"] = {"queries", "path", "mine", "questions", "keep"}
    common = {"collection", "root", "address", "runtime", "as_json"}
    return set(typer.main.get_params_from_function(command.callback)) - common - own[name]


def _name(command: Any) -> str:
    return str(command.name or command.callback.__name__)


def of_schema(schema: dict[str, Any], *others: str) -> set[str]:
    return set(schema["properties"]) - set(others)


def of_http(name: str, *others: str) -> set[str]:
    return of_schema(openapi()["components"]["schemas"][name], "path", "collection", *others)


def of_mcp() -> set[str]:
    (tool,) = (tool for tool in TOOLS if tool["name"] == "index_codebase")
    return of_schema(tool["inputSchema"], "path", "force", "ref", "splitter", "customExtensions", "ignorePatterns")


def left_out_by_decision() -> set[str]:
    """Return the options that the decision says agents do not get."""
    (sentence,) = re.findall(r"only\. ([^.]*) stay out of it", " ".join(DECISION.read_text().split()))
    return set(re.findall(r"`(\w+)`", sentence))


@pytest.mark.parametrize(
    ("interface", "offered"),
    [
        (
            "Context.index",
            lambda: of_signature(
                raycontext.Context.index, "source", "collection", "paths", "force", "ref", "on_progress"
            ),
        ),
        ("Context.watch", lambda: of_signature(raycontext.Context.watch, "source", "collection", "on_report")),
        ("Context.estimate", lambda: of_signature(raycontext.Context.estimate, "source", "collection")),
        ("raycontext index", lambda: of_command("index")),
        ("raycontext watch", lambda: of_command("watch")),
        ("raycontext eval", lambda: of_command("eval")),
        ("raycontext tune", lambda: of_command("tune")),
        ("/api/index", lambda: of_http("IndexQuery", "force", "ref")),
        ("/api/watch", lambda: of_http("WatchQuery")),
        ("batch", lambda: of_schema(EntryOptions.model_json_schema(), "priority", "fetch_seconds", "history")),
        ("MCP", lambda: of_mcp() | left_out_by_decision()),
    ],
)
def test_every_interface_offers_all_options(interface: str, offered: Callable[[], set[str]]) -> None:
    assert offered() == OPTIONS, interface


def test_agents_get_none_of_what_the_decision_leaves_out() -> None:
    assert left_out_by_decision() == {
        "embedder",
        "secrets",
        "fork",
        "fork_from",
        "max_embedding_tokens",
        "retry_quarantined",
    }
    assert not of_mcp() & left_out_by_decision()
    for name in left_out_by_decision():
        with pytest.raises(InvalidInput, match=f"has no argument '{name}'"):
            checked_arguments("index_codebase", {"path": "/x", name: True})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("options") / "shop"
    write_tree(place, TREE)
    return place


@pytest.fixture(scope="module")
def client(shop: Path) -> Iterator[httpx.Client]:
    with guarded_server(shop.parent / "root", [shop], TOKEN) as host:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=f"http://{host}", headers=headers, trust_env=False, timeout=300) as client:
            yield client


WRONG: list[tuple[str, Any]] = [
    ("num_shards", 0),
    ("num_shards", 4097),
    ("num_shards", "two"),
    ("max_file_bytes", 0),
    ("max_file_bytes", -5),
    ("include", [1]),
    ("exclude", {"a": 1}),
    ("exclude", [""]),
    ("include", ["a", "!"]),
    ("secrets", "perhaps"),
    ("language_of", ["*.inc"]),
    ("language_of", ["=php"]),
    ("language_of", ["*.inc=klingon"]),
    ("embedder", "what"),
    ("embedder", ""),
    ("fork", "perhaps"),
    ("fork_from", ""),
    ("max_embedding_tokens", -1),
    ("retry_quarantined", "perhaps"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused_in_the_same_words(
    name: str, value: Any, client: httpx.Client, shop: Path, tmp_path: Path
) -> None:
    with (
        raycontext.connect(root=tmp_path / "root", runtime="inline") as context,
        pytest.raises(InvalidInput) as refused,
    ):
        context.index(shop, **{name: value})
    told = str(refused.value)
    assert name in told or name == "embedder"

    with (
        raycontext.connect(root=tmp_path / "root", runtime="inline") as context,
        pytest.raises(InvalidInput) as estimated,
    ):
        context.estimate(shop, **{name: value})
    assert str(estimated.value) == told

    for target in ("/api/index", "/api/watch"):
        answer = client.post(target, json={"path": str(shop), name: value})
        assert (answer.status_code, answer.json()["message"]) == (400, told)

    if name not in left_out_by_decision():
        with pytest.raises(InvalidInput) as asked:
            checked_arguments("index_codebase", {"path": str(shop), name: value})
        assert str(asked.value) == told

    batch = tmp_path / "list.json"
    batch.write_text(json.dumps({"sources": [{"folder": str(shop), name: value}]}))
    with pytest.raises(InvalidInput) as listed:
        raycontext.read_batch_list(batch)
    assert told.partition(". ")[0] in str(listed.value)


@pytest.mark.process
@pytest.mark.parametrize(
    ("command", "arguments", "name", "value"),
    [
        (["index"], ["--shards", "0"], "num_shards", 0),
        (["index"], ["--embedder", "what"], "embedder", "what"),
        (["index"], ["--exclude", "a", "--exclude", "!"], "exclude", ["a", "!"]),
        (["index", "--dry-run"], ["--max-file-bytes", "0"], "max_file_bytes", 0),
        (["watch"], ["--max-embedding-tokens", "-1"], "max_embedding_tokens", -1),
    ],
)
def test_the_command_line_refuses_in_the_same_words(
    command: list[str], arguments: list[str], name: str, value: Any, shop: Path, tmp_path: Path
) -> None:
    with (
        raycontext.connect(root=tmp_path / "root", runtime="inline") as context,
        pytest.raises(InvalidInput) as refused,
    ):
        context.index(shop, **{name: value})
    done = Command(tmp_path / "root")(*command, shop, *arguments, "--runtime", "inline")
    assert done.returncode == refused.value.exit_code
    assert str(refused.value) in done.stderr


@pytest.mark.process
def test_the_command_line_narrows_what_is_indexed_until_that_is_lifted(shop: Path, tmp_path: Path) -> None:
    command = Command(tmp_path / "root")

    def files(*arguments: str | Path) -> int:
        done = command("index", shop, "--runtime", "inline", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return int(json.loads(done.stdout)["files"])

    dry = command("index", shop, "--dry-run", "--json", "--include", "shop/", "--max-file-bytes", "1")
    assert json.loads(dry.stdout)["skipped"] == {"too_large": 2}
    assert files("--include", "*.py", "--include", "*.js", "--exclude", "web/") == 2
    assert files() == 2
    assert files("--exclude", "") == 3
    assert files("--include", "", "--max-file-bytes", "10") == 0


def test_http_indexes_with_options_and_refuses_others_for_a_running_job(client: httpx.Client, shop: Path) -> None:
    asked = {"path": str(shop), "include": ["*.py"], "exclude": ["cart.py"], "num_shards": 2, "secrets": True}
    begun = client.post("/api/index", json=asked)
    assert begun.status_code == 200, begun.text
    with client.stream("GET", "/api/progress/shop") as stream:
        states = [json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line]
    assert states[-1]["report"]["files"] == 1
    status = client.post("/api/status", json={"collection": "shop"}).json()["collection"]
    assert {name: status[name] for name in ("include", "exclude", "num_shards", "secrets")} == {
        name: asked[name] for name in ("include", "exclude", "num_shards", "secrets")
    }


async def test_a_job_is_not_joined_with_other_options(shop: Path, tmp_path: Path) -> None:
    async with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        service = Service(context)
        begun = await service.start_index(IndexQuery(path=str(shop), exclude=("web/",)))
        assert (await service.start_index(IndexQuery(path=str(shop)))).collection == begun.collection
        same = await service.start_index(IndexQuery(path=str(shop), exclude=("web/",)))
        assert same.collection == begun.collection
        with pytest.raises(InvalidInput, match="with other options"):
            await service.start_index(IndexQuery(path=str(shop), exclude=()))
        await ended_job(service, begun.collection)
        await service.start_index(IndexQuery(path=str(shop), exclude=()))
        report = (await ended_job(service, begun.collection)).report
        assert report is not None and report.files == len(TREE)
        await service.close()


async def until_indexed(service: Service, files: int) -> None:
    """Wait until the collection of the shop holds so many files; the test's own time limit bounds it."""
    while True:
        try:
            found = (await service.status(CollectionQuery(collection="shop"))).collection
        except UnknownCollection:
            found = None
        if found is not None and found.files == files:
            return
        await asyncio.sleep(0.05)


async def test_watches_keep_their_options_over_a_restart(shop: Path, tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    noted: list[dict[str, Watched]] = []

    def note(watched: dict[str, Watched]) -> None:
        noted.append(watched)
        write_watches(root, watched)

    async with raycontext.connect(root=root, runtime="inline") as context:
        service = Service(context, note_watches=note)
        await service.watch(WatchQuery(path=str(shop), exclude=("web/",), max_embedding_tokens=7))
        assert noted[0]["shop"].options == RunOptions(exclude=("web/",), max_embedding_tokens=7)
        await until_indexed(service, 2)
        await service.close()

    # As a daemon that ended before its first run left it:
    write_watches(root, noted[0])
    assert read_watches(root) == noted[0]
    async with raycontext.connect(root=root, runtime="inline") as context:
        await context.index(shop, exclude=())
        service = Service(context, note_watches=note)
        await service.resume(read_watches(root))
        await until_indexed(service, 2)
        await service.close()


async def test_a_watch_does_not_undo_what_a_later_run_has_changed(shop: Path, tmp_path: Path) -> None:
    place = tmp_path / "shop"
    write_tree(place, TREE)
    root = str(tmp_path / "root")
    async with raycontext.connect(root=root, runtime="inline") as context:
        service = Service(context, note_watches=lambda watched: write_watches(root, watched))
        await service.watch(WatchQuery(path=str(place), exclude=("web/",), max_embedding_tokens=7))
        await until_indexed(service, 2)
        while read_watches(root)["shop"].options != RunOptions(max_embedding_tokens=7):
            await asyncio.sleep(0.05)
        await context.index(place, exclude=())
        write_tree(place, {"core/ledger.go": LEDGER})
        await until_indexed(service, 4)
        await service.close()


def test_watches_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    root = str(tmp_path)
    write_watches(root, {"good": Watched("/good", RunOptions(num_shards=2))})
    place = Path(watches_path(root))
    noted = json.loads(place.read_text())
    noted |= {"old": "/old", "bad": {"source": "/bad", "options": {"num_shards": 0}}, "worse": 3, "worst": {}}
    place.write_text(json.dumps(noted))
    assert read_watches(root) == {"good": Watched("/good", RunOptions(num_shards=2)), "old": Watched("/old")}


async def test_patterns_of_an_agent_add_to_what_is_excluded(shop: Path, tmp_path: Path) -> None:
    async def no_report(value: float, total: float | None, text: str | None) -> None: ...

    async with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        service = Service(context)

        async def index(**given: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
            arguments = checked_arguments("index_codebase", {"path": str(shop), **given})
            answer = await Calls(service).call("index_codebase", arguments, no_report)
            await ended_job(service, "shop")
            assert answer.structured is not None
            return answer.structured, (await context.status("shop")).exclude

        assert (await index(ignorePatterns=["web/"]))[1] == ("web/",)
        assert (await index(ignorePatterns=["*.md"]))[1] == ("web/", "*.md")
        assert (await index(ignorePatterns=["*.md"]))[1] == ("web/", "*.md")
        assert (await index(exclude=["cart.py"], ignorePatterns=["*.txt"], num_shards=2.0))[1] == ("cart.py", "*.txt")
        answer, kept = await index(customExtensions=[".py"])
        assert kept == ("cart.py", "*.txt")
        assert (await context.status("shop")).files == 2
        assert any("every text file is indexed" in note for note in answer["notes"])
        assert (await index(exclude=[]))[1] == ()
        await service.close()


def test_a_batch_hands_all_options_on(tmp_path: Path) -> None:
    write_tree(tmp_path / "shop", {**TREE, ".env": "PASSWORD=sesame\n"})
    listed = tmp_path / "list.yaml"
    listed.write_text(
        "defaults: {shards: 3, secrets: true, max_embedding_tokens: 9}\n"
        "sources: [{folder: shop, exclude: web/}, {folder: shop, collection: other, shards: 2, secrets: false}]"
    )
    batch = raycontext.read_batch_list(listed)
    assert [entry.max_embedding_tokens for entry in batch.sources] == [9, 9]
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        context.batch(batch)
        first, second = context.status("shop"), context.status("other")
    assert (first.num_shards, first.secrets, first.exclude, first.files) == (3, True, ("web/",), 3)
    assert (second.num_shards, second.secrets, second.exclude, second.files) == (2, False, (), 3)
    listed.write_text("sources: [{folder: shop, shards: 2, num_shards: 2}]")
    with pytest.raises(InvalidInput, match="num_shards or shards, not both"):
        raycontext.read_batch_list(listed)
