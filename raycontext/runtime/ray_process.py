"""The Ray that this process has: one of our own, which it starts and ends, or one that it joins."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import socket
import tempfile
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import ray
from ray.job_config import JobConfig

from raycontext.errors import RuntimeUnavailable

__all__ = [
    "check_reachable",
    "current_address",
    "give_up",
    "is_initialized",
    "join",
    "other_drivers",
    "own_folders",
    "start_local",
    "use",
]

REACHABLE_SECONDS = 5.0
"""How long the address of a cluster may take to accept a connection."""


RAY_FOLDER = "r"
"""Name of Ray's own folder below that of a local Ray: short, since paths of sockets have about 100 characters."""


def is_initialized() -> bool:
    """Whether this process uses a Ray already."""
    return bool(ray.is_initialized())


_own_folder: list[Path] = []
"""Temporary folder of the Ray that this process has started; empty where it has started none."""


def own_folders() -> list[Path]:
    """Return the temporary folder of the Ray that this process has started; empty where it has started none."""
    return list(_own_folder)


def current_address() -> str:
    """Where others on this machine can join the Ray of this process; "" where it has none."""
    if not ray.is_initialized():  # to ask would start one
        return ""
    return str(cast(Any, ray).get_runtime_context().gcs_address)


def other_drivers() -> int:
    """Programs that have joined the Ray of this process."""
    client: Any = cast(Any, ray)._private.worker.global_worker.gcs_client
    jobs = client.get_all_job_info().values()
    own = cast(Any, ray).get_runtime_context().get_job_id()
    return sum(not job.is_dead and job.job_id.hex() != own for job in jobs)


def check_reachable(address: str) -> None:
    """Raises `RuntimeUnavailable` where no one listens; Ray itself tries for a minute and more before it gives up."""
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=REACHABLE_SECONDS).close()
    except (OSError, ValueError) as error:
        raise RuntimeUnavailable(
            f"No Ray answers at the address {address} ({type(error).__name__})",
            "Give auto, HOST:PORT or ray://HOST:PORT, and look whether Ray runs there.",
        ) from error


_users: list[Path] = []
"""An entry for each runtime of this process that uses that Ray: it ends with the last of them."""


def use() -> list[Path]:
    """Use the Ray that this process has started, where it has; returns what `give_up` wants."""
    _users.extend(_own_folder)
    return list(_own_folder)


def give_up(used: list[Path]) -> None:
    """Use it no more. With the last one it ends."""
    for folder in used:
        _users.remove(folder)
    if used and not _users:
        _shutdown()


SMALL = {
    "num_workers_soft_limit": 0,
    "idle_worker_killing_time_threshold_ms": 60_000,
    "prestart_worker_first_driver": False,
    "task_events_report_interval_ms": 0,
    "worker_niceness": 0,
}
"""Configuration of a Ray of our own: it starts no worker ahead, one that has nothing to do ends after a minute, no list
of past calls is kept, which grows by tens of MB in a minute of searches, and actors have the priority of other programs
(index tasks lower theirs)."""


def _end_helpers() -> None:
    """End what a Ray of one machine does not need: the autoscaler, the server of the dashboard, and what gathers logs
    for a driver, together some 170 MB."""
    node: Any = cast(Any, ray)._private.worker._global_node
    node.kill_monitor(check_alive=False)
    node.kill_dashboard(check_alive=False)
    node.kill_log_monitor(check_alive=False)


class _IsolatedJobConfig(JobConfig):
    """Job whose workers import nothing from the folder that its driver was started in, nor from that of its script.

    Ray puts both first on the path of every worker, unless the job brings a working directory. Whoever indexes a tree
    from inside of it must not run the tree's `xxhash.py`.
    """

    def _runtime_env_has_working_dir(self) -> bool:
        return True


def _job_config() -> JobConfig:
    return _IsolatedJobConfig()


def start_local(namespace: str, workers: int, object_store_bytes: int) -> None:
    """Start a Ray that no one else can join: it listens on all interfaces, so a token guards it.

    From 2.59 on a local Ray demands a token by default; without one of ours it would write one to the home folder.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if "RAY_AUTH_TOKEN_PATH" not in os.environ:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    folder = Path(tempfile.mkdtemp(prefix="raycontext-"))  # 0700
    try:
        ray.init(
            address="local",
            namespace=namespace,
            num_cpus=workers,
            object_store_memory=object_store_bytes,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.CRITICAL,  # what goes wrong reaches the caller as an exception,
            # Ray opens its folder, sockets and logs to everyone: they lie below a folder that only this user can enter.
            _temp_dir=str(folder / RAY_FOLDER),
            job_config=_job_config(),
            _system_config=SMALL,
        )
        _end_helpers()
    except BaseException:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _own_folder.append(folder)


def join(address: str, namespace: str, seconds: float) -> None:
    """Join a cluster, or give up in time: what listens may be no Ray, or one that wants another token.

    Raises `RuntimeUnavailable`.
    """
    cast(Any, ray)._raylet.Config.initialize("")  # reads again from the environment whether a token is needed
    joined: Future[None] = Future()

    def run() -> None:
        try:
            ray.init(
                address=address,
                namespace=namespace,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                job_config=_job_config(),
            )
        except BaseException as error:
            joined.set_exception(error)
        else:
            joined.set_result(None)

    # A daemon, for `ray.init` cannot be interrupted: it must not keep the process from ending.
    threading.Thread(target=run, name="raycontext-join", daemon=True).start()
    try:
        joined.result(seconds)
    except TimeoutError as error:
        raise RuntimeUnavailable(
            f"The Ray cluster at {address} did not let us in within {seconds:g} s",
            "Check the address, and the token in RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH.",
        ) from error


def _shutdown() -> None:
    if not _own_folder:
        return
    ray.shutdown()
    shutil.rmtree(_own_folder.pop(), ignore_errors=True)
