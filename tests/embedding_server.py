"""An embedding server on this machine that speaks as OpenAI, Voyage and Ollama do, and fails when told to."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

DIMENSION = 24
BYTES_PER_TOKEN = 4


@dataclass(frozen=True)
class Fault:
    """What a request gets in place of an answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"error": {"message": "no"}}'
    hangs: bool = False


@dataclass
class EmbeddingServer:
    """What the server was asked, and what it is to do."""

    url: str = ""
    requests: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    """Path, body and Authorization of each request that was answered or refused."""
    times: list[float] = field(default_factory=list)
    """When each began."""
    faults: deque[Fault] = field(default_factory=deque)
    """For the next requests, one each."""
    most_texts: int = 10_000
    """More in a request are refused with 413."""
    most_characters: int = 10**9
    """More in a text are refused with 400."""
    refused: str = "\0"
    """Texts that hold it are refused with 400."""
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def texts(self) -> list[str]:
        """All that was embedded."""
        return [text for _, body, _ in self.requests for text in body["input"]]


def vector_of(text: str) -> list[float]:
    """Alike for texts that share words."""
    total = np.zeros(DIMENSION)
    for word in text.lower().replace("_", " ").split():
        total += np.random.default_rng(zlib.crc32(word.encode())).normal(size=DIMENSION)
    return [float(value) for value in total]


def answer_of(path: str, texts: Sequence[str]) -> dict[str, Any]:
    tokens = sum(len(text.encode()) // BYTES_PER_TOKEN + 1 for text in texts)
    if path == "/api/embed":
        return {"embeddings": [vector_of(text) for text in texts], "prompt_eval_count": tokens}
    data = [{"index": place, "embedding": vector_of(text)} for place, text in enumerate(texts)]
    return {"data": data[::-1], "usage": {"total_tokens": tokens}}


@contextmanager
def embedding_server() -> Iterator[EmbeddingServer]:
    """One that listens until the block ends."""
    state = EmbeddingServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            began = time.monotonic()
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            fault = state.faults.popleft() if state.faults else None
            texts = body["input"]
            if fault is None and len(texts) > state.most_texts:
                fault = Fault(413)
            if fault is None and any(len(text) > state.most_characters or state.refused in text for text in texts):
                fault = Fault(400)
            state.times.append(began)
            if fault is not None:
                if fault.hangs:
                    state.ended.wait(30)
                self._send(fault.status, fault.body, fault.headers)
                return
            state.requests.append((self.path, body, self.headers.get("authorization", "")))
            self._send(200, json.dumps(answer_of(self.path, texts)).encode(), {})

        def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            try:
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
            except OSError:  # who asked has gone
                self.close_connection = True

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        state.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
