"""`raycontext mcp`: the SDK's client over real stdio, with a daemon that is there, slow, broken or dying."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client, StdioServerParameters
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import CallToolRequestParams, CallToolResult, TextContent
from starlette.applications import Starlette

from raycontext.serve.mcp.jsonrpc import encoded
from raycontext.serve.mcp.relay import Relay
from raycontext.serve.mcp.tools import INSTRUCTIONS, TOOLS

from ..waiting import WAIT_SECONDS, until_async
from .mcp_server import served

pytestmark = pytest.mark.process

ERAS = ["legacy", "auto"]
ANSWER = {"root": "/r", "partial": False, "results": [], "omitted": 0, "notes": []}


class Daemon:
    """A scripted daemon. What the query of a call says, it does."""

    def __init__(self) -> None:
        self.cancelled = 0
        self.queries: list[str] = []

    async def answer(self, context: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        query = str((params.arguments or {}).get("query"))
        self.queries.append(query)
        if query == "progress":
            for step in range(3):
                await context.session.report_progress(step, 3, f"step {step}")
        if query == "wait":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        return CallToolResult(content=[TextContent(text=f"answer to {query}")], structured_content=ANSWER)

    def application(self) -> Starlette:
        server: Server[Any] = Server("daemon", on_call_tool=self.answer)
        local = TransportSecuritySettings(allowed_hosts=["localhost"])
        return server.streamable_http_app(stateless_http=True, transport_security=local)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, str]]:
    running = Daemon()
    with served(running.application(), tmp_path_factory.mktemp("d") / "s") as socket:
        yield running, socket


def parameters(find: str, **constants: float) -> StdioServerParameters:
    """A relay whose `find_daemon` has the body `find`."""
    program = "\n".join(
        [
            "import itertools, pathlib, time",
            "from raycontext.errors import DaemonFailed",
            "from raycontext.serve.mcp import relay",
            *(f"relay.{name} = {value}" for name, value in constants.items()),
            "calls = itertools.count(1)",
            "def find():",
            textwrap.indent(find, "    "),
            "relay.relay(find)",
        ]
    )
    inherited = {name: value for name, value in os.environ.items() if name == "PYTHONPATH"}
    return StdioServerParameters(command=sys.executable, args=["-c", program], env=inherited)


@asynccontextmanager
async def connected(find: str, mode: str = "legacy", **constants: float) -> AsyncIterator[Client]:
    async with Client(parameters(find, **constants), mode=mode, read_timeout_seconds=WAIT_SECONDS) as client:
        yield client


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


async def search(client: Client, query: str) -> CallToolResult:
    return await client.call_tool("search_code", {"path": "/r", "query": query})


@pytest.mark.parametrize("mode", ERAS)
async def test_calls_reach_the_daemon(daemon: tuple[Daemon, str], mode: str) -> None:
    async with connected(f"return {daemon[1]!r}", mode) as client:
        assert (client.protocol_version == "2026-07-28") == (mode == "auto")
        assert client.instructions == INSTRUCTIONS
        listed = await client.list_tools()
        assert [tool.model_dump(by_alias=True, exclude_none=True) for tool in listed.tools] == TOOLS
        result = await search(client, "hello")
        assert text_of(result) == "answer to hello"
        assert result.structured_content == ANSWER
        assert not result.is_error


@pytest.mark.parametrize("mode", ERAS)
async def test_progress_of_the_daemon_reaches_the_client(daemon: tuple[Daemon, str], mode: str) -> None:
    seen: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))

    async with connected(f"return {daemon[1]!r}", mode) as client:
        arguments = {"path": "/r", "query": "progress"}
        await client.call_tool("search_code", arguments, progress_callback=note)
    assert [message for _, _, message in seen] == ["step 0", "step 1", "step 2"]
    assert [value for value, _, _ in seen] == sorted({value for value, _, _ in seen})
    assert {total for _, total, _ in seen} == {3.0}


@pytest.mark.parametrize("mode", ERAS)
async def test_tools_are_listed_while_the_daemon_does_not_come_up(mode: str) -> None:
    async with connected("time.sleep(600)", mode) as client:
        assert len((await client.list_tools()).tools) == len(TOOLS)


async def test_a_call_waits_for_the_daemon_and_says_so(daemon: tuple[Daemon, str], tmp_path: Path) -> None:
    started = tmp_path / "started"
    find = f"while not pathlib.Path({str(started)!r}).exists(): time.sleep(0.01)\nreturn {daemon[1]!r}"
    seen: list[str] = []

    async def note(_: float, __: float | None, message: str | None) -> None:
        seen.append(message or "")
        if len(seen) == 3:
            started.touch()

    async with connected(find, HEARTBEAT_SECONDS=0.05) as client:
        result = await client.call_tool("search_code", {"path": "/r", "query": "late"}, progress_callback=note)
    assert text_of(result) == "answer to late"
    assert "daemon is starting" in seen[0]


async def test_a_daemon_that_cannot_start_is_a_clear_error_and_tried_again(daemon: tuple[Daemon, str]) -> None:
    find = f"if next(calls) < 3: raise DaemonFailed('Ray is broken.', '/the.log')\nreturn {daemon[1]!r}"
    async with connected(find) as client:
        results = [await search(client, "x") for _ in range(3)]
    assert results[0].is_error
    assert "Ray is broken. Its log is /the.log" in text_of(results[0])
    assert text_of(results[-1]) == "answer to x"


async def test_a_daemon_that_is_gone_is_found_anew(daemon: tuple[Daemon, str], tmp_path: Path) -> None:
    find = f"return {str(tmp_path / 'gone')!r} if next(calls) == 1 else {daemon[1]!r}"
    async with connected(find) as client:
        assert text_of(await search(client, "again")) == "answer to again"


async def test_an_answer_comes_before_the_client_gives_up(daemon: tuple[Daemon, str]) -> None:
    async with connected(f"return {daemon[1]!r}", CALL_SECONDS=0.5) as client:
        result = await search(client, "wait")
        assert result.is_error
        assert "Call again" in text_of(result)

        async def answered() -> bool:
            return text_of(await search(client, "next")) == "answer to next"

        await until_async(answered)


async def test_cancelling_a_call_ends_it_in_the_daemon(daemon: tuple[Daemon, str]) -> None:
    running, socket = daemon
    before, asked = running.cancelled, len(running.queries)
    async with connected(f"return {socket!r}") as client:
        with anyio.CancelScope() as call:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(search, client, "wait")
                await until_async(lambda: running.queries[asked:] == ["wait"])
                call.cancel()
        await until_async(lambda: running.cancelled > before)
        assert text_of(await search(client, "after")) == "answer to after"


async def test_eight_windows_at_once(daemon: tuple[Daemon, str]) -> None:
    async def window(number: int) -> list[str]:
        async with connected(f"return {daemon[1]!r}", ERAS[number % 2]) as client:
            results = await asyncio.gather(*(search(client, f"{number}.{call}") for call in range(5)))
            return [text_of(result) for result in results]

    answers = await asyncio.gather(*(window(number) for number in range(8)))
    assert answers == [[f"answer to {number}.{call}" for call in range(5)] for number in range(8)]


def test_what_anything_prints_stays_out_of_the_protocol_and_the_end_of_stdin_ends_it() -> None:
    server = parameters("print('noise', flush=True)\nraise DaemonFailed('no', 'no')")
    lines = [
        b"not json",
        b"x" * (5 << 20),
        b"[1, 2]",
        b'{"jsonrpc": "2.0", "id": NaN, "method": "ping"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "1999-01-01"}}',
        b'{"jsonrpc": "2.0", "method": "notifications/initialized"}',
        b'{"jsonrpc": "2.0", "id": 2, "method": "resources/list"}',
        b'{"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "no_such_tool"}}',
        b'{"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": []}',
        b'{"jsonrpc": "2.0", "id": "5", "method": "ping"}',
    ]
    done = subprocess.run(
        [server.command, *server.args],
        input=b"\n".join(lines) + b"\n",
        capture_output=True,
        timeout=WAIT_SECONDS,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer.get("id") for answer in answers] == [None, None, None, None, 1, 2, 3, 4, "5"]
    codes = [answer["error"]["code"] if "error" in answer else None for answer in answers]
    assert codes == [-32700, -32600, -32600, -32700, None, -32601, -32602, -32602, None]
    assert answers[4]["result"]["protocolVersion"] == "2025-11-25"
    assert b"noise" in done.stderr


def test_a_client_that_leaves_before_the_daemon_is_there_leaves_nothing_on_stderr() -> None:
    server = parameters("time.sleep(0.2)\nreturn '/no/such/socket'")
    program = server.args[1].replace("relay.relay(find)", "relay.relay(find)\ntime.sleep(0.5)")
    done = subprocess.run(
        [server.command, "-c", program], input=b"", capture_output=True, timeout=WAIT_SECONDS, check=True
    )
    assert done.stderr == b""


def opened(server: StdioServerParameters, **streams: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([server.command, *server.args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **streams)


def line(identifier: Any, method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params}).encode()


def call(identifier: Any, query: str) -> bytes:
    return line(identifier, "tools/call", name="search_code", arguments={"path": "/r", "query": query})


def test_calls_before_the_end_of_stdin_are_answered_also_the_last_line_without_its_end(
    daemon: tuple[Daemon, str],
) -> None:
    relay = opened(parameters(f"time.sleep(0.5)\nreturn {daemon[1]!r}"))
    out, _ = relay.communicate(call(1, "one") + b"\n" + call(2, "two"), timeout=WAIT_SECONDS)
    answers = [json.loads(each) for each in out.splitlines()]
    assert {answer["id"]: answer["result"]["content"][0]["text"] for answer in answers} == {
        1: "answer to one",
        2: "answer to two",
    }
    assert relay.returncode == 0


def test_the_relay_ends_when_its_stdout_is_closed_though_stdin_stays_open(daemon: tuple[Daemon, str]) -> None:
    relay = opened(parameters(f"return {daemon[1]!r}"), stderr=subprocess.DEVNULL)
    assert relay.stdin is not None
    assert relay.stdout is not None
    relay.stdin.write(line(1, "ping") + b"\n" + call(2, "wait") + b"\n")
    relay.stdin.flush()
    relay.stdout.readline()
    relay.stdout.close()
    assert relay.wait(WAIT_SECONDS) == 0
    relay.stdin.close()


def test_the_relay_ends_with_its_parent_though_its_streams_stay_open(daemon: tuple[Daemon, str]) -> None:
    server = parameters(f"return {daemon[1]!r}")
    parent = "import signal, subprocess, sys; subprocess.Popen(sys.argv[1:]); signal.pause()"
    mine, its = os.pipe(), os.pipe()
    middle = subprocess.Popen(
        [sys.executable, "-c", parent, server.command, *server.args], stdin=mine[0], stdout=its[1], stderr=its[1]
    )
    os.close(its[1])
    os.write(mine[1], line(1, "ping") + b"\n")
    with os.fdopen(its[0], "rb") as output:
        assert b'"id":1' in output.readline()
        middle.kill()
        middle.wait()
        # Nobody but the relay holds the other end now: its end is that of the relay.
        while output.read(1):
            pass
    os.close(mine[0])
    os.close(mine[1])


def test_batches_are_taken_where_their_revision_is_negotiated(daemon: tuple[Daemon, str]) -> None:
    batch = [call(1, "one"), line("two", "ping"), b'{"jsonrpc": "2.0", "method": "notifications/initialized"}', b"7"]
    batch.append(line(3, "initialize", protocolVersion="2025-03-26"))
    joined = b"[" + b", ".join(batch) + b"]"
    notified = b'[{"jsonrpc": "2.0", "method": "notifications/initialized"}]'
    answers: dict[str, list[Any]] = {}
    for revision in ("2025-03-26", "2025-06-18"):
        relay = opened(parameters(f"return {daemon[1]!r}"))
        sent = [line(0, "initialize", protocolVersion=revision), joined, notified, b"[]", b""]
        out, _ = relay.communicate(b"\n".join(sent), timeout=WAIT_SECONDS)
        answers[revision] = [json.loads(each) for each in out.splitlines()][1:]
    assert [answer["error"]["code"] for answer in answers["2025-06-18"]] == [-32600] * 3
    empty, together = sorted(answers["2025-03-26"], key=lambda answer: isinstance(answer, list))
    assert (empty["id"], empty["error"]["code"]) == (None, -32600)
    assert {json.dumps(answer["id"]): answer.get("error", {}).get("code") for answer in together} == {
        "1": None,
        '"two"': None,
        "null": -32600,
        "3": -32600,
    }


def test_a_call_of_a_batch_that_is_cancelled_keeps_back_no_other_answer() -> None:
    sent: list[Any] = []

    async def talk() -> None:
        relay = Relay(sent.append, lambda: time.sleep(WAIT_SECONDS) or "")  # type: ignore[func-returns-value]
        relay.receive(line(0, "initialize", protocolVersion="2025-03-26"))
        relay.receive(b"[" + call(1, "wait") + b", " + line(2, "ping") + b"]")
        await asyncio.sleep(0)
        relay.receive(b'{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}')
        await relay.settled()

    asyncio.run(talk())
    assert [answer["id"] for answer in sent[-1]] == [2]


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": "WrongToken", "message": "The token is missing", "exit_code": 7}',
        b'{"jsonrpc": "2.0", "id": 1, "result": 5}',
        b'{"jsonrpc": "2.0", "id": 1, "result": {}, "error": {"code": 1, "message": "x"}}',
        b'{"jsonrpc": "1.0", "id": 1, "error": {"code": "x", "message": "x"}}',
        b'{"jsonrpc": "2.0", "id": 1, "result": {"a": NaN}}',
        b'{"jsonrpc": "2.0", "id": 1, "result": {"a": 1e999}}',
        b"[]",
        b"",
    ],
)
def test_whatever_the_daemon_answers_the_client_gets_a_valid_response(body: bytes, tmp_path: Path) -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    sent: list[Any] = []

    async def talk(socket: str) -> None:
        relay = Relay(sent.append, lambda: socket)
        relay.receive(call("ü\ud800", "x"))
        await relay.settled()

    with served(answer, tmp_path / "s") as socket:
        asyncio.run(talk(socket))
    (response,) = sent
    written = json.loads(encoded(response), parse_constant=pytest.fail)
    assert (written["jsonrpc"], written["id"]) == ("2.0", "ü\ud800")
    assert written["result"]["isError"]


JSON: st.SearchStrategy[Any] = st.deferred(
    lambda: (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=10)
        | st.lists(JSON, max_size=3)
        | st.dictionaries(st.text(max_size=10), JSON, max_size=3)
    )
)
METHODS = st.sampled_from(
    ["initialize", "ping", "tools/list", "tools/call", "server/discover", "notifications/cancelled"]
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON,
        "id": JSON,
        "method": METHODS | JSON,
        "params": st.fixed_dictionaries(
            {},
            optional={
                "name": st.just("search_code") | JSON,
                "arguments": JSON,
                "requestId": JSON,
                "protocolVersion": JSON,
                "_meta": st.dictionaries(
                    st.sampled_from(["progressToken", "io.modelcontextprotocol/protocolVersion"]), JSON
                )
                | JSON,
            },
        )
        | JSON,
    },
)


@given(lines=st.lists(st.binary(max_size=60) | MESSAGES.map(lambda message: json.dumps(message).encode()), max_size=8))
@settings(deadline=None)
def test_whatever_a_client_sends_each_request_is_answered_once(lines: list[bytes]) -> None:
    sent: list[dict[str, Any]] = []

    def unavailable() -> str:
        return "/no/such/socket"

    async def talk() -> None:
        relay = Relay(sent.append, unavailable)
        for line in lines:
            relay.receive(line)
        await relay.settled()

    asyncio.run(talk())
    answers = [message for message in sent if "method" not in message]
    assert len(answers) <= len(lines)
    assert all(("result" in answer) != ("error" in answer) for answer in answers)
    json.dumps(answers)
