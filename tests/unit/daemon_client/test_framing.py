"""Responses and server-sent events, however the bytes are cut on their way."""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycontext.daemon_client import wire
from raycontext.daemon_client.framing import EventReader, ResponseReader, request_bytes
from raycontext.errors import RemoteError

WAIT_SECONDS = 120.0
STREAM = b': keep-alive\n\ndata: {"a":\ndata: 1}\n\nevent: x\r\nid: 4\r\ndata:2\r\n\r\n\rdata\rdata: 3\r\rdata: cut'
HELD = ['{"a":\n1}', "2", "\n3"]


def cut(content: bytes, places: list[int]) -> list[bytes]:
    """Return the content in pieces, none of them empty."""
    ends = [*sorted({place % len(content) for place in places} - {0}), len(content)]
    return [content[begin:end] for begin, end in zip([0, *ends[:-1]], ends, strict=True)]


def chunked(parts: list[bytes], end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x;kind=test\r\n%s\r\n" % (len(part), part) for part in parts) + end


def response(content: bytes, *headers: str, status: str = "200 OK") -> bytes:
    named = f"{wire.PROTOCOL_HEADER}: {wire.PROTOCOL}"
    return "\r\n".join([f"HTTP/1.1 {status}", named, *headers, "", ""]).encode() + content


def read(pieces: list[bytes]) -> tuple[ResponseReader, bytes]:
    reader = ResponseReader()
    return reader, b"".join([reader.feed(piece) for piece in pieces])


@given(st.lists(st.integers(0, 10_000)), st.lists(st.binary(min_size=1), max_size=5))
def test_chunks_are_joined_wherever_the_bytes_are_cut(places: list[int], parts: list[bytes]) -> None:
    for end in (b"0\r\n\r\n", b"000\r\nTrailer: x\r\n\r\n"):
        whole = response(chunked(parts, end), "Transfer-Encoding: Chunked", "CONTENT-TYPE: Text/Event-Stream")
        reader, content = read(cut(whole, places))
        assert content == b"".join(parts)
        assert reader.is_complete
        assert (reader.status, reader.content_type) == (200, "text/event-stream")


@given(st.lists(st.integers(0, 10_000)), st.binary(min_size=1))
def test_content_of_known_length_ends_with_it(places: list[int], content: bytes) -> None:
    early = response(b"", status="100 Continue")
    reader, found = read(cut(early + response(content, f"Content-Length: {len(content)}", status="404 No"), places))
    assert (found, reader.is_complete, reader.status) == (content, True, 404)


def test_content_without_a_length_ends_with_the_connection() -> None:
    reader, found = read([response(b"some"), b"thing"])
    assert (found, reader.is_complete) == (b"something", False)
    reader.feed(b"")
    assert reader.is_complete


def test_response_without_content_is_complete_at_once() -> None:
    assert read([response(b"", status="204 No Content")])[0].is_complete
    assert read([response(b"", "Content-Length: 0")])[0].is_complete


@pytest.mark.parametrize(
    "received",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        response(b"ab", "Content-Length: 3"),
        response(b"2\r\nab\r\n", "Transfer-Encoding: chunked"),
        response(b"2\r\nabc\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
        response(b"0x2\r\nab\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
        response(b"-2\r\nab\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
        response(b"1" * (1 << 17), "Transfer-Encoding: chunked"),
        response(b"ab", "Transfer-Encoding: gzip"),
        response(b"ab", "Content-Length: two"),
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"x" * (1 << 17),
    ],
)
def test_what_is_cut_off_or_no_http_is_told(received: bytes) -> None:
    reader = ResponseReader()
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        for piece in [received, b""] if received else [b""]:
            reader.feed(piece)


@given(st.lists(st.integers(0, 10_000)))
def test_events_are_found_wherever_the_stream_is_cut(places: list[int]) -> None:
    reader = EventReader()
    assert [data for piece in cut(STREAM, places) for data in reader.feed(piece)] == HELD


def test_event_without_end_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raycontext.daemon_client.framing.MAX_EVENT_BYTES", 100)
    with pytest.raises(ValueError, match="too long"):
        EventReader().feed(b"data: " + b"x" * 200)
    reader = EventReader()
    with pytest.raises(ValueError, match="too long"):
        for _ in range(50):
            reader.feed(b"data: xxxx\n")


def test_another_implementation_reads_the_request() -> None:
    server = h11.Connection(h11.SERVER)
    server.receive_data(request_bytes("POST", "/api/search?wait=0", b'{"query": "x"}', {"Mcp-Name": "search"}))
    request = server.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.target) == (b"POST", b"/api/search?wait=0")
    assert dict(request.headers)[b"mcp-name"] == b"search"
    data = server.next_event()
    assert isinstance(data, h11.Data)
    assert bytes(data.data) == b'{"query": "x"}'
    assert isinstance(server.next_event(), h11.EndOfMessage)


@pytest.mark.parametrize(
    ("target", "value"), [("/a b", ""), ("/a\r\nX: y", ""), ("/a", "b\r\nX: y"), ("/a", "\0"), ("/a", "\u4e2d")]
)
def test_request_cannot_be_split_by_what_it_holds(target: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"control characters|latin-1"):
        request_bytes("GET", target, b"", {"Name": value})


Answer = Callable[[list[bytes]], str]


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answer]:
    """Make a daemon that answers one request with some pieces of bytes; returns its root."""
    place = tempfile.mkdtemp()  # short: the path of a socket is limited
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    threads: list[threading.Thread] = []
    monkeypatch.setattr(wire, "socket_path", lambda root: str(Path(root, "socket")))

    def answering(pieces: list[bytes]) -> str:
        listening.bind(str(Path(place, "socket")))
        listening.listen()
        thread = threading.Thread(target=answer, args=(pieces,))
        thread.start()
        threads.append(thread)
        return place

    def answer(pieces: list[bytes]) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1 << 16)
            for piece in pieces:
                connection.sendall(piece)

    yield answering
    for thread in threads:
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive()
    listening.close()
    shutil.rmtree(place)


