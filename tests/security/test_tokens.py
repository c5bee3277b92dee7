"""Tokens for others: each does what the operator's file says, and nothing else."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

import raycontext
from raycontext.errors import InvalidInput
from raycontext.serve.daemon.tcp import TcpServer
from raycontext.serve.http.access import Access, read_accesses
from raycontext.serve.http.calls import CALLS
from raycontext.serve.messages import IndexQuery
from raycontext.serve.service import Service

from ..conftest import write_tree
from ..serve.http_server import OpenDaemon
from ..serve.service_jobs import ended_job

OWNER, READER, WRITER = "owner-" * 8, "reader-" * 8, "writer-" * 8
WRITING = {"/api/index", "/api/watch", "/api/unwatch", "/api/cancel", "/api/clear"}


class Place(NamedTuple):
    """Two indexed folders, `shop` and `bank`, below one folder, and a client that names a token with each request."""

    folder: Path
    service: Service
    client: httpx.AsyncClient

    async def asked(self, token: str, path: str, body: dict[str, object] | None = None) -> httpx.Response:
        head = {"authorization": f"Bearer {token}"}
        if body is None:
            return await self.client.get(path, headers=head)
        return await self.client.post(path, json=body, headers=head)


@pytest.fixture
async def place(tmp_path: Path, root: Path) -> AsyncIterator[Place]:
    for name in ("shop", "bank"):
        write_tree(tmp_path / name, {f"{name}.py": f"def total_of_{name}():\n    return 1\n"})
    async with raycontext.connect(root=root, runtime="inline", workers=1) as context:
        service = Service(context)
        for name in ("shop", "bank"):
            job = await service.start_index(IndexQuery(path=str(tmp_path / name)))
            await ended_job(service, job.collection)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server = TcpServer(
                OpenDaemon(service),
                listening,
                token=OWNER,
                accesses=[
                    Access(name="team", token=READER),
                    Access(name="nightly", token=WRITER, writes=True, collections=("shop*",)),
                ],
                allowed=[str(tmp_path)],
                hosts=[],
            )
            transport = httpx.ASGITransport(app=server.server.config.app)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                yield Place(tmp_path, service, client)
            for mount in server.mounts:
                await mount.close()
        await service.close()


async def test_token_that_only_reads_is_answered_and_changes_nothing(place: Place) -> None:
    found = (await place.asked(READER, "/api/search", {"query": "total of bank", "collection": "bank"})).json()
    assert found["hits"][0]["path"] == "bank.py"
    assert len((await place.asked(READER, "/api/collections")).json()["collections"]) == 2
    for path in sorted(WRITING):
        body = {"path": str(place.folder / "bank")}
        refused = await place.asked(READER, path, body)
        assert (refused.status_code, refused.json()["error"]) == (403, "ReadOnly"), path
    assert len(await place.service.collections()) == 2
    assert place.service.watches() == []


def test_calls_that_change_something_are_these() -> None:
    reading = {"search", "related", "usages", "callers", "callees", "impact", "path", "outline", "map", "diff", "grep"}
    reading |= {"jobs", "collections", "status", "savings", "watches"}
    assert {call.path for call in CALLS} == WRITING | {f"/api/{name}" for name in reading}


async def test_token_for_some_collections_reads_and_writes_these_alone(place: Place) -> None:
    listed = (await place.asked(WRITER, "/api/collections")).json()["collections"]
    assert [one["name"] for one in listed] == ["shop"]
    assert (await place.asked(WRITER, "/api/index", {"path": str(place.folder / "shop")})).status_code == 200
    other = {"path": str(place.folder / "bank")}
    for path in ("/api/index", "/api/watch"):
        for body in (other, {**other, "collection": "bank"}, {**other, "collection": "bank2"}):
            refused = await place.asked(WRITER, path, body)
            assert (refused.status_code, refused.json()["error"]) == (403, "CollectionNotAllowed"), (path, body)
    for path in ("/api/clear", "/api/status", "/api/cancel", "/api/unwatch"):
        assert (await place.asked(WRITER, path, {"collection": "bank"})).status_code == 404
    made = await place.asked(WRITER, "/api/index", {**other, "collection": "shop-2"})
    assert made.status_code == 200, made.text
    await ended_job(place.service, "shop-2")
    assert (await place.asked(WRITER, "/api/clear", {"collection": "shop-2"})).json() == {"cleared": "shop-2"}


async def test_token_for_some_collections_learns_nothing_of_others_by_forks(place: Place) -> None:
    """Rows of the same files are taken from any collection; a caller with bounds is not told from which."""
    bank = str(place.folder / "bank")
    for fork in ("bank", "nothing"):
        asked = {"path": bank, "collection": "shop-of-bank", "fork_from": fork}
        for path in ("/api/index", "/api/watch"):
            refused = await place.asked(WRITER, path, asked)
            assert (refused.status_code, refused.json()["error"]) == (404, "UnknownCollection")
            assert "'bank'" not in refused.text.replace(f"'{fork}'", "")
    await place.asked(WRITER, "/api/index", {"path": bank, "collection": "shop-of-bank"})
    await ended_job(place.service, "shop-of-bank")
    told = (await place.asked(WRITER, "/api/jobs")).json()
    assert [job["report"]["reused_from"] for job in told["jobs"] if job["collection"] == "shop-of-bank"] == [[]]
    own = next(job for job in place.service.jobs() if job.collection == "shop-of-bank")
    assert own.report is not None
    assert own.report.reused_from == ("bank",)


async def test_every_token_but_these_is_refused(place: Place) -> None:
    for token in ("", "x", OWNER[:-1], READER + "x", READER.upper()):
        answer = await place.asked(token, "/api/collections")
        assert (answer.status_code, answer.json()["error"]) == (401, "WrongToken")
    assert (await place.asked(OWNER, "/api/clear", {"collection": "bank"})).json() == {"cleared": "bank"}


def written(file: Path, text: str, mode: int = 0o600) -> str:
    file.write_text(text)
    file.chmod(mode)
    return str(file)


def test_tokens_are_read_from_a_file_that_is_private(tmp_path: Path) -> None:
    file, entry = tmp_path / "tokens.yaml", f"- name: team\n  token: {READER}\n"
    (found,) = read_accesses(written(file, entry + "  collections: [bank, 'web-*']\n"))
    assert found == Access(name="team", token=READER, collections=("bank", "web-*"))
    assert not found.writes
    assert list(read_accesses(None)) == []
    for mode in (0o640, 0o604, 0o620):
        with pytest.raises(InvalidInput, match="Others can reach"):
            read_accesses(written(file, entry, mode))


@pytest.mark.parametrize(
    "text",
    [
        "- [",
        "name: team",
        "- name: team",
        "- name: team\n  token: short",
        f"- name: team\n  token: '{READER} with blanks'",
        f"- name: team\n  token: {READER}\n  writes: perhaps",
        f"- name: team\n  token: {READER}\n  write: true",
        f"- name: a\n  token: {READER}\n- name: b\n  token: {READER}",
        f"- name: a\n  token: {READER}\n- name: a\n  token: {WRITER}",
    ],
)
def test_wrong_files_are_refused_without_their_tokens(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_accesses(written(tmp_path / "tokens.yaml", text))
    assert READER not in str(refused.value)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_accesses(str(tmp_path / "nowhere.yaml"))
