"""The two eras of MCP: one begins with `initialize`, in the later one each request has an envelope of its own."""

from __future__ import annotations

from typing import Any

from raycontext import __version__
from raycontext.serve.mcp.jsonrpc import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    Message,
    ProtocolError,
)
from raycontext.serve.mcp.tools import (
    HANDSHAKE_VERSIONS,
    INSTRUCTIONS,
    MODERN_VERSIONS,
    SERVER_NAME,
    SERVER_TITLE,
    TOOLS,
)

__all__ = [
    "CAPABILITIES",
    "CAPABILITIES_KEY",
    "SERVER_INFO",
    "SERVER_KEY",
    "SHOWN_CHARACTERS",
    "UNSUPPORTED_VERSION",
    "VERSION_KEY",
    "answer_here",
    "enveloped",
    "is_identifier",
    "progress_token",
    "version_of",
    "without_envelope",
]

SHOWN_CHARACTERS = 200
"""Number of characters of a text from the client or the daemon that a message repeats."""


UNSUPPORTED_VERSION = -32022


VERSION_KEY = "io.modelcontextprotocol/protocolVersion"


CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"


SERVER_KEY = "io.modelcontextprotocol/serverInfo"


SERVER_INFO = {"name": SERVER_NAME, "title": SERVER_TITLE, "version": __version__}


CAPABILITIES = {"tools": {"listChanged": False}}


def answer_here(method: str, params: Any) -> Message:
    """Return the result of a request that needs no daemon. Raises `ProtocolError`."""
    if method == "initialize":
        asked = params.get("protocolVersion") if isinstance(params, dict) else None
        if not isinstance(asked, str):
            raise ProtocolError(INVALID_PARAMS, "Invalid request parameters", "")
        return {
            "protocolVersion": asked if asked in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1],
            "capabilities": CAPABILITIES,
            "serverInfo": SERVER_INFO,
            "instructions": INSTRUCTIONS,
        }
    version = version_of(params)
    if method == "tools/list":
        result: Message = {"tools": TOOLS}
    elif method == "ping" and version is None:
        return {}
    elif method == "server/discover" and version is not None:
        result = {"supportedVersions": MODERN_VERSIONS, "capabilities": CAPABILITIES, "instructions": INSTRUCTIONS}
    else:
        raise ProtocolError(METHOD_NOT_FOUND, "Method not found", method[:100])
    if version is not None:
        stamp = {"_meta": {SERVER_KEY: SERVER_INFO}}
        result = {**result, "resultType": "complete", "ttlMs": 0, "cacheScope": "private", **stamp}
    return result


def version_of(params: Any) -> str | None:
    """Return the version in the envelope of a modern request; None for a request of the era of `initialize`.

    Raises `ProtocolError` when the version is not supported.
    """
    meta = params.get("_meta") if isinstance(params, dict) else None
    if not isinstance(meta, dict) or VERSION_KEY not in meta:
        return None
    version = meta[VERSION_KEY]
    if version not in MODERN_VERSIONS:
        asked = version[:SHOWN_CHARACTERS] if isinstance(version, str) else None
        supported = {"supported": list(MODERN_VERSIONS), "requested": asked}
        raise ProtocolError(UNSUPPORTED_VERSION, "Unsupported protocol version", supported)
    return str(version)


def enveloped(params: Message, version: str | None) -> Message:
    """Return the parameters with the envelope of a modern request."""
    if version is not None:
        return params
    token = progress_token(params)
    asks = {} if token is None else {"progressToken": token}
    return {**params, "_meta": {**asks, VERSION_KEY: MODERN_VERSIONS[-1], CAPABILITIES_KEY: {}}}


def without_envelope(response: Message) -> None:
    """Remove from a response what the era of `initialize` does not know."""
    result = response.get("result")
    if isinstance(result, dict):
        result.pop("resultType", None)
        meta = result.get("_meta")
        if isinstance(meta, dict):
            meta.pop(SERVER_KEY, None)
            if not meta:
                del result["_meta"]


def is_identifier(value: object) -> bool:
    """Return whether a value can identify a request, or its progress: texts and whole numbers can."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def progress_token(params: Message) -> Any:
    """Return the token under which a client wants to hear of progress; None when it does not want to."""
    meta = params.get("_meta")
    token = meta.get("progressToken") if isinstance(meta, dict) else None
    return token if is_identifier(token) else None
