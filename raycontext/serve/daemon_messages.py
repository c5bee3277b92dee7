"""Requests and answers about the daemon itself: its state, its token, and what its answers have saved."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from raycontext.daemon_client.wire import PROTOCOL
from raycontext.serve.messages import AnswerMessage, Name, Query

__all__ = ["CollectionSavings", "Health", "SavingsAnswer", "SavingsQuery", "TokenAnswer", "TokenQuery"]


class SavingsQuery(Query):
    """Question for what answers cost beside reading the files that they name."""

    collection: Name | None = None
    """Name of the collection. Null: all."""


class CollectionSavings(AnswerMessage):
    """What the answers about one collection cost, and what the files that they name would have cost."""

    collection: str
    source: str
    since: str
    """Day of the first answer that was counted, such as "2026-11-30"."""
    answers: int
    """Number of answers that named files of this machine."""
    answer_tokens: int
    """Tokens of these answers as they were sent, 3.5 bytes each."""
    file_tokens: int
    """Tokens of the files that they name, read whole, each file once an answer."""


class SavingsAnswer(AnswerMessage):
    """What answers cost beside reading the files, for each collection that was asked."""

    savings: list[CollectionSavings]
    counted: bool
    """Whether answers are counted (`RAYCONTEXT_SAVINGS`)."""


class Health(AnswerMessage):
    """State of the daemon."""

    protocol: int = PROTOCOL
    """Number of the language that the daemon speaks with commands."""
    state: Literal["starting", "ready", "failed"]
    version: str
    pid: int
    root: str
    seconds: float
    """Time since the daemon was started, in seconds."""
    problem: str = ""
    """Reason why the daemon failed."""
    log: str = ""
    """Path of the daemon's log file."""
    tcp: str = ""
    """Address at which the daemon listens besides its socket; empty for none."""
    ray: Literal["off", "starting", "ready", "failed"] = "off"
    """State of the daemon's Ray. Unless it is ready, the daemon works in worker processes of its own. `off`: nothing
    has needed Ray yet, or it had nothing to do for ten minutes; the next index run starts it."""
    ray_problem: str = ""
    """Reason why Ray cannot be started. It is tried again, after ever longer pauses."""
    ray_address: str = ""
    """Address at which an SDK joins the Ray of the daemon; empty unless that is ready."""
    ray_token_path: str = ""
    """Path of the file with the token of that Ray."""
    pss_bytes: int = 0
    """Memory of the daemon with its Ray, in bytes. Shared pages count in shares."""
    processes: int = 0
    """Number of processes of the daemon with its Ray."""


class TokenQuery(Query):
    """Request of the web page for the token."""

    code: Annotated[str, Field(min_length=1, max_length=100)]
    """Code for one use, from the address that `raycontext up` printed within the last five minutes."""


class TokenAnswer(AnswerMessage):
    """Token for callers over TCP."""

    token: str
