"""The HTTP interface of the daemon: a JSON API that describes itself (`/openapi.json`), and a web page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from raycontext import __version__
from raycontext.daemon_client.wire import PROTOCOL_HEADER
from raycontext.errors import (
    CollectionExists,
    CommitConflict,
    DaemonStarting,
    DeadlineExceeded,
    EmbedderNotAllowed,
    EmbeddingFailed,
    Fenced,
    InvalidInput,
    JobCancelled,
    NotShared,
    PathNotAllowed,
    RaycontextError,
    RefNotFound,
    RequestRefused,
    RootNotFound,
    RuntimeUnavailable,
    UnknownCollection,
)
from raycontext.errors.exit_codes import ExitCode
from raycontext.files.foreign_json import read_json
from raycontext.index.request import refused
from raycontext.serve.daemon_messages import Health
from raycontext.serve.http.calls import CALLS, Call, Query, method_of
from raycontext.serve.http.openapi import openapi
from raycontext.serve.messages import Failure
from raycontext.serve.service import Service

__all__ = ["Daemon", "failed_response", "failure", "http_application", "status_of"]

HANDLE_SECONDS = 300.0
"""Longest duration of a request, in seconds. Index jobs run in the background and do not count."""

COUNTED = frozenset({"search", "related", "usages", "callers", "callees", "impact", "path", "outline"})
"""Calls whose answers are instead of reading files; see `raycontext.serve.savings`."""

PROGRESS_SECONDS = 0.2
"""Pause between two events of a stream of progress, in seconds."""

LARGEST_WHOLE = 1 << 53
"""Largest number up to which every whole one is exact when it is written with a fraction."""

PAGE = {
    "/": ("index.html", "text/html"),
    "/app.js": ("app.js", "text/javascript"),
    "/highlight.js": ("vendored/highlight.min.js", "text/javascript"),
    "/style.css": ("style.css", "text/css"),
}

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_STATUS = {
    RootNotFound: 404,
    RefNotFound: 404,  # before its base class
    InvalidInput: 400,
    PathNotAllowed: 403,
    EmbedderNotAllowed: 403,
    UnknownCollection: 404,
    CollectionExists: 409,
    CommitConflict: 409,
    Fenced: 409,
    JobCancelled: 409,
    DeadlineExceeded: 503,
    EmbeddingFailed: 503,
    NotShared: 503,
    RuntimeUnavailable: 503,
}


class Daemon:
    """Process that the application runs in, with what the application needs of it."""

    async def service(self) -> Service:
        """Return the service as soon as it is ready. Raises `RuntimeUnavailable` when there will be none."""
        raise RuntimeUnavailable("There is no service", "Start the daemon: raycontext up.")

    @property
    def starting(self) -> bool:
        """True while the service is not ready yet, but will be."""
        return False

    async def health(self) -> Health:
        """Return the state of the process. It answers at any time."""
        return Health(state="failed", version=__version__, pid=0, root="", seconds=0.0)


def http_application(daemon: Daemon, *, extra: tuple[BaseRoute, ...] = ()) -> Starlette:
    """Return the ASGI application. Which callers it serves is decided by the `Guard` before it.

    extra: further routes, such as those of MCP.
    """
    routes: list[BaseRoute] = [Route(call.path, _endpoint(daemon, call), methods=[method_of(call)]) for call in CALLS]
    routes.append(Route("/api/health", _health_endpoint(daemon), methods=["GET"]))
    routes.append(Route("/api/progress/{collection}", _progress_endpoint(daemon), methods=["GET"]))
    routes.append(Route("/openapi.json", _openapi_endpoint, methods=["GET"]))
    routes.extend(Route(path, _page_endpoint, methods=["GET"]) for path in PAGE)
    return Starlette(
        routes=[*routes, *extra],
        exception_handlers={
            404: _not_found,
            405: _not_found,
            RequestRefused: _refused,
            RaycontextError: _told,
            Exception: _unexpected,
        },
    )


def failure(error: RaycontextError) -> Failure:
    """Return an error in the form that all interfaces use."""
    name = error.name if isinstance(error, RequestRefused) else type(error).__name__
    return Failure(error=name, message=str(error), exit_code=error.exit_code)


def status_of(error: RaycontextError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, RequestRefused):
        return error.status
    return next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)


def failed_response(error: RaycontextError) -> Response:
    """Return the response for an error."""
    return _failed(failure(error), status_of(error))


def _endpoint(daemon: Daemon, call: Call) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that carries out an operation and turns its errors into answers."""

    async def endpoint(request: Request) -> Response:
        try:
            asked = None if call.asks is None else await _asked(request, call.asks)
            if request.query_params.get("wait") == "0" and daemon.starting:
                raise DaemonStarting("The daemon is starting", "Ask again.")
            async with asyncio.timeout(HANDLE_SECONDS):
                answer = await call.work(await daemon.service(), asked)
        except RaycontextError as error:
            return failed_response(error)
        except TimeoutError:
            return failed_response(
                RuntimeUnavailable(f"No answer within {HANDLE_SECONDS:g} s", "Ask again, or look into the log.")
            )
        text = _as_json(answer)
        counting = BackgroundTask(_count, daemon, text) if call.name in COUNTED else None
        return Response(text, media_type="application/json", background=counting)

    return endpoint


