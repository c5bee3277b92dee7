"""How far an index run is, as agents are told: percentage, rate, expected time."""

from __future__ import annotations

from typing import Any

from raycontext.models import JobProgress
from raycontext.serve.text import safe

__all__ = ["percent_of", "progress_line", "progress_structured", "state_of"]

# Where these stages end, in percent of a first run: reading and chunking takes nearly all of its time.
WALKED, HASHED, INDEXED = 2.0, 8.0, 99.0
SMALLEST_SECONDS = 0.5  # of a run, before its rate says something


def percent_of(progress: JobProgress) -> float:
    """0 to 100; 100 only where the run is done."""
    if progress.stage == "done":
        return 100.0
    if progress.stage in ("queued", "walking"):
        return 0.0 if progress.stage == "queued" else WALKED / 2
    if progress.bytes_to_index:
        share = min(progress.bytes_indexed / progress.bytes_to_index, 1.0)
        return round(HASHED + (INDEXED - HASHED) * share, 1)
    share = progress.files_hashed / progress.files_to_hash if progress.files_to_hash else 0.0
    return round(WALKED + (HASHED - WALKED) * min(share, 1.0), 1)


def state_of(progress: JobProgress) -> str:
    """queued, running, done, failed or cancelled."""
    return progress.stage if progress.stage in ("queued", "done", "failed", "cancelled") else "running"


def progress_structured(progress: JobProgress) -> dict[str, Any]:
    """The structured form."""
    rate, left = _rate_and_seconds_left(progress)
    return {
        "state": state_of(progress),
        "stage": progress.stage,
        "percent": percent_of(progress),
        "filesIndexed": progress.files_indexed,
        "filesToIndex": progress.files_to_index,
        "megabytesPerSecond": round(rate / 1e6, 2),
        "secondsLeft": None if left is None else round(left, 1),
        **({"error": safe(progress.error)} if progress.error else {}),
    }


def progress_line(progress: JobProgress) -> str:
    """One line, such as `62 % indexed, 3.1 MB/s, about 12 s left`."""
    if progress.stage in ("done", "failed", "cancelled"):
        return {"done": "indexed", "cancelled": "indexing was cancelled"}.get(
            progress.stage, f"indexing failed: {safe(progress.error)}"
        )
    rate, left = _rate_and_seconds_left(progress)
    parts = [f"{percent_of(progress):.0f} % indexed"]
    if rate:
        parts.append(f"{rate / 1e6:.1f} MB/s")
    parts.append("the time left cannot be told yet" if left is None else f"about {left:.0f} s left")
    return ", ".join(parts)


def _rate_and_seconds_left(progress: JobProgress) -> tuple[float, float | None]:
    """Bytes of source a second, and the seconds that the rest takes at that rate."""
    if progress.seconds < SMALLEST_SECONDS or not progress.bytes_indexed:
        return 0.0, 0.0 if progress.stage == "done" else None
    rate = progress.bytes_indexed / progress.seconds
    return rate, max(progress.bytes_to_index - progress.bytes_indexed, 0) / rate
