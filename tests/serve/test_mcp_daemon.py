"""`raycontext mcp` as editors start it, with a daemon of its own, which may die."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, TextContent

from raycontext.daemon_client import wire

from ..conftest import CART, PAYMENT, write_tree
from ..waiting import PATIENCE, WAIT_SECONDS, until_async
from .conftest import forget_daemon

pytestmark = pytest.mark.process

SCRIPT = Path(sys.executable).parent / "raycontext"
WINDOWS = 5


@pytest.fixture(scope="module")
def surroundings() -> Iterator[dict[str, str]]:
    """Variables of a user who has nothing yet. The folder's path is short, for it holds a socket."""
    folder = Path(tempfile.mkdtemp(prefix="m"))
    names = {"HOME": folder, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder, "TMPDIR": folder}
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    variables = {**inherited, **{name: str(value) for name, value in names.items()}}
    variables |= PATIENCE | {
        "RAYCONTEXT_ROOT": str(folder / "root"),
        "RAYCONTEXT_RUNTIME": "inline",
        "RAYCONTEXT_DAEMON": "on",
    }
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield variables
        process = daemon_process()
        wire.ask(variables["RAYCONTEXT_ROOT"], "POST", "/api/shutdown")
        process.wait(timeout=WAIT_SECONDS)
        forget_daemon(folder / "root")
    finally:
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder)


def daemon_process() -> psutil.Process:
    found = wire.health(os.environ["RAYCONTEXT_ROOT"])
    assert found is not None
    return psutil.Process(found["pid"])


@asynccontextmanager
async def window(variables: dict[str, str]) -> AsyncIterator[Client]:
    server = StdioServerParameters(command=str(SCRIPT), args=["mcp"], env=variables)
    async with Client(server, read_timeout_seconds=WAIT_SECONDS) as client:
        yield client


async def search(client: Client, folder: Path, query: str) -> str:
    """Text of the whole answer. A call that a slow start would keep for too long asks to be made again."""

    async def whole() -> str:
        result: CallToolResult = await client.call_tool("search_code", {"path": str(folder), "query": query})
        (content,) = result.content
        assert isinstance(content, TextContent)
        if "Call again" in content.text or "Partial: " in content.text:
            return ""
        assert not result.is_error, content.text
        return content.text

    return await until_async(whole)


async def test_five_windows_share_one_daemon_which_may_die(surroundings: dict[str, str], tmp_path: Path) -> None:
    write_tree(tmp_path, {"cart.py": CART, "payment.py": PAYMENT})

    async def first_search(_: int) -> str:
        async with window(surroundings) as client:
            return await search(client, tmp_path, "pay by card")

    texts = [await first_search(0)]
    daemon = daemon_process()
    texts += await asyncio.gather(*map(first_search, range(1, WINDOWS)))
    assert all("payment.py" in text for text in texts)
    assert daemon_process().pid == daemon.pid

    async with window(surroundings) as client:
        assert "cart.py" in await search(client, tmp_path, "add article to cart")
        daemon.send_signal(signal.SIGKILL)
        daemon.wait(timeout=WAIT_SECONDS)
        assert "cart.py" in await search(client, tmp_path, "add article to cart")
    assert daemon_process().pid != daemon.pid
