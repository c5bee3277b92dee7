"""A server that speaks the protocol of S3, in this process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.request import Request, urlopen

import pytest


@contextmanager
def s3_server(bucket: str) -> Iterator[str]:
    """Serve a bucket on a free port of this host; yields the address."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        urlopen(Request(f"http://{host}:{port}/{bucket}", method="PUT")).close()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def careless_server() -> Iterator[str]:
    """Serve any bucket, accepting every put whatever its conditions, as old servers of the protocol do."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(b"")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(b"<DeleteResult></DeleteResult>")

        def do_GET(self) -> None:
            self._answer(b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("ETag", '"0"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def use_endpoint(patch: pytest.MonkeyPatch, address: str) -> None:
    """Have what reads the environment of S3 go to a server."""
    patch.setenv("AWS_ENDPOINT_URL", address)
    patch.setenv("AWS_ACCESS_KEY_ID", "anyone")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
    patch.setenv("AWS_REGION", "us-east-1")