async def _count(daemon: Daemon, text: str) -> None:
    """Count an answer that was sent."""
    service = await daemon.service()
    if service.savings.counts:
        await service.savings.count(read_json(text), len(text))


async def _asked(request: Request, kind: type[Query]) -> Query:
    """Return the request in the body. Raises `InvalidInput`, whose message does not repeat the content."""
    body = await request.body()
    try:
        try:
            return kind.model_validate_json(body)
        except ValidationError as error:
            if error.errors()[0]["type"] != "json_invalid":
                return kind.model_validate_json(_with_whole_numbers(body))
            names = _with_odd_names(body)
            if names is None:
                raise
            return kind.model_validate(names)
    except ValidationError as error:
        is_command = PROTOCOL_HEADER in request.headers
        remedy = "`--help` says what each option takes." if is_command else "See /openapi.json."
        raise refused(error, remedy) from None


def _with_whole_numbers(body: bytes) -> str:
    """Return JSON text in which 10.0 is written as 10: JSON does not tell them apart, and some clients write it so."""

    def whole(digits: str) -> int | float:
        number = float(digits)
        return int(number) if number.is_integer() and abs(number) <= LARGEST_WHOLE else number

    return json.dumps(read_json(body, parse_float=whole))


def _with_odd_names(body: bytes) -> Any:
    """Return the value of JSON text in which names of files stand that are not UTF-8, as escaped surrogates; None for
    what is not JSON.
    """
    try:
        return read_json(body)
    except ValueError:
        return None


def _as_json(answer: BaseModel) -> str:
    """Return a value as JSON text. Names of files that are not UTF-8 are in it as escaped surrogates."""
    try:
        return answer.model_dump_json()
    except PydanticSerializationError:
        return json.dumps(answer.model_dump(mode="json"))


def _health_endpoint(daemon: Daemon) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return Response((await daemon.health()).model_dump_json(), media_type="application/json")

    return endpoint


def _progress_endpoint(daemon: Daemon) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        collection = request.path_params["collection"]
        try:
            service = await daemon.service()
            if service.job(collection) is None:
                raise UnknownCollection(collection, ())
        except RaycontextError as error:
            return failed_response(error)
        return StreamingResponse(_events(service, collection), media_type="text/event-stream")

    return endpoint


async def _events(service: Service, collection: str) -> AsyncIterator[str]:
    """Yield the state of a job again and again as server-sent events. The last event says how it ended."""
    while (job := service.job(collection)) is not None:
        yield f"data: {_as_json(job)}\n\n"
        if job.state != "running":
            return
        await asyncio.sleep(PROGRESS_SECONDS)


async def _openapi_endpoint(request: Request) -> Response:
    return JSONResponse(openapi())


async def _page_endpoint(request: Request) -> Response:
    name, kind = PAGE[request.url.path]
    return Response(_page(name), media_type=kind, headers=PAGE_HEADERS)


@cache
def _page(name: str) -> bytes:
    return files("raycontext.serve.web").joinpath(name).read_bytes()


async def _not_found(request: Request, error: Exception) -> Response:
    """Answer a request for an unknown address, or with a wrong method."""
    code = getattr(error, "status_code", 404)
    message = "There is no such address, or not with this method. See /openapi.json."
    return _failed(
        Failure(error="NotFound", message=message, exit_code=ExitCode.WRONG_USE), code, getattr(error, "headers", None)
    )


async def _refused(request: Request, error: Exception) -> Response:
    """Answer a request that the guard has refused while its body arrived."""
    assert isinstance(error, RequestRefused)
    return _failed(failure(error), error.status, {"connection": "close"})


async def _told(request: Request, error: Exception) -> Response:
    """Answer after an error that an endpoint of another protocol has left to this one."""
    assert isinstance(error, RaycontextError)
    return failed_response(error)


async def _unexpected(request: Request, error: Exception) -> Response:
    """Answer after an error that no part of the program expected. The message does not hold its text."""
    message = f"The daemon met something unexpected ({type(error).__name__}). See its log: raycontext logs."
    return _failed(Failure(error="Unexpected", message=message), 500)


def _failed(told: Failure, code: int, headers: dict[str, str] | None = None) -> Response:
    """Return the response for a failure."""
    return Response(_as_json(told), status_code=code, media_type="application/json", headers=headers)
