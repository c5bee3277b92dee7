"""Paths of a daemon follow from the user and the root alone."""

from __future__ import annotations

import hashlib
import os

import pytest
from platformdirs import user_data_path

from raycontext.daemon_client import paths


@pytest.mark.parametrize("home", ["/home/me", "/", "home", "", None])
@pytest.mark.parametrize("data", ["/data", "/data/", "data", "", None])
@pytest.mark.parametrize("android", ["/data", None])
def test_default_root_is_where_platformdirs_has_it(
    home: str | None, data: str | None, android: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAYCONTEXT_ROOT", raising=False)
    for name, value in (("HOME", home), ("XDG_DATA_HOME", data), ("ANDROID_DATA", android)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert paths.root_folder() == os.path.realpath(user_data_path("raycontext", appauthor=False))


@pytest.mark.parametrize("root", ["/srv/index", "s3://bucket/index", "/srv/\udcff", ""])
def test_key_of_a_root_never_changes(root: str) -> None:
    """Two versions of raycontext have to find the same daemon."""
    assert paths.root_key(root) == hashlib.sha256(root.encode(errors="surrogateescape")).hexdigest()[:16]
