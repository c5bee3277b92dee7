"""Messages of JSON-RPC 2.0: how they are made, sent as batches, and checked before they are passed on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn

from raycontext.files.foreign_json import read_json

__all__ = [
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "METHOD_NOT_FOUND",
    "PARSE_ERROR",
    "Batch",
    "Message",
    "ProtocolError",
    "Reply",
    "encoded",
    "failure",
    "is_number",
    "is_response",
    "parsed",
    "success",
    "told",
]

Message = dict[str, Any]
Reply = Callable[[Message | None], None]
"""Function that takes the response to one message; None when the message has none."""

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602


class ProtocolError(Exception):
    """Request that is answered with an error of the protocol: `ProtocolError(code, message, data)`."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(code, message, data)
        self.error: Message = {"code": code, "message": message, **({} if data is None else {"data": data})}


class Batch:
    """Responses to a batch of messages. They are sent as one list when the last message has been handled."""

    def __init__(self, size: int, send: Callable[[list[Message]], None]) -> None:
        self._left = size
        self._send = send
        self._responses: list[Message] = []

    def take(self, response: Message | None) -> None:
        """Take the response to one message of the batch, None for one without a response."""
        self._left -= 1
        if response is not None:
            self._responses.append(response)
        if not self._left and self._responses:
            self._send(self._responses)


def parsed(data: bytes) -> Any:
    """Return the value that JSON holds. Raises `ValueError`, also for NaN and infinities."""
    return read_json(data, parse_constant=_refuse, parse_float=_finite)


def encoded(message: Any) -> bytes:
    """Return a message as one line of JSON. Raises `ValueError` when it holds NaN or an infinity."""
    try:
        return json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"
    except UnicodeEncodeError:  # half of a surrogate pair can only be sent as an escape
        return json.dumps(message, allow_nan=False).encode() + b"\n"


def success(identifier: Any, result: Message) -> Message:
    """Return the response with a result."""
    return {"jsonrpc": "2.0", "id": identifier, "result": result}


def failure(identifier: Any, refused: ProtocolError) -> Message:
    """Return the response with an error of the protocol."""
    return {"jsonrpc": "2.0", "id": identifier, "error": refused.error}


def told(text: str) -> Message:
    """Return a response with a failure of a call that the agent reads."""
    content = [{"type": "text", "text": text}]
    return success(None, {"content": content, "isError": True, "resultType": "complete"})


def is_response(message: Message) -> bool:
    """Return whether a message is a valid response: it has either a result or an error, and no method."""
    if "method" in message or ("result" in message) == ("error" in message):
        return False
    if "result" in message:
        return isinstance(message["result"], dict)
    error = message["error"]
    return isinstance(error, dict) and type(error.get("code")) is int and isinstance(error.get("message"), str)


def is_number(value: object) -> bool:
    """Return whether a value is a number that JSON can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _finite(digits: str) -> float:
    """Return a number with a fraction or an exponent. Raises `ValueError` for one that is too large, such as 1e999."""
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _refuse(name: str) -> NoReturn:
    """Raise `ValueError` for NaN and infinities, which JSON does not have."""
    raise ValueError(f"{name} is not JSON")
