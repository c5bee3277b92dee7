"""The user has named every embedder that these tests use."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def listed_embedders(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).anchor
    monkeypatch.setenv("RAYCONTEXT_EMBEDDERS", f"{root},http://a,http://b,https://api.openai.com")
