"""Codes for one use, which the web page exchanges for the token.

An address with a token in it would stay in the history of the browser. A code there is worth nothing once it was used,
or after five minutes. No cookie is set: cookies do not know ports, so that another server on this machine would get it.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from raycontext.errors import RequestRefused
from raycontext.index.request import refused
from raycontext.serve.daemon_messages import TokenAnswer, TokenQuery
from raycontext.serve.http.api import failed_response

__all__ = ["CODE_SECONDS", "EXCHANGE_PATH", "OneUseCodes", "exchange_route"]

CODE_SECONDS = 300.0
"""Time for which a code can be used, in seconds."""

MAX_CODES = 100
"""Largest number of codes that wait to be used. The oldest ones give way."""

EXCHANGE_PATH = "/api/token"


class OneUseCodes:
    """Codes that were given out and not used yet. They belong to one event loop, and are kept nowhere else."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without codes. clock: returns the time in seconds."""
        self._clock = clock
        self._ends: dict[bytes, float] = {}  # by digest, so that a look-up tells nothing of a code

    def issue(self) -> str:
        """Return a new code of 128 random bits."""
        while len(self._ends) >= MAX_CODES:
            del self._ends[next(iter(self._ends))]
        code = secrets.token_urlsafe(16)
        self._ends[_digest(code)] = self._clock() + CODE_SECONDS
        return code

    def use(self, code: str) -> bool:
        """Return whether a code is good. It is used up by that."""
        ends = self._ends.pop(_digest(code), None)
        return ends is not None and self._clock() < ends


def exchange_route(codes: OneUseCodes, token: str) -> Route:
    """Return the route that answers a good code with the token. It is for those who have no token yet."""

    async def endpoint(request: Request) -> Response:
        try:
            asked = TokenQuery.model_validate_json(await request.body())
        except ValidationError as error:
            return failed_response(refused(error, "See /openapi.json."))
        if not codes.use(asked.code):
            return failed_response(_WRONG_CODE)
        return Response(TokenAnswer(token=token).model_dump_json(), media_type="application/json", headers=_UNSTORED)

    handler: Callable[[Request], Awaitable[Response]] = endpoint
    return Route(EXCHANGE_PATH, handler, methods=["POST"])


_WRONG_CODE = RequestRefused(
    401,
    "WrongCode",
    "The code is wrong, was used already, or is older than five minutes",
    "Run raycontext up again: it prints another one.",
)

_UNSTORED = {"Cache-Control": "no-store"}


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode(errors="surrogatepass")).digest()
