"""Requests of index runs, made from the arguments of an interface and the settings of the client."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from raycontext.discover.commits.names import is_source_of_commit
from raycontext.discover.rules.globs import check_globs
from raycontext.embed.names import absolute_name
from raycontext.embed.permission import permit
from raycontext.embed.remote.allowance import Limits
from raycontext.errors import InvalidInput
from raycontext.files.paths import real_path
from raycontext.index.languages import check_language_of
from raycontext.models import first_problem
from raycontext.models.options import RunOptions
from raycontext.settings import Settings

__all__ = [
    "EmbedderPlan",
    "IndexRequest",
    "embedder_plan",
    "index_request",
    "places_within",
    "refused",
    "resolved",
    "run_options",
    "source_place",
    "together",
]


class EmbedderPlan(NamedTuple):
    """Settings of the embedder actors that an index run uses. They come from the client that asks for the run."""

    actors: int = 0
    """Number of actors for a model in a folder.

    0: index tasks run the model themselves. A server always has one actor.
    """
    gpus: float = 0.0
    """Number of GPUs of each actor. A fraction shares a GPU."""
    limits: Limits = Limits()
    """Limits on requests to an embedding server."""
    most_tokens: int | None = None
    """Largest number of tokens of an embedding server that a run may use. None: no limit."""


class IndexRequest(NamedTuple):
    """Request to index a folder."""

    source: str
    """Absolute path of the folder, or a `CommitSource`."""
    collection: str | None
    """Name of the collection. None: the collection of the source, or a new one that is named after the source."""
    options: RunOptions
    places: tuple[str, ...] = ()
    """Paths relative to the source that may have changed; all others count as unchanged. Empty: all are compared."""
    plan: EmbedderPlan = EmbedderPlan()
    force: bool = False
    """Whether to build the index anew. The old one answers until then."""


def together(waiting: IndexRequest, new: IndexRequest) -> IndexRequest | None:
    """Return the request whose run does the work of both; None where a run each is needed.

    A run over some places also takes those of another one, a run over the whole source takes any. It does not become
    one over the whole source, for which the callers of some places would have to wait.
    """
    if waiting._replace(places=()) != new._replace(places=()) or (waiting.places and not new.places):
        return None
    if not waiting.places:
        return waiting
    return waiting._replace(places=tuple(sorted({*waiting.places, *new.places})))


def index_request(settings: Settings, source: str | Path, collection: str | None, options: RunOptions) -> IndexRequest:
    """Return the request of an index run of `source`, completed with the settings of the client.

    It resolves links of the path, which blocks: call it in a thread. Raises `InvalidInput`.
    """
    if options.embedder is None and settings.embedder is not None:
        options = options.model_copy(update={"embedder": absolute_name(settings.embedder)})
    if options.language_of is None and settings.language_of:
        options = options.model_copy(update={"language_of": tuple(settings.language_of.replace(",", " ").split())})
        check_language_of(options.language_of or ())
    if options.embedder is not None:
        permit(options.embedder)  # by a setting or an argument
    plan = embedder_plan(settings, options.max_embedding_tokens)
    return IndexRequest(source_place(source), collection, options, plan=plan)


def source_place(source: str | Path) -> str:
    """Return the source that a caller names: the real path of a folder, or a `CommitSource` as it is."""
    return str(source) if is_source_of_commit(str(source)) else real_path(source)


def embedder_plan(settings: Settings, most_tokens: int | None = None) -> EmbedderPlan:
    """Return the settings of embedder actors.

    `most_tokens` is the largest number of tokens that a run may use; None takes the limit of the settings.
    """
    return EmbedderPlan(
        actors=settings.embedder_actors,
        gpus=settings.embedder_gpus,
        limits=Limits(
            settings.embedding_tokens_per_minute,
            settings.embedding_requests_per_minute,
            settings.embedding_seconds,
        ),
        most_tokens=settings.max_embedding_tokens if most_tokens is None else most_tokens,
    )


OPTIONS_REMEDY = "See the options of an index run in the guide."
"""Advice in the error for a run option that cannot be used."""


def run_options(**given: object) -> RunOptions:
    """Return the options of an index run from named values, which are the fields of `RunOptions`.

    Raises `InvalidInput` for an unknown option or a value that cannot be used, with the same text on every interface.
    """
    try:
        options = RunOptions.model_validate(given)
    except ValidationError as error:
        raise refused(error, OPTIONS_REMEDY) from error
    return resolved(options)


def resolved(options: RunOptions) -> RunOptions:
    """Return the options with the full name of the embedder. Raises `InvalidInput` for a glob or a language that is
    not valid."""
    for parameter in ("include", "exclude"):
        check_globs(parameter, getattr(options, parameter) or ())
    check_language_of(options.language_of or ())
    if options.embedder is None:
        return options
    return options.model_copy(update={"embedder": absolute_name(options.embedder)})


def refused(error: ValidationError, remedy: str) -> InvalidInput:
    """Return the error to raise for values that failed validation.

    `remedy` is the advice for values other than run options; those have an advice of their own.
    """
    is_option = error.errors()[0]["loc"][:1] and error.errors()[0]["loc"][0] in RunOptions.model_fields
    return InvalidInput(first_problem(error), OPTIONS_REMEDY if is_option else remedy)


def places_within(source: str, paths: Iterable[str | Path]) -> tuple[str, ...]:
    """Return paths relative to the absolute folder `source`, with "/" between names; "." is the source itself.

    Raises `InvalidInput` for a path that is not within the source.
    """
    places: list[str] = []
    for path in paths:
        place = os.path.relpath(os.path.join(source, os.fspath(path)), source)  # noqa: PTH118 - pathlib keeps `..`
        if place == os.pardir or place.startswith(os.pardir + os.sep) or "\0" in place:
            raise InvalidInput(f"The path '{path}' is not within {source}", "Give paths of files in the source.")
        places.append(place.replace(os.sep, "/"))
    return tuple(places)
