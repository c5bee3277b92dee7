"""Bases of the errors that raycontext raises on purpose. `raycontext.errors` draws the tree of all of them."""

from __future__ import annotations

from raycontext.errors.exit_codes import ExitCode

__all__ = ["Advised", "RaycontextError"]


class RaycontextError(Exception):
    """Base of all errors that raycontext raises on purpose. `str(error)` says what happened and what to do."""

    exit_code: int = ExitCode.OTHER_ERROR


class Advised(RaycontextError):
    """Error with two parts that whoever raises it gives: what happened, and what to do about it."""

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(what, advice)
        self.what, self.advice = what, advice

    def __str__(self) -> str:
        return f"{self.what}. {self.advice}".rstrip() if self.advice else self.what