def test_events_do_not_depend_on_chunks(daemon: Answer) -> None:
    told: list[Any] = [{"text": "\u00e4" * 5}, [1, 2], "three"]
    stream = b"".join(b": still here\n\ndata: %s\n\n" % json.dumps(one, ensure_ascii=False).encode() for one in told)
    every_byte = chunked([stream[place : place + 1] for place in range(len(stream))])
    root = daemon([response(every_byte, "Transfer-Encoding: chunked", "Content-Type: text/event-stream")])
    assert list(wire.events(root, "/api/progress/shop")) == told


def test_error_in_place_of_events_is_raised(daemon: Answer) -> None:
    body = json.dumps({"error": "UnknownCollection", "message": "There is none", "exit_code": 3}).encode()
    root = daemon([response(body, f"Content-Length: {len(body)}", status="404 Not Found")])
    with pytest.raises(RemoteError, match="There is none"):
        list(wire.events(root, "/api/progress/shop"))


@pytest.mark.parametrize(
    "pieces",
    [
        [response(chunked([b"data: 1\n\n"], b""), "Transfer-Encoding: chunked", "Content-Type: text/event-stream")],
        [response(b"data: {\n\n", "Content-Type: text/event-stream")],
        [b""],
    ],
)
def test_daemon_that_ends_in_the_middle_of_events_is_told(daemon: Answer, pieces: list[bytes]) -> None:
    root = daemon(pieces)
    with pytest.raises(wire.DaemonGone):
        list(wire.events(root, "/api/progress/shop"))


def test_answer_is_read_in_both_forms(daemon: Answer) -> None:
    whole = response(chunked([b'{"sta', b'te": "ready"}']), "Transfer-Encoding: chunked")
    reply = wire.ask(daemon([whole]), "GET", "/api/health")
    assert (reply.status, reply.body) == (200, {"state": "ready"})


def test_answer_that_is_cut_off_is_told(daemon: Answer) -> None:
    root = daemon([response(b'{"state"', "Content-Length: 18")])
    with pytest.raises(wire.DaemonGone):
        wire.ask(root, "GET", "/api/health")
