"""No planted secret stands in a file of the root, in what is embedded, in a log, or in an answer of any interface."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pyarrow as pa
import pytest
from typer.testing import CliRunner

import raycontext
from raycontext.analyse.terms import analyse_texts
from raycontext.cli.application import application
from raycontext.sdk.context import Context
from raycontext.serve.http.api import http_application
from raycontext.serve.mcp.arguments import checked_arguments
from raycontext.serve.mcp.calls import Calls
from raycontext.serve.service import Service
from raycontext.store.collection import Location
from raycontext.store.segments.segment import Segment

from ..conftest import write_tree
from ..embedding_server import embedding_server
from ..serve.http_server import OpenDaemon
from ..unit.discover.secret_cases import SECRETS

QUESTION = "how does the client connect to the service"
LINES = [line.rstrip("\n") for line, _ in SECRETS.values()]
PLANTED = sorted({secret for _, secret in SECRETS.values()})
COMMANDS: list[list[str]] = [
    ["search", QUESTION, "--around", "100", "-n", "50"],
    ["search", QUESTION, "--json", "-n", "50", "--around", "100"],
    ["outline", "."],
    ["related", "client_0.py:3", "--around", "100"],
    ["usages", "connect_0"],
    ["callers", "connect_0"],
    ["impact", "connect_0"],
    ["callees", "connect_0"],
    ["grep", "settings|client"],
    ["map"],
    ["search", QUESTION, "--context", "--json"],
    ["status"],
    ["list"],
    ["verify", "--deep"],
    ["index", "--dry-run", "."],
]
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("search_code", {"query": QUESTION, "limit": 50}),
    ("find_usages", {"symbol": "connect_0"}),
    ("outline", {}),
    ("get_indexing_status", {}),
]


class Indexed(NamedTuple):
    root: Path
    source: Path
    embedded: list[str]
    """All texts that were embedded."""
    log: str


def planted_tree() -> dict[str, str | bytes]:
    """Return files that hold the secrets in code, comments, prose, data, other encodings and one long line."""
    files: dict[str, str | bytes] = {}
    for number, line in enumerate(LINES):
        quoted = json.dumps(line)
        files[f"client_{number % 8}.py"] = str(files.get(f"client_{number % 8}.py", "")) + (
            f"# {line}\ndef connect_{number}(client):\n    '''Connect the client to the service.'''\n"
            f"    settings = {quoted}\n    # {line}\n    return client.connect(settings)\n\n\n"
        )
    files["connect.md"] = "# Connect the client to the service\n\n" + "".join(f"    {line}\n\n" for line in LINES)
    files["client.yaml"] = "".join(f"service_{number}: {json.dumps(line)}\n" for number, line in enumerate(LINES))
    files["long.js"] = "var client = [" + ", ".join(map(json.dumps, LINES)) + "];"
    files["latin.py"] = ("# à café\n" + "".join(f"# {line}\n" for line in LINES)).encode("latin-1", "replace")
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": [f"{line}\n"]} for line in LINES]
    files["client.ipynb"] = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)
    return files


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexed]:
    folder = tmp_path_factory.mktemp("planted")
    written = [text if isinstance(text, bytes) else text.encode() for text in planted_tree().values()]
    assert all(any(secret.encode() in content for content in written) for secret in PLANTED)
    write_tree(folder / "service", planted_tree())
    records = Records()
    logging.getLogger().addHandler(records)
    with pytest.MonkeyPatch.context() as patch, embedding_server() as server:
        patch.setenv("RAYCONTEXT_ROOT", str(folder / "root"))
        patch.setenv("RAYCONTEXT_DAEMON", "off")
        for level in ("raycontext", ""):
            patch.setattr(logging.getLogger(level), "level", logging.DEBUG)
        with raycontext.connect(root=folder / "root", runtime="inline", workers=1) as context:
            context.index(folder / "service", embedder=f"openai:test-model@{server.url}")
            yield Indexed(folder / "root", folder / "service", server.texts, records.text)
    logging.getLogger().removeHandler(records)


class Records(logging.Handler):
    """All that is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + "\n"


def leaked(text: str) -> list[str]:
    return [secret for secret in PLANTED if secret in text]


def test_no_file_of_the_root_holds_a_secret(indexed: Indexed) -> None:
    found = 0
    for path in indexed.root.rglob("*"):
        if not path.is_file():
            continue
        found += 1
        assert leaked(path.read_bytes().decode("latin-1")) == [], path
        if path.suffix == ".arrow":  # columns may be compressed
            assert leaked(str(pa.ipc.open_file(path.read_bytes()).read_all().to_pydict())) == [], path
    assert found > 10
    assert leaked(indexed.log) == []


def test_no_secret_is_embedded_or_found_by_its_terms(indexed: Indexed) -> None:
    assert len(indexed.embedded) > 50
    assert leaked("\n".join(indexed.embedded)) == []
    collection = Location(str(indexed.root), "service").open()
    manifest = collection.latest()
    assert manifest is not None
    words = [secret for secret in PLANTED if secret.isalnum() and len(secret) >= 20]
    assert len(words) > 20
    for reference in manifest.segments:
        segment = Segment(collection.storage, collection.name, reference)
        for field in ("body", "symbol", "name"):
            known = set(segment.posting_lists(field).terms.tolist())
            # Parts of a secret may be words; the whole of it is not.
            assert [word for word in words if known.issuperset(analyse_texts([word]).terms.tolist())] == [], field


def test_no_command_shows_a_secret(indexed: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(indexed.source)
    for command in COMMANDS:
        done = CliRunner().invoke(application, command)
        assert done.exit_code in (0, 1), (command, done.output)
        assert leaked(done.stdout + done.stderr) == [], command


async def test_no_answer_of_sdk_http_and_mcp_shows_a_secret(indexed: Indexed) -> None:
    async with raycontext.connect(root=indexed.root, runtime="inline", workers=1) as context:
        await sdk(context, indexed)
        service = Service(context)
        transport = httpx.ASGITransport(app=http_application(OpenDaemon(service)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            asked = {"query": QUESTION, "path": str(indexed.source), "limit": 50}
            for path, body in (("search", asked), ("status", {"path": str(indexed.source)})):
                answer = await client.post(f"/api/{path}", json=body)
                assert answer.status_code == 200, answer.text
                assert leaked(answer.text) == []
        for tool, arguments in CALLS:
            checked = checked_arguments(tool, {"path": str(indexed.source), **arguments})
            told = await Calls(service).call(tool, checked, unheard)
            assert leaked(str(told)) == [], tool
        await service.close()


async def sdk(context: Context, indexed: Indexed) -> None:
    hits = await context.search(QUESTION, collection="service", limit=50)
    assert len(hits) > 20
    assert any("[secret]" in hit.text for hit in hits)
    answers: list[object] = [list(hits), hits.notes]
    answers.append(list(await context.related(hits[0].path, hits[0].start_line, collection="service")))
    answers.append(await context.outline(indexed.source))
    answers.append(await context.usages("connect_0", collection="service"))
    answers.append(await context.status("service"))
    answers.append(await context.estimate(indexed.source))
    answers.append(await context.verify("service", deep=True))
    assert leaked("\n".join(map(str, answers))) == []


async def unheard(*_: object) -> None:
    await asyncio.sleep(0)
