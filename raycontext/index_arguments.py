"""What the Coordinator is asked for, from the arguments and the settings of who asks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from raycontext.actors.coordinator import IndexRequest
from raycontext.actors.embedder import EmbedderPlan
from raycontext.arguments import check_overrides, globs
from raycontext.embed.allowance import Limits
from raycontext.embed.embedder import absolute_name
from raycontext.places import real_path
from raycontext.settings import Settings
from raycontext.store.vector_store import OptionOverrides

__all__ = ["embedder_plan", "index_request"]


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
