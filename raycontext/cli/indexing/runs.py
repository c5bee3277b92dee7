"""How commands index a folder: as a job of the daemon whose progress is followed, or as a run in this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from raycontext.cli.display import say
from raycontext.cli.terminal import connected, show_progress
from raycontext.daemon_client import lifecycle, paths, wire
from raycontext.errors import RemoteError, RootNotFound, RuntimeUnavailable
from raycontext.files.paths import real_path
from raycontext.runtime.without_ray import without_ray
from raycontext.text.safe import safe

if TYPE_CHECKING:
    from raycontext.models import IndexReport, JobProgress
    from raycontext.models.options import RunOptions

__all__ = ["daemon_root", "index_folder"]

TRIES = 2
"""Number of tries of a job. A daemon that died is started again, and the job continues from its last commit."""


def daemon_root(root: str | None, address: str | None, runtime: str | None = None) -> str | None:
    """Return the root whose daemon commands use; None when they work without a daemon."""
    return None if runtime else lifecycle.daemon_root(root, address)


def index_folder(
    path: str,
    collection: str | None = None,
    options: RunOptions | None = None,
    *,
    ref: str | None = None,
    force: bool = False,
    root: str | None = None,
    address: str | None = None,
    runtime: str | None = None,
) -> IndexReport:
    """Bring a folder, or a ref of its repository, up to date, show the progress, and return the report.

    Raises what `Context.index` raises, and `RemoteError` for errors that the daemon reports.
    """
    place = daemon_root(root, address, runtime)
    given = {**(options.given() if options is not None else {}), "force": force, "ref": ref}
    if place is None:
        with connected(root, address, runtime) as context, show_progress() as show:
            return context.index(path, collection=collection, on_progress=show, **given)
    asked = {"path": real_path(path), "collection": collection, **given}
    if not os.path.isdir(real_path(path)):  # noqa: PTH112
        raise RootNotFound(real_path(path))
    if wire.health(place) is None:
        say(lifecycle.announcement(safe(place)))
    with show_progress() as show:
        for _ in range(TRIES):
            try:
                report = followed(place, asked, show)
            except wire.DaemonDiffers as differs:
                say(f"{differs}: this command indexes by itself")
                with connected(root, None, "processes") as context:
                    return context.index(path, collection=collection, on_progress=show, **given)
            except wire.DaemonGone:
                continue
            _tell_of_ray(place)
            return report
    raise RuntimeUnavailable("The daemon ended while it indexed", f"See its log: {paths.log_path(place)}")


def _tell_of_ray(root: str) -> None:
    """Say so where the daemon works without Ray, since that cannot be started."""
    found = wire.health(root)
    if found is not None and found["ray"] == "failed":
        say(without_ray(safe(found["ray_problem"])))


def followed(root: str, asked: dict[str, Any], show: Callable[[JobProgress], None]) -> IndexReport:
    """Start the job at the daemon and follow it to its end. Raises `DaemonGone` when the daemon ends before."""
    from raycontext.models import IndexReport, JobProgress  # imported late, since it would make --help slow

    lifecycle.ensure_ready(root, tell=say, replaces=False)
    job = wire.checked(wire.ask(root, "POST", "/api/index", asked))
    try:
        for state in wire.events(root, f"/api/progress/{quote(job['collection'], safe='')}"):
            job = state
            if job["progress"] is not None:
                show(JobProgress.model_validate(job["progress"]))
    except KeyboardInterrupt:
        wire.ask(root, "POST", "/api/cancel", {"collection": job["collection"]})
        raise
    if job["state"] == "running":
        raise wire.DaemonGone("the daemon ended in the middle of a job")
    if job["report"] is None:
        raise RemoteError("JobFailed", job["error"], job["exit_code"])
    return IndexReport.model_validate(job["report"])
