"""What the Coordinator is asked for, from the arguments and the settings of who asks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from raycontext.discover.globs import path_filter
from raycontext.embed.registry import absolute_name
from raycontext.embed.remote.allowance import Limits
from raycontext.errors import InvalidInput
from raycontext.models import first_problem
from raycontext.options import RunOptions
from raycontext.paths import real_path
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
]


class EmbedderPlan(NamedTuple):
    """How embedder actors are made, from the settings of who asks first."""

    actors: int = 0
    """For a model in a folder; 0: index tasks run it themselves. A server has one."""
    gpus: float = 0.0
    """Number of GPUs of each actor. A fraction shares a GPU."""
    limits: Limits = Limits()
    most_tokens: int | None = None
    """What a run may cost."""


class IndexRequest(NamedTuple):
    """What to index. `collection` None: that of the source, or a new one named after it."""

    source: str  # absolute path of a folder
    collection: str | None
    options: RunOptions
    places: tuple[str, ...] = ()
    """Paths relative to the source that alone may have changed; empty: anything may have."""
    plan: EmbedderPlan = EmbedderPlan()


def index_request(settings: Settings, source: str | Path, collection: str | None, options: RunOptions) -> IndexRequest:
    """Return the request of an index run with the settings of who asks. Looks at paths, so call it in a thread."""
    if options.embedder is None and settings.embedder is not None:
        options = options.model_copy(update={"embedder": absolute_name(settings.embedder)})
    plan = embedder_plan(settings, options.max_embedding_tokens)
    return IndexRequest(real_path(source), collection, options, plan=plan)


def embedder_plan(settings: Settings, most_tokens: int | None = None) -> EmbedderPlan:
    """How embedder actors are made; `most_tokens` is what a run may cost, None: what the settings say."""
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


def run_options(**given: object) -> RunOptions:
    """Return the options of an index run from what an interface was given, by the names of `RunOptions`.

    Raises `InvalidInput` for an unknown option or a value that cannot be used, with the same text on every interface.
    """
    try:
        options = RunOptions.model_validate(given)
    except ValidationError as error:
        raise refused(error, OPTIONS_REMEDY) from error
    return resolved(options)


def resolved(options: RunOptions) -> RunOptions:
    """Return options whose globs are checked and whose embedder has its full name. Raises `InvalidInput`."""
    for parameter in ("include", "exclude"):
        try:
            path_filter(getattr(options, parameter) or (), ())
        except (ValueError, re.error) as error:
            raise InvalidInput(f"{parameter} holds what is no glob ({error})", "Use gitignore syntax.") from error
    if options.embedder is None:
        return options
    return options.model_copy(update={"embedder": absolute_name(options.embedder)})


def refused(error: ValidationError, remedy: str) -> InvalidInput:
    """Return the error for a message that cannot be used; `remedy` is what to do where no run option is wrong."""
    is_option = error.errors()[0]["loc"][:1] and error.errors()[0]["loc"][0] in RunOptions.model_fields
    return InvalidInput(first_problem(error), OPTIONS_REMEDY if is_option else remedy)


def places_within(source: str, paths: Iterable[str | Path]) -> tuple[str, ...]:
    """Paths below an absolute source, relative to it and with "/"; "." for the source itself.

    Raises `InvalidInput` for one that is not within it.
    """
    places: list[str] = []
    for path in paths:
        place = os.path.relpath(os.path.join(source, os.fspath(path)), source)  # noqa: PTH118 - pathlib keeps `..`
        if place == os.pardir or place.startswith(os.pardir + os.sep) or "\0" in place:
            raise InvalidInput(f"The path '{path}' is not within {source}", "Give paths of files in the source.")
        places.append(place.replace(os.sep, "/"))
    return tuple(places)
