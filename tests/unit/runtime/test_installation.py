"""Work is refused where something else is installed than where it comes from."""

from __future__ import annotations

import platform

import pytest

from raycontext.errors import VersionsDiffer
from raycontext.runtime.installation import Installation

installed = ["raycontext 1"]


def described() -> str:
    return installed[0]


class Counter:
    """Counts from a number on."""

    def __init__(self, start: int, *, step: int = 1) -> None:
        self.count, self.step = start, step

    def next(self) -> int:
        self.count += self.step
        return self.count


@pytest.fixture
def ours() -> Installation:
    installed[0] = "raycontext 1"
    return Installation.of(described)


def test_function_runs_where_the_same_is_installed(ours: Installation) -> None:
    assert ours.checking(divmod)(7, 4) == (1, 3)
    installed[0] = "raycontext 2"
    with pytest.raises(VersionsDiffer) as refused:
        ours.checking(divmod)(7, 4)
    assert refused.value.args == (platform.node(), "raycontext 2", "raycontext 1")


def test_actor_starts_where_the_same_is_installed(ours: Installation) -> None:
    checked = ours.checking_class(Counter)
    assert checked(4, step=2).next() == 6
    assert (checked.__name__, checked.__qualname__) == ("Counter", "Counter")
    installed[0] = "raycontext 2"
    with pytest.raises(VersionsDiffer):
        checked(4)
