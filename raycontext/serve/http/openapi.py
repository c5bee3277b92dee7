"""Description of the JSON API in OpenAPI 3.1."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from pydantic import BaseModel

from raycontext import __version__
from raycontext.chunk.languages.detect import LANGUAGES
from raycontext.models import ChunkKind
from raycontext.serve.daemon_messages import Health, TokenAnswer, TokenQuery
from raycontext.serve.http.calls import CALLS, method_of
from raycontext.serve.http.descriptions import DescribedSchema
from raycontext.serve.messages import Failure, JobState

__all__ = ["GLOB", "openapi"]

NOT_BLANK = r"\S"
"""Pattern of texts that are not blank."""

SEEN = r"[^\s\u001c-\u001f\u0085\u180e\ufeff]"
"""Pattern of texts that no engine regards as blank."""

EXPRESSION = r"^[\w .,:;=<>-]*$"
"""Pattern of regular expressions that are taken in any place: plain text. Others are, too, where they are whole."""
RANGE = r"^\w[\w/-]*\.\.\w[\w/-]*$"
"""Pattern of two commits, as `changed` takes them. One of them may be left out."""

GLOB = r"^!?/?[^\x00\s/\\\[\]#!.]([^\x00\s/\\\[\]]|/(?!/)|\[[a-z.]+\])*$"
"""Pattern of globs that are taken in any place. Some others are, too, such as those with a space."""


@cache
def openapi() -> dict[str, Any]:
    """Return the description of the API, in OpenAPI 3.1."""
    schemas: dict[str, Any] = {}

    def reference(model: type[BaseModel], mode: Any) -> dict[str, str]:
        schema = model.model_json_schema(
            mode=mode, ref_template="#/components/schemas/{model}", schema_generator=DescribedSchema
        )
        schemas.update(schema.pop("$defs", {}))
        if mode == "validation":  # an answer may hold what is not taken in any place
            _describe_filters(schema)
        schemas[model.__name__] = schema
        return {"$ref": f"#/components/schemas/{model.__name__}"}

    def content(schema: dict[str, Any], kind: str = "application/json") -> dict[str, Any]:
        return {"content": {kind: {"schema": schema}}}

    refused = reference(Failure, "serialization")
    problems = {
        code: {"description": meaning, **content(refused)}
        for code, meaning in {
            "400": "The request is wrong",
            "401": "The token or the code is missing or wrong",
            "403": "A path, an embedder, a host or an origin that is not allowed",
            "404": "No such collection, folder or address",
            "405": "The address does not have this method",
            "408": "The request did not arrive in time",
            "409": "The job was cancelled, another writer was faster, or the name of the collection is taken",
            "413": "The body is too large",
            "500": "Storage failed, or something unexpected happened",
            "503": "The daemon is not ready, or Ray or an embedding server cannot be reached",
        }.items()
    }

    def operation(name: str, summary: str, answer: dict[str, Any], asks: type[BaseModel] | None) -> dict[str, Any]:
        described: dict[str, Any] = {
            "operationId": name,
            "summary": summary,
            "responses": {"200": {"description": "Done", **answer}, **problems},
        }
        if asks is not None:
            described["requestBody"] = {"required": True, **content(reference(asks, "validation"))}
        return described

    paths: dict[str, Any] = {}
    for call in CALLS:
        answer = content(reference(call.answers, "serialization"))
        paths[call.path] = {method_of(call).lower(): operation(call.name, call.summary, answer, call.asks)}
    health = content(reference(Health, "serialization"))
    paths["/api/health"] = {"get": operation("health", "Show the state of the daemon", health, None)}
    event = {
        "type": "object",
        "description": "One event of the stream.",
        "properties": {
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": reference(JobState, "serialization"),
            }
        },
        "required": ["data"],
    }
    events = operation("progress", "Follow the state of a job as it changes", content(event, "text/event-stream"), None)
    events["parameters"] = [{"name": "collection", "in": "path", "required": True, "schema": {"type": "string"}}]
    paths["/api/progress/{collection}"] = {"get": events}
    token = content(reference(TokenAnswer, "serialization"))
    paths["/api/token"] = {"post": operation("token", "Get the token for a code, over TCP only", token, TokenQuery)}
    return json.loads(  # type: ignore[no-any-return]
        json.dumps(
            {
                "openapi": "3.1.0",
                "info": {"title": "raycontext", "version": __version__, "summary": "Semantic code search"},
                "security": [{"token": []}, {}],
                "paths": paths,
                "components": {
                    "schemas": schemas,
                    "securitySchemes": {
                        "token": {
                            "type": "http",
                            "scheme": "bearer",
                            "description": "Needed over TCP only. The Unix socket is for its owner.",
                        }
                    },
                },
            }
        )
    )


def _describe_filters(schema: dict[str, Any]) -> None:
    """Add to the filters of a query which names and globs are always taken. Others, such as aliases, may be, too."""
    known: dict[str, dict[str, Any]] = {
        "languages": {"enum": sorted(LANGUAGES)},
        "kinds": {"enum": [kind.value for kind in ChunkKind]},
        **{name: {"pattern": GLOB} for name in ("paths", "include", "exclude")},
    }
    for name, more in known.items():
        field = schema.get("properties", {}).get(name, {})
        for form in (field, *field.get("anyOf", ())):
            if form.get("type") == "array":
                form["items"] |= more
    texts = {"grep": EXPRESSION, "pattern": EXPRESSION, "changed": RANGE}
    for name, field in schema.get("properties", {}).items():
        for form in (field, *field.get("anyOf", ())):
            if form.get("type") == "string":
                if name in texts:
                    form["pattern"] = texts[name]
                elif form.get("pattern") == NOT_BLANK:  # engines differ in what is a space
                    form["pattern"] = SEEN
