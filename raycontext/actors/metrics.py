"""Metrics of the actors, recorded through Ray's own metrics. Each node exports them for Prometheus.

Without Ray (the inline runtime) nothing is recorded. The names are documented in `docs/metrics.md`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

__all__ = ["INSTRUMENTS", "Instrument", "add", "observe", "set_value", "timed"]

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets of each histogram, in seconds."""


class Instrument(NamedTuple):
    """Metric with its name, kind (`Counter`, `Gauge` or `Histogram`), meaning with its unit, and keys of tags."""

    name: str
    kind: str
    description: str
    tags: tuple[str, ...]


INSTRUMENTS = {
    instrument.name: instrument
    for instrument in (
        Instrument(
            "raycontext_search_seconds",
            "Histogram",
            "Time of a step of a query in a search actor, in seconds",
            ("collection", "shard", "step"),
        ),
        Instrument("raycontext_commit_seconds", "Histogram", "Time of a commit, in seconds", ("collection",)),
        Instrument("raycontext_compactions_total", "Counter", "Segments merged into one", ("collection",)),
        Instrument(
            "raycontext_collected_objects_total", "Counter", "Objects removed by garbage collection", ("collection",)
        ),
        Instrument("raycontext_segments", "Gauge", "Segments of the newest version", ("collection",)),
        Instrument("raycontext_files", "Gauge", "Live files of the newest version", ("collection",)),
        Instrument("raycontext_chunks", "Gauge", "Live chunks of the newest version", ("collection",)),
        Instrument(
            "raycontext_tombstone_share", "Gauge", "Share of the files in all segments that are dead", ("collection",)
        ),
        Instrument("raycontext_tasks_in_flight", "Gauge", "Tasks of an index run that were sent out", ("collection",)),
        Instrument(
            "raycontext_tasks_waiting", "Gauge", "Tasks of an index run that wait for a worker", ("collection",)
        ),
        Instrument(
            "raycontext_indexed_files_total", "Counter", "Files that were chunked and embedded", ("collection",)
        ),
        Instrument(
            "raycontext_reused_files_total", "Counter", "Files whose rows existed and were not parsed", ("collection",)
        ),
        Instrument("raycontext_indexed_bytes_total", "Counter", "Bytes of source of those files", ("collection",)),
        Instrument(
            "raycontext_embedded_texts_total", "Counter", "Texts that an embedder actor has embedded", ("embedder",)
        ),
        Instrument("raycontext_embedding_tokens_total", "Counter", "Tokens that a server has counted", ("embedder",)),
        Instrument(
            "raycontext_reused_vectors_total",
            "Counter",
            "Texts whose vectors were found in the cache by content, and not computed",
            ("collection",),
        ),
        Instrument("raycontext_resident_bytes", "Gauge", "Resident memory of the process of an actor", ("actor",)),
    )
}


def add(name: str, amount: float, **tags: str) -> None:
    """Add an amount to a counter."""
    _record(name, "inc", amount, tags)


def set_value(name: str, value: float, **tags: str) -> None:
    """Set a gauge."""
    _record(name, "set", value, tags)


def observe(name: str, value: float, **tags: str) -> None:
    """Add a value to a histogram."""
    _record(name, "observe", value, tags)


@contextmanager
def timed(name: str, **tags: str) -> Iterator[None]:
    """Add the seconds that the block takes to a histogram, also when it raises."""
    begun = time.perf_counter()
    try:
        yield
    finally:
        observe(name, time.perf_counter() - begun, **tags)


def _record(name: str, method: str, value: float, tags: dict[str, str]) -> None:
    """Call a method of a metric when Ray runs. An addition of 0 is left out."""
    ray = sys.modules.get("ray")  # importing Ray takes half a second, and nothing collects metrics without it
    is_initialized = getattr(ray, "is_initialized", None)  # missing while another thread imports Ray
    if is_initialized is not None and is_initialized() and (value or method != "inc"):
        getattr(metric(name), method)(value, tags)


@cache
def metric(name: str) -> Any:
    """Return Ray's metric of that name, made at its first use."""
    from ray.util import metrics

    instrument = INSTRUMENTS[name]
    options: dict[str, Any] = {"description": instrument.description, "tag_keys": instrument.tags}
    if instrument.kind == "Histogram":
        options["boundaries"] = list(_SECONDS)
    return getattr(metrics, instrument.kind)(instrument.name, **options)
