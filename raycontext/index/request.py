"""What the Coordinator is asked for, from the arguments and the settings of who asks."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from raycontext.discover.globs import path_filter
from raycontext.embed.registry import absolute_name
from raycontext.embed.remote.allowance import Limits
from raycontext.errors import InvalidInput
from raycontext.models import IndexOptions, OptionOverrides, first_problem
from raycontext.paths import real_path
from raycontext.settings import Settings

__all__ = [
    "EmbedderPlan",
    "IndexRequest",
    "check_overrides",
    "embedder_plan",
    "globs",
    "index_request",
    "names_of",
    "places_within",
]


class EmbedderPlan(NamedTuple):
    """How embedder actors are made, from the settings of who asks first."""

    actors: int = 0
    """For a model in a folder; 0: index tasks run it themselves. A server has one."""
    gpus: float = 0.0
    """Of each."""
    limits: Limits = Limits()
    most_tokens: int | None = None
    """What a run may cost."""


class IndexRequest(NamedTuple):
    """What to index. `collection` None: that of the source, or a new one named after it."""

    source: str  # absolute path of a folder
    collection: str | None
    overrides: OptionOverrides
    places: tuple[str, ...] = ()
    """Paths relative to the source that alone may have changed; empty: anything may have."""
    plan: EmbedderPlan = EmbedderPlan()


def index_request(
    settings: Settings,
    source: str | Path,
    collection: str | None,
    *,
    num_shards: int | None,
    max_file_bytes: int | None,
    embedder: str | None,
    include: Iterable[str] | None,
    exclude: Iterable[str] | None,
    secrets: bool | None,
) -> IndexRequest:
    """The request of `Context.index` and `Context.estimate`; looks at paths, so it is for a thread.

    Raises `InvalidInput`.
    """
    wanted = embedder if embedder is not None else settings.embedder
    overrides = OptionOverrides(
        num_shards=num_shards,
        max_file_bytes=max_file_bytes,
        embedder=absolute_name(wanted) if wanted is not None else None,
        include=globs(include, "include") if include is not None else None,
        exclude=globs(exclude, "exclude") if exclude is not None else None,
        secrets=secrets,
    )
    check_overrides(overrides)
    return IndexRequest(real_path(source), collection, overrides)


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


def check_overrides(overrides: OptionOverrides) -> None:
    """Of the options of an index run."""
    try:
        overrides.applied_to(IndexOptions())
    except ValidationError as error:
        raise InvalidInput(first_problem(error), "See the documentation of `index`.") from error


def globs(patterns: Iterable[str], parameter: str) -> tuple[str, ...]:
    """Globs in gitignore syntax; a lone string is a list of one."""
    names = names_of(patterns, parameter)
    try:
        path_filter(names, ())
    except ValueError as error:
        raise InvalidInput(f"{parameter} holds what is no glob ({error})", "Use gitignore syntax.") from error
    return names


def names_of(values: Iterable[str], parameter: str) -> tuple[str, ...]:
    if isinstance(values, str):
        return (values,)
    names = tuple(values)
    if not all(isinstance(name, str) and name for name in names):
        raise InvalidInput(f"{parameter} holds something that is not a name", "Give strings.")
    return names


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
