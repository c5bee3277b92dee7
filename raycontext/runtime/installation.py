"""What is installed on a node: processes of one root work together only where it is the same."""

from __future__ import annotations

import functools
import platform
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

from raycontext.errors import VersionsDiffer

__all__ = ["Installation"]

Result = TypeVar("Result")
Kind = TypeVar("Kind")


class Installation(NamedTuple):
    """Installation that the process which asks for work has. Workers and actors compare it with their own.

    describe: module-level function that returns what is installed where it is called, as one text.
    here: what it returned in the process that asks for work.
    """

    describe: Callable[[], str]
    here: str

    @classmethod
    def of(cls, describe: Callable[[], str]) -> Installation:
        """Return the installation of this process."""
        return cls(describe, describe())

    def check(self) -> None:
        """Raise `VersionsDiffer` where this process has another installation than the one that asked for its work."""
        there = self.describe()
        if there != self.here:
            raise VersionsDiffer(platform.node(), there, self.here)

    def checking(self, function: Callable[..., Result]) -> Callable[..., Result]:
        """Return a function that checks the installation and then does what `function` does."""

        @functools.wraps(function)
        def run(*arguments: Any, **named: Any) -> Result:
            self.check()
            return function(*arguments, **named)

        return run

    def checking_class(self, kind: Callable[..., Kind]) -> Callable[..., Kind]:
        """Return a subclass whose constructor checks the installation, also when its actor starts again elsewhere."""
        check = self.check
        base = cast(Any, kind)

        class Checked(base):  # type: ignore[misc, valid-type]
            def __init__(self, *arguments: Any, **named: Any) -> None:
                check()
                super().__init__(*arguments, **named)

        Checked.__name__, Checked.__qualname__, Checked.__module__ = base.__name__, base.__qualname__, base.__module__
        return cast(Callable[..., Kind], Checked)
