"""How long a command waits for the daemon."""

from __future__ import annotations

import pytest

from raycontext.daemon_client import lifecycle
from raycontext.settings import Settings


def test_daemon_may_take_as_long_as_its_ray_and_a_while_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAYCONTEXT_START_SECONDS", raising=False)
    assert Settings.model_fields["start_seconds"].default == lifecycle.START_SECONDS
    assert lifecycle.start_seconds() > Settings().start_seconds
    monkeypatch.setenv("RAYCONTEXT_START_SECONDS", "300")
    assert lifecycle.start_seconds() > Settings().start_seconds == 300


def test_setting_that_is_no_number_is_left_to_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    default = lifecycle.START_SECONDS
    monkeypatch.setenv("RAYCONTEXT_START_SECONDS", "soon")
    assert lifecycle.start_seconds() > default
