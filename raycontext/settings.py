"""Settings from the environment, and the constants of the system with their units."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path, user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["FILE_SECONDS", "Settings", "default_cache", "default_root"]


def default_root() -> Path:
    """The folder that holds all collections where none is given: the platform's user data folder."""
    return user_data_path("raycontext", appauthor=False)


def default_cache() -> Path:
    """The folder for what can be fetched again where none is given: the platform's user cache folder."""
    return user_cache_path("raycontext", appauthor=False)


FILE_SECONDS = 20.0
"""CPU time that every file has, unless RAYCONTEXT_FILE_SECONDS says otherwise."""


class Settings(BaseSettings):
    """What `raycontext.connect()` and the CLI use where an argument is not given.

    Each field is read from `RAYCONTEXT_<NAME>`, for example `RAYCONTEXT_ROOT`.
    """

    model_config = SettingsConfigDict(env_prefix="RAYCONTEXT_", env_ignore_empty=True, frozen=True, extra="ignore")

    root: str | Path = Field(default_factory=default_root)
    """Folder of the collections, or `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`."""
    address: str | None = None
    """Address of a Ray cluster to join; None starts a local Ray."""
    runtime: Literal["ray", "inline"] = "ray"
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Index tasks in flight at most, on a local Ray; a cluster uses its CPU count."""
    index_cores: int | None = Field(default=None, ge=1)
    """Cores that index tasks may take of all that there are, all collections together; None: all of them."""
    index_memory_bytes: int | None = Field(default=None, ge=1)
    """Memory that they may take together, a gigabyte each; None: as much as the tasks on those cores take."""
    embedder: str | None = None
    """Embedder of every collection that is indexed: `static`, KIND:FOLDER or KIND:MODEL@URL (see `Context.index`). None
    keeps what a collection was built with; a new one gets `static`."""
    embedder_actors: int = Field(default=0, ge=0)
    """Actors that run the model of `onnx:` and `sentence-transformers:`, for all index tasks; 0: each task runs it."""
    embedder_gpus: float = Field(default=0.0, ge=0.0)
    """GPUs of each of them, also a share of one; 0: they run on the processor."""
    embedding_tokens_per_minute: float = Field(default=0.0, ge=0.0)
    """What an embedding server is asked for at most, by the whole cluster; 0: as much as it takes."""
    embedding_requests_per_minute: float = Field(default=0.0, ge=0.0)
    """The same, in requests."""
    embedding_seconds: float = Field(default=60.0, gt=0.0)
    """How long an answer of an embedding server may take."""
    max_embedding_tokens: int | None = Field(default=None, ge=0)
    """What an index run may cost in tokens of an embedding server; it stops before it would cost more."""
    diversity: float = Field(default=0.75, ge=0.0, le=1.0)
    """How far a further hit of the same file falls behind in a search: 0 not at all, 1 one hit a file."""
    refresh: bool = True
    """Whether a search looks first whether a small source tree has changed."""
    replicas: int = Field(default=1, ge=1)
    """Search actors of each shard, on different nodes where there are several: a query goes to one of them, and to the
    next where that one is late or dead."""
    search_seconds: float = Field(default=30.0, gt=0.0)
    """How long a query may take. What a shard has not answered by then is missing, and the answer says so."""
    cache: Path = Field(default_factory=default_cache)
    """Folder, on each machine, for what was read from an object store; processes share it."""
    cache_bytes: int = Field(default=10 << 30, ge=0)
    """Size of that folder: what was not used for longest goes first. 0 keeps nothing."""
    object_store_bytes: int = 100 << 20
    """Size of the object store of a local Ray. Chunks never pass through it, so it is small."""
    allowed: str = ""
    """Folders, separated as in PATH, that callers over TCP may index and look into; the home folder where none is
    given."""
    daemon: bool = True
    """Whether commands and the SDK use the daemon where one runs, and commands start it."""
    idle_seconds: float = Field(default=3600.0, gt=0.0)
    """After which a daemon that no one asks ends."""
    file_seconds: float = Field(default=FILE_SECONDS, gt=0.0)
    """CPU time that the indexing of a file may take on Ray, beyond 10 s a megabyte. Read where the tasks run, from the
    environment of the node."""
    start_seconds: float = 60.0
    """How long to wait for Ray and for each actor to come up."""

    def allowed_folders(self) -> tuple[str, ...]:
        """`allowed`, one by one."""
        return tuple(filter(None, self.allowed.split(os.pathsep))) or (str(Path.home()),)
