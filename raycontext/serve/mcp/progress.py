"""Progress of an index job in the form for agents: percentage, rate, expected time."""

from __future__ import annotations

from typing import Any

from raycontext.serve.messages import JobState
from raycontext.text.safe import safe

__all__ = ["progress_line", "progress_structured"]


def progress_structured(job: JobState) -> dict[str, Any]:
    """Return the progress as structured content."""
    structured: dict[str, Any] = {
        "state": job.state,
        "percent": round(job.percent, 1),
        "megabytesPerSecond": round(job.bytes_per_second / 1e6, 2),
        "secondsLeft": None if job.seconds_left is None else round(job.seconds_left, 1),
    }
    if job.error:
        structured["error"] = safe(job.error)
    if job.progress is not None and job.state == "running":
        structured["stage"] = job.progress.stage
        structured["filesIndexed"] = job.progress.files_indexed
        structured["filesToIndex"] = job.progress.files_to_index
    return structured


def progress_line(job: JobState) -> str:
    """Return the progress as one line, such as `62 % indexed, 3.1 MB/s, about 12 s left`."""
    if job.state == "failed":
        return f"indexing failed: {safe(job.error)}"
    if job.state == "cancelled":
        return "indexing was cancelled"
    if job.state == "done":
        return "indexed" if job.report is None else f"indexed, {job.report.files} files, {job.report.chunks} chunks"
    parts = [f"{job.percent:.0f} % indexed"]
    if job.bytes_per_second:
        parts.append(f"{job.bytes_per_second / 1e6:.1f} MB/s")
    left = job.seconds_left
    parts.append("the time left is not known yet" if left is None else f"about {left:.0f} s left")
    return ", ".join(parts)
