"""Clients of MCP that others wrote: the inspector, the TypeScript SDK, fastmcp and the conformance suite."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

import raycontext
from raycontext.serve.http.guard import Guard
from raycontext.serve.mcp.mount import McpMount
from raycontext.serve.mcp.tools import TOOLS
from raycontext.serve.service import Service

from ..conftest import CART, PAYMENT, ROUTER, write_tree
from ..waiting import WAIT_SECONDS
from .client_environments import Node, node_with, python_with
from .conftest import SCRIPT, Command
from .mcp_server import served

pytestmark = pytest.mark.process

CLIENTS = Path(__file__).parent / "clients"
NAMES = [tool["name"] for tool in TOOLS]
QUERY = "charge the card"


class Place(NamedTuple):
    """A server over HTTP, and an indexed project."""

    url: str
    shop: Path
    root: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("clients")
    write_tree(folder / "shop", {"shop/cart.py": CART, "shop/payment.py": PAYMENT, "web/router.js": ROUTER})
    ready: list[Service] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with raycontext.connect(root=folder / "root", runtime="inline") as context:
            await context.index(folder / "shop")
            service = Service(context, [str(folder)])
            ready.append(service)
            yield
            await mount.close()
            await service.close()

    async def ready_service() -> Service:
        return ready[0]

    mount = McpMount(ready_service)
    application = Starlette(routes=[Route("/mcp", mount)], lifespan=lifespan)
    with served(Guard(application, hosts=("127.0.0.1",))) as url:
        yield Place(f"{url}/mcp", folder / "shop", folder / "root")


@pytest.fixture(scope="module")
def relay(place: Place) -> Iterator[dict[str, Any]]:
    """How a client starts the relay over stdio; its daemon ends with the tests."""
    command = Command(place.root, {"RAYCONTEXT_DAEMON": "on", "RAYCONTEXT_RUNTIME": "inline"})
    yield {"command": str(SCRIPT), "args": ["mcp"], "env": command.environment()}
    command("down")
    assert not command.remaining()


def told(command: list[str], *, cwd: Path | None = None, path: Path | None = None) -> str:
    """Run a client to the end, and return its output."""
    environment = {**os.environ, "NODE_DISABLE_COMPILE_CACHE": "1"}  # which would stay in the temporary folder
    if path is not None:
        environment["PATH"] = f"{path}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check(answer: dict[str, Any]) -> None:
    """Check what a client has understood."""
    assert answer["tools"] == NAMES
    assert "1. shop/payment.py" in answer["text"]
    assert answer["refused"] is True


@pytest.fixture(scope="module")
def inspector() -> Node:
    return node_with("inspector")


def inspected(inspector: Node, *arguments: str) -> Any:
    script = inspector.folder / "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
    return json.loads(told(inspector.command(script, "--cli", *arguments), path=inspector.program.parent))


def test_inspector_finds_no_fault_in_the_tools(inspector: Node, place: Place) -> None:
    listed = inspected(inspector, place.url, "--transport", "http", "--method", "tools/list", "--strict")
    assert [tool["name"] for tool in listed["tools"]] == NAMES


def test_inspector_calls_a_tool(inspector: Node, place: Place) -> None:
    asked = (
        "--tool-name",
        "search_code",
        "--tool-arg",
        f"path={place.shop}",
        f"query={QUERY}",
        "limit=2",
        "format=json",
    )
    answer = inspected(inspector, place.url, "--transport", "http", "--method", "tools/call", *asked)
    assert answer["structuredContent"]["results"][0]["path"] == "shop/payment.py"


@pytest.mark.parametrize("over", ["http", "stdio"])
def test_typescript_sdk(place: Place, relay: dict[str, Any], over: str) -> None:
    node = node_with("typescript")
    asked = {"path": str(place.shop), "query": QUERY, **({"url": place.url} if over == "http" else relay)}
    output = told(node.command(CLIENTS / "typescript_client.mjs", json.dumps(asked)), cwd=node.folder)
    answer = json.loads(output.splitlines()[-1])
    check(answer)
    assert answer["server"]["name"] == "raycontext"


@pytest.mark.parametrize("over", ["http", "stdio"])
def test_fastmcp(place: Place, relay: dict[str, Any], over: str) -> None:
    python = python_with("fastmcp")
    asked = {"path": str(place.shop), "query": QUERY, **({"url": place.url} if over == "http" else relay)}
    check(json.loads(told([str(python), str(CLIENTS / "fastmcp_client.py"), json.dumps(asked)]).splitlines()[-1]))


@pytest.mark.parametrize("scenario", ["server-initialize", "ping", "tools-list", "dns-rebinding-protection"])
def test_conformance(place: Place, scenario: str) -> None:
    """The other scenarios ask for tools, resources and prompts that only the suite's own server has."""
    node = node_with("conformance")
    script = node.folder / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
    output = told(node.command(script, "server", "--url", place.url, "--scenario", scenario), cwd=node.folder)
    ((passed, checks, failed),) = re.findall(r"Passed: (\d+)/(\d+), (\d+) failed", output)
    assert (passed, failed) == (checks, "0"), output
    assert int(checks) > 0
