"""Ray in this process: a local Ray, which this process starts and ends, or a cluster that it joins.

A local Ray belongs to the whole process. Several runtimes may use it; it ends with the last one.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

import ray
from ray._private import ray_constants
from ray.job_config import JobConfig

from raycontext.errors import RuntimeUnavailable
from raycontext.files.paths import remove_tree
from raycontext.runtime.small_ray import SMALL, without_helpers
from raycontext.runtime.temporary import folder_for_ray

__all__ = [
    "check_reachable",
    "current_address",
    "give_up",
    "is_initialized",
    "join",
    "note_with",
    "other_drivers",
    "own_folders",
    "start_local",
    "use",
]

REACHABLE_SECONDS = 5.0
"""Time in seconds that the address of a cluster may take to accept a connection."""


RAY_FOLDER = "r"
"""Name of the folder that Ray fills, inside the temporary folder of a local Ray.

It is short, since the path of a socket may have only about 100 characters.
"""


def is_initialized() -> bool:
    """Return whether this process has started or joined a Ray."""
    return bool(ray.is_initialized())


_own_folder: list[Path] = []
"""Temporary folder of the local Ray that this process has started. Empty where it has started none."""


_noting: list[Callable[[], None]] = []
"""Functions that note the folder of a local Ray before Ray writes into it."""


def note_with(note: Callable[[], None]) -> None:
    """Have a function called whenever a local Ray of this process gets its folder, which outlives a kill."""
    _noting.append(note)


def own_folders() -> list[Path]:
    """Return the temporary folder of the local Ray that this process has started. Empty where it has started none."""
    return list(_own_folder)


def current_address() -> str:
    """Return the address at which other programs can join the Ray of this process; "" where it has none."""
    if not ray.is_initialized():  # the next call would start a new Ray
        return ""
    return str(cast(Any, ray).get_runtime_context().gcs_address)


def other_drivers() -> int:
    """Return the number of other programs that have joined the Ray of this process and still run."""
    client: Any = cast(Any, ray)._private.worker.global_worker.gcs_client
    jobs = client.get_all_job_info().values()
    own = cast(Any, ray).get_runtime_context().get_job_id()
    return sum(not job.is_dead and job.job_id.hex() != own for job in jobs)


def check_reachable(address: str) -> None:
    """Raise `RuntimeUnavailable` if no program listens at `address`: "auto" or "HOST:PORT".

    Ray itself would try for more than a minute. "auto" is not checked.
    """
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=REACHABLE_SECONDS).close()
    except (OSError, ValueError) as error:
        raise RuntimeUnavailable(
            f"No Ray answers at the address {address} ({type(error).__name__})",
            "Give auto or HOST:PORT, and look whether Ray runs there.",
        ) from error


_users: list[Path] = []
"""Folder of the local Ray, once for each runtime of this process that uses it."""


def use() -> list[Path]:
    """Count one more runtime that uses the local Ray of this process.

    Return its folder, which `give_up` needs; an empty list where this process has no local Ray.
    """
    _users.extend(_own_folder)
    return list(_own_folder)


def give_up(used: list[Path]) -> None:
    """Count one runtime less that uses the local Ray, and end this Ray with its last one.

    `used` is what `use` returned. Nothing happens where it is empty.
    """
    for folder in used:
        _users.remove(folder)
    if used and not _users:
        _shutdown()


class _IsolatedJobConfig(JobConfig):
    """Job whose workers import nothing from the folder that its driver was started in, nor from that of its script.

    Ray puts both folders first on the module path of every worker, unless the job brings a working directory. An index
    run that is started inside a tree must not execute a file like `xxhash.py` of that tree.
    """

    def _runtime_env_has_working_dir(self) -> bool:
        """Return True, so that Ray adds no folder to the module path of workers."""
        return True


def _job_config() -> JobConfig:
    """Return the configuration of the job of this process."""
    return _IsolatedJobConfig()


@contextmanager
def _on_the_loopback() -> Iterator[None]:
    """Have a Ray that starts in this block take the loopback for the address of its node, and listen nowhere else.

    It is what Ray does on macOS and Windows. Elsewhere its argument for the address does not take the loopback.
    """
    constants: Any = ray_constants
    before = constants.ENABLE_RAY_CLUSTER
    constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


def _is_on_the_loopback(address: str) -> bool:
    """Return whether the Ray at an address listens on the loopback alone, as one that `start_local` has started."""
    host, _, port = address.rpartition(":")
    if host not in ("127.0.0.1", "localhost", "[::1]"):
        return False
    try:
        elsewhere = (cast(Any, ray).util.get_node_ip_address(), int(port))
        socket.create_connection(elsewhere, timeout=REACHABLE_SECONDS).close()
    except (OSError, ValueError):
        return True
    return bool(elsewhere[0].startswith("127."))


def _check_loopback() -> None:
    """Raise `OSError` where this machine cannot talk to itself, which Ray would try for more than a minute."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=REACHABLE_SECONDS).close()


def start_local(namespace: str, workers: int, object_store_bytes: int, tracing_hook: str = "") -> None:
    """Start a local Ray with `workers` cores and an object store of `object_store_bytes` bytes.

    tracing_hook: function "MODULE:NAME" that sets up OpenTelemetry in each process of this Ray; "": no traces.

    Ray listens on the loopback, and a random token keeps other users of the machine out. Since version 2.59 a local Ray
    demands a token by default; without this one it would write a token to the home folder. Raises what `ray.init`
    raises.
    """
    _check_loopback()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if "RAY_AUTH_TOKEN_PATH" not in os.environ:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    folder = Path(folder_for_ray(), f"raycontext-{secrets.token_hex(4)}")
    _own_folder.append(folder)
    for note in _noting:
        note()  # before it is made, so that it is known whenever this process dies
    try:
        folder.mkdir(0o700)
        with _on_the_loopback(), without_helpers():
            ray.init(
                address="local",
                namespace=namespace,
                num_cpus=workers,
                object_store_memory=object_store_bytes,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,  # errors reach the caller as exceptions
                # Every user may read Ray's folder, sockets and logs, so they lie in one that only this user can enter.
                _temp_dir=str(folder / RAY_FOLDER),
                _tracing_startup_hook=tracing_hook or None,
                job_config=_job_config(),
                _system_config=SMALL,
            )
    except BaseException:
        ray.shutdown()
        _own_folder.remove(folder)
        remove_tree(folder)
        raise


def join(address: str, namespace: str, seconds: float) -> None:
    """Join the cluster at `address` within `seconds` seconds.

    Raises `RuntimeUnavailable` after this time: what listens may be no Ray, or a Ray that wants another token. Raises
    what `ray.init` raises before.
    """
    cast(Any, ray)._raylet.Config.initialize("")  # reads anew from the environment whether a token is needed
    joined: Future[None] = Future()

    def run() -> None:
        try:
            with _on_the_loopback() if _is_on_the_loopback(address) else nullcontext():
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

    # A daemon thread: `ray.init` cannot be interrupted, and it must not keep the process from ending.
    threading.Thread(target=run, name="raycontext-join", daemon=True).start()
    try:
        joined.result(seconds)
    except TimeoutError as error:
        raise RuntimeUnavailable(
            f"The Ray cluster at {address} did not let us in within {seconds:g} s",
            "Check the address, and the token in RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH.",
        ) from error


def _shutdown() -> None:
    """End the local Ray of this process and remove its folder. Nothing happens where there is none."""
    if not _own_folder:
        return
    ray.shutdown()
    remove_tree(_own_folder.pop())
