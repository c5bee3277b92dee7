"""Settings that are read from the environment, with their defaults and units."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path, user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = [
    "ACTOR_IDLE_SECONDS",
    "CACHE_BYTES",
    "FILE_SECONDS",
    "SEARCH_ACTORS",
    "Settings",
    "default_cache",
    "default_root",
]


def default_root() -> Path:
    """Return the folder that holds all collections by default: raycontext's place in the user's data folder."""
    return user_data_path("raycontext", appauthor=False)


def default_cache() -> Path:
    """Return the default folder for data that can be fetched again: raycontext's place in the user's cache folder."""
    return user_cache_path("raycontext", appauthor=False)


CACHE_BYTES = 10 << 30
"""Default of `RAYCONTEXT_CACHE_BYTES`: size of the cache of an object store in bytes."""

REF_BYTES = 2 << 30
"""Default of `RAYCONTEXT_REF_BYTES`: size of the collections of commits in bytes."""

FILE_SECONDS = 20.0
"""Default of `RAYCONTEXT_FILE_SECONDS`: CPU time in seconds that the indexing of any file may take."""


ACTOR_IDLE_SECONDS = 600.0
"""Default of `RAYCONTEXT_ACTOR_IDLE_SECONDS`: time in seconds after which an actor on Ray ends that nobody calls."""

SEARCH_ACTORS = 8
"""Default of `RAYCONTEXT_SEARCH_ACTORS`: number of search actors on each node that own a single shard."""

LOOK_FILES = 5_000
"""Default of `RAYCONTEXT_LOOK_FILES`: largest number of files of a collection whose source every search looks at."""
LOOK_SECONDS = 1.0
"""Default of `RAYCONTEXT_LOOK_SECONDS`: longest look in seconds that every search has at a source."""


class Settings(BaseSettings):
    """Settings that `raycontext.connect()` and the CLI use where an argument is not given.

    Each field is read from the environment variable `RAYCONTEXT_<NAME>`, for example `RAYCONTEXT_ROOT`. An empty
    variable counts as not set. Raises `pydantic.ValidationError` for a value that cannot be used.
    """

    model_config = SettingsConfigDict(env_prefix="RAYCONTEXT_", env_ignore_empty=True, frozen=True, extra="ignore")

    root: str | Path = Field(default_factory=default_root)
    """Folder that holds the collections, or `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`."""
    address: str | None = None
    """Address of a Ray cluster to join; None starts a local Ray."""
    runtime: Literal["ray", "processes", "inline"] = "ray"
    """Runtime of actors and tasks: `ray`; `processes` for actors in this process and index tasks in worker processes of
    its own; `inline` for everything in this process. `processes` stands in for a local Ray that cannot be started,
    unless `ray` is asked for."""
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """Largest number of index tasks at once without a cluster. A cluster uses its number of CPUs."""
    index_cores: int | None = Field(default=None, ge=1)
    """Largest number of cores that the index tasks of all collections use together. None: all cores."""
    index_memory_bytes: int | None = Field(default=None, ge=1)
    """Memory in bytes that the index tasks of all collections use together, at 1 GiB a task. None: no limit beyond that
    of the cores."""
    embedder: str | None = None
    """Embedder for every collection that is indexed: `static`, KIND:FOLDER or KIND:MODEL@URL (see `Context.index`).
    None keeps the embedder that a collection was built with; a new collection gets `static`."""
    language_of: str = ""
    """Entries GLOB=LANGUAGE for every collection that is indexed, separated by commas or blanks, such as `*.inc=php`.
    Empty keeps those that a collection was built with."""
    embedders: str = ""
    """Names, addresses of servers and folders of the embedders that may be used, separated by commas (see
    `raycontext.embed.permission`). Each process reads it in its own environment. Empty: those that the user has
    named."""
    embedder_actors: int = Field(default=0, ge=0)
    """Number of actors that run the model of an `onnx:` or `sentence-transformers:` embedder for all index tasks. 0:
    each index task runs the model itself."""
    embedder_gpus: float = Field(default=0.0, ge=0.0)
    """Number of GPUs that each embedder actor gets; a fraction shares one. 0: the actors run on the CPU."""
    embedding_tokens_per_minute: float = Field(default=0.0, ge=0.0)
    """Largest number of tokens a minute that the whole cluster sends to an embedding server. 0: no limit of ours."""
    embedding_requests_per_minute: float = Field(default=0.0, ge=0.0)
    """Largest number of requests a minute that the whole cluster sends to an embedding server. 0: no limit of ours."""
    embedding_seconds: float = Field(default=60.0, gt=0.0)
    """Time in seconds that an embedding server has for one answer."""
    max_embedding_tokens: int | None = Field(default=None, ge=0)
    """Largest number of an embedding server's tokens that an index run may use. The run stops before it would use more.
    None: no limit."""
    diversity: float = Field(default=0.5, ge=0.0, le=1.0)
    """Share by which the score of each further hit of the same file is reduced. 0: not at all; 1: one hit a file."""
    refresh: bool = True
    """Whether a search first looks for changes in the source, if the tree is small."""
    look_files: int = Field(default=LOOK_FILES, ge=0)
    """Largest number of files of a collection whose source every search looks at. The daemon watches larger ones once
    they are searched. The value of whoever connects first holds until the Coordinator ends."""
    look_seconds: float = Field(default=LOOK_SECONDS, ge=0.0)
    """Longest look in seconds that every search has at a source. One whose last look took longer counts as large for a
    minute. The value of whoever connects first holds until the Coordinator ends."""
    replicas: int = Field(default=1, ge=1)
    """Number of search actors for each shard, on different nodes of a cluster. A query goes to one replica, and to the
    next one when the first is late or dead."""
    search_actors: int = Field(default=SEARCH_ACTORS, ge=1)
    """Number of search actors on each node that own a single shard. Beyond it, small shards share an actor. The value
    of whoever connects first holds until the Coordinator ends."""
    search_seconds: float = Field(default=30.0, gt=0.0)
    """Time in seconds that a query may take. Hits of shards that have not answered by then are missing, and the answer
    says so."""
    shared_root: bool = False
    """Whether several users share a root in a folder: the umask, and the permissions of the folders, then say who can
    read and write. Otherwise new folders and files are for their owner alone, whatever the umask is."""
    cache: Path | None = None
    """Folder on each machine for data that was read from an object store. All processes of the machine share it. None:
    a folder in the user cache folder of that machine."""
    cache_bytes: int = Field(default=CACHE_BYTES, ge=0)
    """Largest size of `cache` in bytes. Data that was not used for the longest time is removed first. 0 keeps
    nothing."""
    ref_bytes: int = Field(default=REF_BYTES, ge=0)
    """Largest size in bytes of the collections of commits (`ref`) together, without what they share with others. Those
    that were not used for the longest time are removed first."""
    object_store_bytes: int = 100 << 20
    """Size in bytes of the object store of a local Ray. It is small, since chunks never pass through it."""
    allowed: str = ""
    """Folders that callers over TCP may index, and whose collections they may reach, separated as in PATH. Empty: the
    user's home folder."""
    tokens: str | None = None
    """YAML file with further tokens for callers over TCP, each with what it may do (see `docs/http.md`). None: there is
    only the token of the daemon, which may do everything in the folders of `allowed`."""
    hosts: str = ""
    """Names and addresses, with or without a port, by which other machines ask for this daemon over TCP, separated by
    commas: those that a Host header may have besides the address that it listens at, `localhost` and `127.0.0.1`.
    Needed to listen at all addresses of a machine."""
    daemon: bool = True
    """Whether commands and the SDK use a daemon that runs, and whether commands start one."""
    savings: bool = True
    """Whether the daemon counts what answers cost beside reading the files that they name; see `raycontext savings`."""
    idle_seconds: float = Field(default=3600.0, gt=0.0)
    """Time in seconds without a request after which the daemon ends."""
    ray_idle_seconds: float = Field(default=600.0, gt=0.0)
    """Time in seconds without work after which the daemon ends its Ray. The next index run starts it again."""
    file_seconds: float = Field(default=FILE_SECONDS, gt=0.0)
    """CPU time in seconds that the indexing of one file may take, in addition to 10 s a megabyte, except with the
    runtime `inline`. The value of whoever connects first holds until the Coordinator ends."""
    actor_idle_seconds: float = Field(default=ACTOR_IDLE_SECONDS, gt=0.0)
    """Time in seconds without a call after which an actor on Ray ends, also on a cluster. The next call starts it
    again. The value of whoever makes the actor holds."""
    tracing_hook: str = Field(default="", pattern=r"^([\w.]+:[\w.]+)?$")
    """Function "MODULE:NAME" that every process of a local Ray calls once, to set up OpenTelemetry: Ray then traces
    calls of tasks and actors. "": none. A cluster has the one that it was started with."""
    start_seconds: float = 60.0
    """Time in seconds that Ray, and each actor, has to start."""

    def host_names(self) -> tuple[str, ...]:
        """Return the names of `hosts`."""
        return tuple(name for part in self.hosts.split(",") if (name := part.strip()))

    def allowed_folders(self) -> tuple[str, ...]:
        """Return the folders of `allowed`, or the user's home folder where none is given."""
        return tuple(filter(None, self.allowed.split(os.pathsep))) or (str(Path.home()),)
