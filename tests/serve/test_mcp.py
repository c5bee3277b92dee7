"""The MCP server: the SDK's client over streamable HTTP and over the relay's stdio, on real indexes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import Client
from mcp_types import CallToolResult, TextContent
from starlette.applications import Starlette
from starlette.routing import Route

import raycontext
from raycontext.discover import tree_size
from raycontext.serve.http.guard import Guard
from raycontext.serve.mcp.mount import McpMount
from raycontext.serve.mcp.tools import TOOLS
from raycontext.serve.service import Service

from ..conftest import CART, LEDGER, PAYMENT, README, ROUTER, write_tree
from ..waiting import WAIT_SECONDS
from .mcp_server import served

ERAS = ["legacy", "auto"]
TREE = {
    "shop/cart.py": CART,
    "shop/payment.py": PAYMENT,
    "web/router.js": ROUTER,
    "core/ledger.go": LEDGER,
    "README.md": README,
    "odd/colours.py": 'def red(text):\n    """\x1b[31mred\x1b[0m and \u202eright to left"""\n    return text\n',
}


@dataclass(frozen=True)
class Place:
    """Where the server of this module is, and what it serves."""

    url: str
    folder: Path
    projects: Path

    @property
    def shop(self) -> Path:
        return self.projects / "shop"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("mcp")
    write_tree(folder / "projects" / "shop", TREE)  # type: ignore[arg-type]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with raycontext.connect(root=folder / "root", runtime="inline") as context:
            service = Service(context, [str(folder)])
            ready.append(service)
            yield
            await mount.close()
            await service.close()

    async def ready_service() -> Service:
        return ready[0]

    ready: list[Service] = []
    mount = McpMount(ready_service)
    application = Starlette(routes=[Route("/mcp", mount)], lifespan=lifespan)
    with served(Guard(application, hosts=("127.0.0.1",))) as url:
        yield Place(f"{url}/mcp", folder, folder / "projects")


@asynccontextmanager
async def connected(place: Place, mode: str = "auto") -> AsyncIterator[Client]:
    async with Client(place.url, mode=mode, read_timeout_seconds=WAIT_SECONDS) as client:
        yield client


QUERIES = ("search_code", "find_related", "find_usages", "outline", "grep_code")
"""Tools that answer with text, or with structured content where that is asked for."""


async def called(place: Place, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    """Text and structured content: where a tool has both forms, each is asked for alone."""
    async with connected(place) as client:
        result = await client.call_tool(tool, arguments)
        assert not result.is_error, text_of(result)
        text = text_of(result)
        if tool in QUERIES:
            assert result.structured_content is None
            result = await client.call_tool(tool, {**arguments, "format": "json"})
            assert "\n" not in text_of(result)
    assert isinstance(result.structured_content, dict)
    return text, result.structured_content


async def refused(place: Place, tool: str, **arguments: Any) -> str:
    async with connected(place) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    return text_of(result)


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


@pytest.mark.parametrize("mode", ERAS)
async def test_tools_are_described(place: Place, mode: str) -> None:
    async with connected(place, mode) as client:
        listed = await client.list_tools()
    assert [tool.model_dump(by_alias=True, exclude_none=True) for tool in listed.tools] == TOOLS
    for tool in listed.tools:
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint == (tool.name not in ("index_codebase", "clear_index"))
        assert tool.annotations.open_world_hint is False


async def test_the_first_search_indexes_the_folder(place: Place) -> None:
    project = place.projects / "first"
    write_tree(project, {"store.py": 'class SessionStore:\n    """Keeps sessions."""\n'})
    text, structured = await called(place, "search_code", path=str(project), query="where are sessions kept?")
    assert structured["results"][0]["symbol"] == "SessionStore"
    assert structured["root"] == str(project)
    assert not structured["partial"]
    assert "store.py:1-2 · SessionStore · class" in text
    assert 'class SessionStore:\n    """Keeps sessions."""' in text
    assert "was not indexed before" in text
    again, _ = await called(place, "search_code", path=str(project), query="where are sessions kept?")
    assert "was not indexed before" not in again


async def test_every_query_indexes_a_small_folder_that_never_was(place: Place) -> None:
    project = place.projects / "unknown"
    write_tree(project, {"store.py": "def keep(session):\n    return session\n\n\nkeep(1)\n"})
    _, structured = await called(place, "find_usages", path=str(project), symbol="keep")
    assert [use["line"] for use in structured["results"]] == [5]


async def test_a_search_indexes_no_large_folder_unasked(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    project = place.projects / "large"
    write_tree(project, {f"part{number}.py": f"def part{number}():\n    pass\n" for number in range(4)})
    monkeypatch.setattr(tree_size, "SMALL_FILES", 3)
    told = await refused(place, "search_code", path=str(project), query="part2")
    assert f"{project} is large (at least 4 files" in told
    assert "index_codebase" in told
    await called(place, "index_codebase", path=str(project))
    _, structured = await called(place, "search_code", path=str(project), query="part2")
    assert structured["results"][0]["symbol"] == "part2"


@pytest.mark.parametrize(
    ("inside", "filters", "expected"),
    [
        ("", {}, {"shop/cart.py", "shop/payment.py"}),
        ("shop", {}, {"shop/cart.py", "shop/payment.py"}),
        ("shop/payment.py", {}, {"shop/payment.py"}),
        ("web", {}, {"web/router.js"}),
        ("", {"extensionFilter": [".go", "js"]}, {"web/router.js", "core/ledger.go"}),
        ("", {"pathFilter": ["!cart.py", "shop/"]}, {"shop/payment.py"}),
        ("shop", {"extensionFilter": [".js"]}, set()),
        ("shop", {"pathFilter": ["shop/*.py", "!./shop/cart.py"]}, {"shop/payment.py"}),
        ("shop/payment.py", {"extensionFilter": ["py"], "pathFilter": ["payment.*"]}, {"shop/payment.py"}),
        ("shop/payment.py", {"pathFilter": ["!payment.py"]}, set()),
        ("", {"grep": r"raise \w+Declined"}, {"shop/payment.py"}),
        ("", {"grep": r"raise \w+Declined", "extensionFilter": [".js"]}, set()),
    ],
)
async def test_a_search_is_kept_to_what_was_asked_for(
    place: Place, inside: str, filters: dict[str, Any], expected: set[str]
) -> None:
    path = str(place.shop / inside)
    text, structured = await called(
        place, "search_code", path=path, query="route ledger price cart card", limit=20, **filters
    )
    paths = {result["path"] for result in structured["results"]}
    assert expected <= paths if not filters and not inside else paths == expected
    assert (f"relative to {place.shop}" in text) == bool(expected)


async def test_limit_and_budget(place: Place) -> None:
    path = str(place.shop)
    _, one = await called(place, "search_code", path=path, query="card", limit=1)
    assert len(one["results"]) == 1
    text, few = await called(place, "search_code", path=path, query="card", limit="20", maxTokens=600)
    assert len(json.dumps(text)) / 3.5 < 600
    assert len(json.dumps(few)) / 3.5 < 600
    text, few = await called(place, "search_code", path=path, query="card", limit="20", maxTokens=300)
    assert few["omitted"] > 0
    assert "raise maxTokens" in text


async def test_what_is_found_cannot_steer_a_terminal(place: Place) -> None:
    text, structured = await called(place, "search_code", path=str(place.shop), query="red text", limit=1)
    assert "\\x1b[31mred" in text
    assert not {"\x1b", "\u202e"} & set(text)
    assert "\x1b[31mred" in structured["results"][0]["code"]  # JSON is for programs: its code is verbatim
    assert not {"\x1b", "\u202e"} & set(json.dumps(structured))


async def test_related_code(place: Place) -> None:
    await called(place, "search_code", path=str(place.shop), query="x")
    text, structured = await called(place, "find_related", path=str(place.shop / "shop/payment.py"), line=9, limit=2)
    assert 1 <= len(structured["results"]) <= 2
    assert "like line 9" in text
    (place.folder / "x.py").touch()
    assert "no indexed folder" in await refused(place, "find_related", path=str(place.folder / "x.py"), line=1)
    assert "does not exist" in await refused(place, "find_related", path=str(place.folder / "y.py"), line=1)


async def test_lines_that_match_a_regular_expression(place: Place) -> None:
    write_tree(place.shop, {"shop/grepped.py": "# first line\nNEEDLE = 1\n\nneedles = NEEDLE\n"})
    text = await called(place, "grep_code", path=str(place.shop), pattern="NEEDLE", context=1)
    assert "2 lines in 1 files match 'NEEDLE'" in str(text) and "2: NEEDLE = 1" in str(text)
    text = await called(
        place, "grep_code", path=str(place.shop), pattern=r"^needle\w", ignoreCase=True, output="counts"
    )
    assert "shop/grepped.py: 1" in str(text)
    text = await called(place, "grep_code", path=str(place.shop), pattern="nothing of the kind")
    assert "Try ignoreCase" in str(text)
    assert "pattern" in await refused(place, "grep_code", path=str(place.shop), pattern="(")
    (place.shop / "shop/grepped.py").unlink()


async def test_outline_of_a_folder_and_a_file(place: Place) -> None:
    source = 'class Till:\n    """Takes money."""\n\n    def ring(self):\n        return 1\n'
    write_tree(place.shop, {"shop/outlined.py": source})
    await called(place, "search_code", path=str(place.shop), query="ring")
    file = str(place.shop / "shop/outlined.py")
    text, structured = await called(place, "outline", path=file)
    assert "shop/outlined.py\n  1-5 class Till: Takes money.\n    4-5 method ring" in text
    assert [(one["name"], one["scope"], one["documentation"]) for one in structured["results"]] == [
        ("Till", "", "Takes money."),
        ("ring", "Till", ""),
    ]
    text, structured = await called(place, "outline", path=str(place.shop), kinds=["method"], limit=1)
    assert len(structured["results"]) == 1
    text, structured = await called(place, "outline", path=file, kinds=["enum"])
    assert "No definitions are indexed here" in text
    assert "not in the index" in await refused(place, "outline", path=str(place.shop / "shop/gone.py"))
    text, structured = await called(place, "outline", path=str(place.shop), map=True, maxTokens=400)
    assert "most important definitions" in text and structured["results"][0]["signature"]
    (place.shop / "shop/outlined.py").unlink()


async def test_who_uses_a_definition(place: Place) -> None:
    write_tree(place.shop, {"shop/till.py": "def ring():\n    return 1\n\n\ndef sell():\n    return ring() + ring()\n"})
    await called(place, "search_code", path=str(place.shop), query="ring")
    given: dict[str, Any] = {"path": str(place.shop), "symbol": "ring"}
    text, structured = await called(place, "find_usages", **given)
    assert [(use["path"], use["line"], use["kind"]) for use in structured["results"]] == [
        ("shop/till.py", 6, "call")
    ] * 2
    assert structured["definitions"][0]["line"] == 1
    assert "2 certain and 0 possible uses" in text
    text, structured = await called(place, "find_usages", **given, relation="callers")
    assert [(one["name"], one["calls"]) for one in structured["results"]] == [("sell", [6, 6])]
    at = {"path": str(place.shop / "shop/till.py"), "line": 6}
    text, structured = await called(place, "find_usages", **at, relation="callees")
    assert [one["name"] for one in structured["results"]] == ["ring"]
    text, structured = await called(place, "find_usages", **given, relation="impact", maxTokens=200)
    assert [one["name"] for one in structured["results"]] == ["sell"]
    assert structured["ageSeconds"] >= 0 and structured["mayMissFiles"] is False
    chain = {"path": str(place.shop), "symbol": "sell", "relation": "path"}
    text, structured = await called(place, "find_usages", **chain, goal="ring")
    assert [one["name"] for one in structured["results"]] == ["sell", "ring"]
    assert "2 steps from 'sell' to 'ring'" in text
    text, structured = await called(place, "find_usages", **{**chain, "symbol": "ring"}, goal="sell")
    assert "No chain of calls is known" in text
    assert "goal belongs to the relation 'path'" in await refused(place, "find_usages", **chain)
    assert "goal belongs to the relation 'path'" in await refused(place, "find_usages", **given, goal="sell")
    assert "relation must be one of usages" in await refused(place, "find_usages", **given, relation="friends")
    text, structured = await called(place, "find_usages", path=str(place.shop), symbol="no_such_name")
    assert "search_code finds names by meaning" in text
    assert "needs a symbol, or a line" in await refused(place, "find_usages", path=str(place.shop))
    (place.shop / "shop/till.py").unlink()


async def test_an_index_from_its_beginning_to_its_end(place: Place) -> None:
    project = str(place.projects / "life")
    write_tree(Path(project), {"a.py": "def alpha(): pass\n", "b.bin": b"\0" * 100, "c.bin": b"\0" * 100})  # type: ignore[arg-type]
    text, status = await called(place, "get_indexing_status", path=project)
    assert status["status"] == "not_indexed"
    assert "search_code" in text

    text, begun = await called(
        place, "index_codebase", path=project, splitter="ast", customExtensions=[".vue"], ignorePatterns=["x/"]
    )
    assert begun["indexing"]["state"] == "done"
    assert begun["indexing"]["percent"] == 100
    assert [note.split()[0] for note in begun["notes"]] == ["splitter", "customExtensions"]

    text, status = await called(place, "get_indexing_status", path=project + "/a.py")
    assert (status["status"], status["root"], status["files"]) == ("indexed", project, 1)
    assert status["skipped"] == {"binary": 2}
    assert "Left out: binary 2." in text
    assert (status["serverVersion"], status["version"]) == (raycontext.__version__, 1)
    assert status["memoryBytes"] > 1 << 20
    assert status["runtime"] == "inline"
    assert "works in the daemon" in text

    _, anew = await called(place, "index_codebase", path=project, force=True)
    assert anew["indexing"]["state"] == "done"

    assert "part of the index" in await refused(place, "clear_index", path=project + "/a.py")
    _, cleared = await called(place, "clear_index", path=project)
    assert cleared["cleared"]
    _, cleared = await called(place, "clear_index", path=project)
    assert not cleared["cleared"]
    _, status = await called(place, "get_indexing_status", path=project)
    assert status["status"] == "not_indexed"


@pytest.mark.parametrize(
    ("tool", "arguments", "problem"),
    [
        ("search_code", {"query": "x"}, "path is missing. search_code needs path and query."),
        ("search_code", {"path": "src", "query": "x"}, "path must be absolute, and 'src' is not"),
        ("search_code", {"path": "~/src", "query": "x"}, "path must be absolute"),
        ("search_code", {"path": "/etc", "query": "x"}, "/etc lies outside of the allowed folders"),
        ("search_code", {"path": "/a\0b", "query": "x"}, "NUL"),
        ("search_code", {"path": "/a", "query": "  "}, "query is empty"),
        ("search_code", {"path": "/a", "query": "x" * 2001}, "longer than 2000 characters"),
        ("search_code", {"path": "/a", "query": ["x"]}, "query must be a string, not a list"),
        ("search_code", {"path": "/a", "query": "x", "limit": 51}, "limit must be at most 50"),
        ("search_code", {"path": "/a", "query": "x", "limit": "five"}, "limit must be a whole number, not 'five'"),
        ("search_code", {"path": "/a", "query": "x", "maxTokens": 25000}, "maxTokens must be at most 24000"),
        ("search_code", {"path": "/a", "query": "x", "extension_filter": []}, "Did you mean extensionFilter?"),
        ("search_code", {"path": "/a", "query": "x", "extensionFilter": [1]}, "each of extensionFilter"),
        ("find_related", {"path": "/a/b.py", "line": 0}, "line must be at least 1"),
        ("index_codebase", {"path": "/a", "force": "yes"}, "force must be true or false"),
    ],
)
async def test_wrong_use_is_explained(place: Place, tool: str, arguments: dict[str, Any], problem: str) -> None:
    assert problem in await refused(place, tool, **arguments)


@pytest.mark.parametrize("tool", [tool["name"] for tool in TOOLS])
async def test_nothing_outside_the_allowed_folders_is_touched(place: Place, tool: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"secret.py": "key = 1\n"})
    (place.projects / f"link_{tool}").symlink_to(tmp_path)
    needed = {
        "search_code": {"query": "key"},
        "find_related": {"line": 1},
        "find_usages": {"symbol": "a"},
        "grep_code": {"pattern": "key"},
    }.get(tool, {})
    for path in (
        tmp_path,
        place.projects / f"link_{tool}",
        f"{place.projects}/{os.path.relpath(tmp_path, place.projects)}",
    ):
        text = await refused(place, tool, path=str(path), **needed)
        assert "outside of the allowed folders" in text
    assert "does not exist" in await refused(place, "search_code", path=str(place.folder / "gone"), query="x")


async def test_null_is_not_given_and_ten_point_nought_is_ten(place: Place) -> None:
    await called(place, "search_code", path=str(place.shop), query="x", limit=10.0, extensionFilter=None)


async def test_eight_clients_at_once(place: Place) -> None:
    async def client(number: int) -> int:
        project = place.projects / f"window{number % 3}"
        async with connected(place, ERAS[number % 2]) as client:
            results = [
                await client.call_tool("search_code", {"path": str(path), "query": query, "format": "json"})
                for path, query in [(project, "router"), (place.shop, "ledger"), (project, "card")]
            ]
            await client.call_tool("get_indexing_status", {"path": str(project)})
        assert not any(result.is_error for result in results), [text_of(result) for result in results]
        return len((results[1].structured_content or {})["results"])

    for number in range(3):
        write_tree(place.projects / f"window{number}", {"a.js": ROUTER, "b.py": CART})
    assert all(await asyncio.gather(*(client(number) for number in range(8))))


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Host": "evil.example"}, b"{}", 403),
        ({"Origin": "http://evil.example"}, b"{}", 403),
        ({}, b" " * ((4 << 20) + 1), 413),
        ({"Content-Type": "text/plain"}, b"{}", 400),
        ({}, b"{", 400),
        ({}, b"[" * 100_000, 400),
    ],
)
def test_what_no_client_sends_is_refused(place: Place, headers: dict[str, str], body: bytes, status: int) -> None:
    usual = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    with httpx2.Client() as client:
        assert client.post(place.url, headers={**usual, **headers}, content=body).status_code == status


TEXT = st.text(max_size=30) | st.sampled_from(
    ["\0", "a\0b", "\ud800", "x" * 2001, "\u202e", "*" * 150, "[z-a]", "!", "\\"]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
NAMES = sorted({name for tool in TOOLS for name in tool["inputSchema"]["properties"]} - {"path"})


@st.composite
def arguments(draw: st.DrawFn) -> dict[str, Any]:
    given_path = draw(st.sampled_from(["SHOP", "SHOP/shop/cart.py", "SHOP/../shop", "LINK", "GONE"]) | TEXT | ANYTHING)
    wanted = {"query": draw(TEXT), "line": draw(st.integers(-2, 40)), "limit": draw(st.integers(-1, 60))}
    chosen = draw(st.sets(st.sampled_from(sorted(wanted)), max_size=3))
    filters = draw(st.dictionaries(st.sampled_from(["pathFilter", "extensionFilter"]), st.lists(TEXT, max_size=3)))
    odd = draw(st.dictionaries(st.sampled_from(NAMES) | TEXT, ANYTHING, max_size=1))
    return {"path": given_path, **{name: wanted[name] for name in chosen}, **filters, **odd}


@given(tool=st.sampled_from([tool["name"] for tool in TOOLS]), given_arguments=arguments())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_arguments_are_the_answer_is_clear(
    place: Place, tool: str, given_arguments: dict[str, Any]
) -> None:
    named = {
        "SHOP": str(place.shop),
        "SHOP/shop/cart.py": str(place.shop / "shop/cart.py"),
        "SHOP/../shop": f"{place.shop}/../shop",
        "LINK": str(place.folder / "link"),
        "GONE": str(place.folder / "gone"),
    }
    path = given_arguments["path"]
    if isinstance(path, str):
        if os.path.isabs(path) and path not in named.values():  # noqa: PTH117
            path = str(place.folder) + path.replace("..", "")  # nothing outside is to be indexed by chance
        given_arguments = {**given_arguments, "path": named.get(path, path)}
    if not (place.folder / "link").is_symlink():
        (place.folder / "link").symlink_to(place.shop)
    result = posted(place, tool, given_arguments)
    (content,) = result["content"]
    assert content["text"].strip()
    assert "should not happen" not in content["text"]
    if result.get("isError"):
        assert len(content["text"]) < 1000
    elif tool not in QUERIES or given_arguments.get("format") == "json":
        assert isinstance(result["structuredContent"], dict)


def posted(place: Place, tool: str, given_arguments: dict[str, Any]) -> dict[str, Any]:
    """The result of a call that no client has looked at before it was sent."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": tool, "arguments": given_arguments, "_meta": meta}
    answer = httpx2.post(
        place.url,
        headers={
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
        },
        content=json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}),
        timeout=WAIT_SECONDS,
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["result"])


@pytest.mark.process
async def test_example_of_an_agent_finds_code(place: Place) -> None:
    project = place.projects / "example"
    write_tree(project, {"store.py": 'class SessionStore:\n    """Keeps sessions."""\n'})
    example = Path(__file__).resolve().parents[2] / "examples/agent_over_mcp.py"
    command = [sys.executable, str(example), str(project), "where are sessions kept?", place.url]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "search_code" in done.stdout.splitlines()[0]
    assert "store.py:1-2 · SessionStore · class" in done.stdout
