"""An MCP server that could not be loaded once is loaded by the next request."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from raycontext.serve.http.api import Daemon, http_application
from raycontext.serve.mcp import mount
from raycontext.serve.mcp.mount import McpMount


def test_failed_import_does_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []

    def imported(name: str) -> ModuleType:
        tries.append(name)
        if len(tries) < 3:
            raise ImportError("it is being installed")
        return importlib.import_module(name)

    monkeypatch.setattr(mount, "import_module", imported)
    daemon = Daemon()
    served = McpMount(daemon.service)
    with TestClient(http_application(daemon, extra=(Route("/mcp", served),))) as client:
        for _ in range(2):
            failed = client.post("/mcp", json={})
            assert (failed.status_code, failed.json()["error"]) == (503, "RuntimeUnavailable")
            assert "it is being installed" in failed.json()["message"]
        assert client.post("/mcp", json={}).status_code != 500
        assert len(tries) == 3
        client.portal.call(served.close)  # type: ignore[union-attr]
