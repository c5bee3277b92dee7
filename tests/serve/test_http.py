"""The HTTP interface through real sockets: answers, refusals, slow callers, and fuzzing by its own description."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)

from raycontext import errors
from raycontext.discover.rules.globs import check_globs
from raycontext.serve.http import api, guard, server
from raycontext.serve.http.calls import CALLS
from raycontext.serve.http.guard import MAX_BODY_BYTES
from raycontext.serve.http.openapi import GLOB, openapi
from raycontext.serve.http.token_exchange import OneUseCodes
from raycontext.serve.service import Service

from ..conftest import CART, PAYMENT, write_tree
from ..waiting import WAIT_SECONDS, until
from .http_server import guarded_server

TOKEN = "t0ken-of-the-tests"
SLOW_CONNECTIONS = 200


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("http") / "shop"
    write_tree(place, {"cart.py": CART, "payment.py": PAYMENT})
    subprocess.run(["git", "init", "--quiet", str(place)], check=True)  # in which any ref is one that is not found
    return place


@pytest.fixture(scope="module")
def codes() -> OneUseCodes:
    return OneUseCodes()


@pytest.fixture(scope="module")
def host(shop: Path, codes: OneUseCodes) -> Iterator[str]:
    with guarded_server(shop.parent / "root", [shop], TOKEN, codes) as host:
        yield host


@pytest.fixture
def client(host: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=f"http://{host}", headers=headers, trust_env=False, timeout=WAIT_SECONDS) as client:
        yield client


def test_names_that_are_not_utf_8_go_both_ways(tmp_path: Path) -> None:
    odd = os.fsdecode(b"caf\xe9")
    place = tmp_path / odd
    write_tree(place, {f"{odd}.py": CART, "other.py": PAYMENT})
    with guarded_server(tmp_path / "root", [place], None) as host:
        for asked in (place, place / f"{odd}.py"):
            body = json.dumps({"query": "shopping cart", "path": str(asked)})
            answer = httpx.post(f"http://{host}/api/search", content=body, trust_env=False, timeout=WAIT_SECONDS)
            assert answer.status_code == 200, answer.text
            assert f"{odd}.py" in {hit["path"] for hit in json.loads(answer.content)["hits"]}


def test_search_answers_with_places(client: httpx.Client, shop: Path) -> None:
    answer = client.post("/api/search", json={"query": "charge a credit card", "collection": "shop", "limit": 1})
    assert answer.status_code == 200
    (hit,) = answer.json()["hits"]
    assert (hit["path"], hit["source"]) == ("payment.py", str(shop))
    assert "charge_card" in hit["symbol"]
    assert not answer.json()["partial"]
    following = answer.json()["next_offset"]
    page = client.post("/api/search", json={"query": "charge a credit card", "limit": 1, "offset": following})
    assert page.json()["hits"][0] != hit


def test_job_is_told_as_it_changes(client: httpx.Client, shop: Path) -> None:
    begun = client.post("/api/index", json={"path": str(shop)}).json()
    assert begun["collection"] == "shop"
    with client.stream("GET", "/api/progress/shop") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line]
    assert events[-1]["state"] == "done"
    assert events[-1]["report"]["files"] == 2
    assert [job["collection"] for job in client.get("/api/jobs").json()["jobs"]] == ["shop"]


@pytest.mark.parametrize(
    ("path", "asked", "status", "error"),
    [
        ("/api/search", {"query": "x", "colection": "shop"}, 400, "InvalidInput"),
        ("/api/search", {"query": 7}, 400, "InvalidInput"),
        ("/api/search", {"query": "x" * 10_001}, 400, "InvalidInput"),
        ("/api/search", {"query": "x", "collection": "nothing"}, 404, "UnknownCollection"),
        ("/api/index", {"path": "/etc"}, 403, "PathNotAllowed"),
        ("/api/index", {"path": "a\x00b"}, 400, "InvalidInput"),
        ("/api/status", {"collection": "nothing"}, 404, "UnknownCollection"),
        ("/api/nothing", {}, 404, "NotFound"),
    ],
)
def test_bad_requests_are_told(client: httpx.Client, path: str, asked: dict[str, Any], status: int, error: str) -> None:
    answer = client.post(path, json=asked)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["message"]


def test_what_is_no_json_is_refused_and_not_repeated(client: httpx.Client) -> None:
    answer = client.post("/api/search", content=b'{"query": "s3cret')
    assert answer.status_code == 400
    assert "s3cret" not in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer \xe9"}, 401),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_strangers_are_refused(client: httpx.Client, headers: dict[str, str], status: int) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    assert client.get("/api/collections", headers=encoded).status_code == status
    answer = client.get("/api/collections", headers={"Origin": str(client.base_url).rstrip("/")})
    assert answer.status_code == 200
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_page_is_served_without_token_and_lets_nothing_foreign_in(host: str) -> None:
    page = httpx.get(f"http://{host}/", trust_env=False)
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert httpx.get(f"http://{host}/api/health", trust_env=False).status_code == 401


def test_bodies_that_are_too_large_are_refused(client: httpx.Client) -> None:
    part = b" " * (1 << 20)
    parts = MAX_BODY_BYTES // len(part) + 1
    assert client.post("/api/search", content=part * parts).status_code == 413
    chunked = client.post("/api/search", content=(part for _ in range(parts)))
    assert "content-length" not in chunked.request.headers
    assert chunked.status_code == 413


def test_connections_that_never_finish_harm_nobody(
    client: httpx.Client, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _, port = host.rpartition(":")
    starts = [
        b"",
        b"POST /api/search HTTP/1.1\r\nHost: ",
        f"POST /api/search HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n".encode(),
        f"POST /api/search HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\n"
        # A connection that is kept alive is closed some seconds after an answer, which is not what is asked here.
        "Connection: close\r\nContent-Length: 100\r\n\r\n{".encode(),
    ]
    with ExitStack() as open_sockets:
        for number in range(SLOW_CONNECTIONS):
            connection = open_sockets.enter_context(socket.create_connection((name, int(port))))
            connection.sendall(starts[number % len(starts)])
        for _ in range(3):
            answer = client.post("/api/search", json={"query": "shopping cart", "collection": "shop"})
            assert answer.json()["hits"]
        # Who is slow in any of these ways is sent away in the end; here sooner than usual.
        monkeypatch.setattr(server, "HEAD_SECONDS", 0.5)
        monkeypatch.setattr(guard, "BODY_SECONDS", 0.5)
        for number in range(len(starts)):
            with socket.create_connection((name, int(port)), timeout=WAIT_SECONDS) as slow:
                slow.sendall(starts[number])
                told = b""
                while part := slow.recv(65536):
                    told += part
                assert not told or b" 408 " in told.split(b"\r\n")[0] or b"TooSlow" in told


def test_body_that_drips_does_not_outlive_the_limit(
    client: httpx.Client, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _, port = host.rpartition(":")
    monkeypatch.setattr(guard, "BODY_SECONDS", 1.0)
    head = (
        f"POST /api/search HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 100000\r\n\r\n"
    )
    with socket.create_connection((name, int(port)), timeout=0.05) as slow:
        slow.sendall(head.encode())
        told = b""

        def is_refused() -> bool:
            nonlocal told
            try:
                slow.sendall(b" ")
                told += slow.recv(65536)
            except TimeoutError:
                pass
            except OSError:  # closed, since bytes arrived after the answer
                return True
            return b"TooSlow" in told

        until(is_refused)
    assert not told or b" 408 " in told.split(b"\r\n")[0]  # a reset connection loses the answer


@pytest.mark.parametrize("asked", [{}, {"code": 7}, {"code": ""}, {"code": "x" * 101}, {"code": "x", "more": 1}])
def test_malformed_question_for_the_token_is_told(host: str, asked: dict[str, Any]) -> None:
    answer = httpx.post(f"http://{host}/api/token", json=asked, trust_env=False)
    assert (answer.status_code, answer.json()["error"]) == (400, "InvalidInput")


def test_code_gives_the_token_once_to_who_asks_by_the_right_name(host: str, codes: OneUseCodes) -> None:
    url, code = f"http://{host}/api/token", codes.issue()
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        assert httpx.post(url, json={"code": code}, headers=headers, trust_env=False).status_code == 403
    assert httpx.get(url, params={"code": code}, trust_env=False).status_code == 405
    found = httpx.post(url, json={"code": code}, headers={"Origin": f"http://{host}"}, trust_env=False)
    assert (found.json(), found.headers["cache-control"]) == ({"token": TOKEN}, "no-store")
    assert "set-cookie" not in found.headers
    again = httpx.post(url, json={"code": code}, trust_env=False)
    assert (again.status_code, again.json()["error"]) == (401, "WrongCode")


def test_every_error_has_a_status_that_the_description_names() -> None:
    described = openapi()["paths"]["/api/search"]["post"]["responses"]
    for kind in (found for found in vars(errors).values() if isinstance(found, type)):
        if issubclass(kind, errors.RaycontextError) and kind not in (errors.RemoteError, errors.RequestRefused):
            assert str(api.status_of(kind.__new__(kind))) in described, kind
    assert api.status_of(errors.CollectionExists("shop", "/a")) == 409


def test_request_that_takes_too_long_is_given_up(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Service, "collections", never)
    monkeypatch.setattr(api, "HANDLE_SECONDS", 0.1)
    answer = client.get("/api/collections")
    assert (answer.status_code, answer.json()["error"]) == (503, "RuntimeUnavailable")
    assert "within 0.1 s" in answer.json()["message"]


def test_description_names_every_operation_with_its_errors() -> None:
    paths = openapi()["paths"]
    assert {call.path for call in CALLS} < set(paths)
    for operations in paths.values():
        for operation in operations.values():
            assert {"200", "400", "401", "403", "404", "408", "413", "500", "503"} <= set(operation["responses"])


def test_the_description_is_valid() -> None:
    validate(openapi())


@settings(deadline=None)
@given(st.from_regex(GLOB, fullmatch=True))
def test_globs_of_the_description_can_match(glob: str) -> None:
    check_globs("paths", [glob.removeprefix("!")])


def test_events_of_a_stream_are_as_described(host: str, client: httpx.Client, shop: Path) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    client.post("/api/index", json={"path": str(shop)})
    schema = schemathesis.openapi.from_url(f"http://{host}/openapi.json", headers=headers)
    case = schema["/api/progress/{collection}"]["GET"].Case(path_parameters={"collection": "shop"})
    response = case.call_and_validate(headers=headers, checks=[response_schema_conformance])
    assert response.status_code == 200


def test_a_whole_number_may_be_written_with_a_fraction(client: httpx.Client) -> None:
    asked = '{"query": "cart", "collection": "shop", "limit": %s}'
    assert client.post("/api/search", content=asked % "2.0").status_code == 200
    assert client.post("/api/search", content=asked % "2e0").status_code == 200
    assert client.post("/api/search", content=asked % "2.5").status_code == 400
    assert client.post("/api/search", content=asked % "1e999").status_code == 400


@pytest.mark.property
def test_whatever_is_asked_the_answer_is_as_described(host: str, client: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    schema = schemathesis.openapi.from_url(f"http://{host}/openapi.json", headers=headers)
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ]
    asked = 0

    def ask_all(operation: Any, mode: schemathesis.GenerationMode) -> None:
        accepted = [positive_data_acceptance] if mode is schemathesis.GenerationMode.POSITIVE else []

        @settings(max_examples=6, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(headers=headers, checks=[*checks, *accepted])

        ask()

    for found in schema.get_all_operations():
        for mode in schemathesis.GenerationMode:
            try:
                ask_all(found.ok(), mode)
            except Exception as error:  # nothing can be wrong with a request that takes nothing
                if type(error).__name__ not in ("Unsatisfiable", "SkipTest"):
                    raise
    assert asked > 50
    assert client.post("/api/search", json={"query": "shopping cart", "collection": "shop"}).json()["hits"]
