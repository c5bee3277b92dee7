"""What the daemon is asked and what it answers, over every interface. Unknown fields and wrong types are refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from raycontext.exit_codes import ExitCode
from raycontext.models import CollectionStatus, CollectionSummary, Hit, IndexReport, JobProgress
from raycontext.options import RunOptions
from raycontext.sdk.arguments import MAX_LIMIT, MAX_QUERY_CHARACTERS

__all__ = [
    "Answer",
    "CancelAnswer",
    "ClearAnswer",
    "CollectionQuery",
    "CollectionsAnswer",
    "Failure",
    "Health",
    "IndexQuery",
    "JobState",
    "JobsAnswer",
    "RelatedQuery",
    "SearchQuery",
    "StatusAnswer",
    "UnwatchAnswer",
    "WatchQuery",
    "WatchState",
    "WatchesAnswer",
]

MAX_PATH_CHARACTERS = 4096
MAX_TOKENS = 1_000_000

Path = Annotated[str, Field(min_length=1, max_length=MAX_PATH_CHARACTERS, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(min_length=1, max_length=120)]
Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=1000)]], Field(max_length=100)]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


class _Answer(BaseModel):
    """The docstrings of the fields are the descriptions in the OpenAPI document, of which docs/http.md is made."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class _Selection(_Query):
    """Which hits, and how many."""

    languages: Names = []
    """Names of languages, such as `python`; empty for all."""
    paths: Names = []
    """Globs in gitignore syntax; `!` excludes."""
    kinds: Names = []
    """Kinds of chunks, such as `function`; empty for all."""
    limit: int = Field(default=10, ge=1, le=MAX_LIMIT)
    """Number of hits at most."""
    offset: int = Field(default=0, ge=0, le=MAX_LIMIT)
    """Hits to leave out: `next_offset` of the answer before."""
    min_score: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    """Hits below this score are left out."""
    max_tokens: int | None = Field(default=None, ge=1, le=MAX_TOKENS)
    """Budget for the texts of all hits together, at four bytes a token: the last one is cut at a line."""


class SearchQuery(_Selection):
    """A question to one collection, or to several."""

    query: str = Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)
    collection: Name | None = None
    collections: Annotated[list[Name], Field(max_length=1000)] = []
    """Several; ["*"] for all."""
    path: Path | None = None
    """A place in an indexed folder, absolute."""
    folder: Path | None = None
    """The caller's current folder: decides where nothing else does."""
    diversity: float | None = Field(default=None, ge=0.0, le=1.0)
    explain: bool = False
    refresh: bool | None = None


class RelatedQuery(_Selection):
    """Code that is like the chunk at a line of a file."""

    path: Path
    line: int = Field(ge=1)
    collection: Name | None = None


class WatchQuery(RunOptions):
    """A folder to keep up to date, with the options of its first run. The collection keeps the options; later runs are
    told `max_embedding_tokens` again."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    path: Path
    collection: Name | None = None


class IndexQuery(WatchQuery):
    """A folder to bring up to date, with the options of the run."""

    force: bool = False
    """Remove the collection first and build it anew."""


class CollectionQuery(_Query):
    """A collection, by its name or by a path in it."""

    collection: Name | None = None
    path: Path | None = None
    folder: Path | None = None
    """The caller's current folder: decides where nothing else does."""


class JobState(_Answer):
    """An index job: how far it is, or how it ended."""

    collection: str
    source: str
    state: Literal["running", "done", "failed", "cancelled"]
    percent: float = 0.0
    """0 to 100, by bytes of source."""
    files_per_second: float = 0.0
    bytes_per_second: float = 0.0
    seconds: float = 0.0
    seconds_left: float | None = None
    """Expected; None while nothing can be said."""
    progress: JobProgress | None = None
    report: IndexReport | None = None
    error: str = ""
    exit_code: int = 0
    """Of a command that waited for it."""


class Answer(_Answer):
    """The hits of a search, best first."""

    hits: list[Hit]
    partial: bool = False
    """A collection is being indexed for the first time or anew, or a shard did not answer: there may be more."""
    indexing: list[JobState] = []
    """Jobs that run on the collections that were asked."""
    shards_answered: int = 1
    shards_total: int = 1
    next_offset: int | None = None
    """Where the next page begins; None: there is none."""
    cut: bool = False
    """Hits, or the end of one, were left out for the budget of tokens."""
    seconds: float = 0.0


class CollectionsAnswer(_Answer):
    """All collections."""

    collections: list[CollectionSummary]


class JobsAnswer(_Answer):
    """The jobs of this daemon, running and ended."""

    jobs: list[JobState]


class CancelAnswer(_Answer):
    """Whether a job ran."""

    collection: str
    cancelled: bool


class ClearAnswer(_Answer):
    """What was removed."""

    cleared: str


class WatchState(_Answer):
    """A folder that is watched."""

    collection: str
    source: str
    seconds: float
    """For so long."""
    polls: bool
    """It is looked through again and again, since the system reports no changes of it."""
    problem: str = ""
    """Why it could not be indexed the last time."""


class WatchesAnswer(_Answer):
    """All that is watched."""

    watches: list[WatchState]


class UnwatchAnswer(_Answer):
    """Whether it was watched."""

    collection: str
    stopped: bool


class StatusAnswer(_Answer):
    """A collection, with its job."""

    collection: CollectionStatus | None = None
    """None while its first index run has not committed anything."""
    job: JobState | None = None


class Health(_Answer):
    """The daemon itself."""

    state: Literal["starting", "ready", "failed"]
    version: str
    pid: int
    root: str
    seconds: float
    """Since it was started."""
    problem: str = ""
    """Why it failed."""
    log: str = ""
    """Its log file."""
    tcp: str = ""
    """Where it listens besides its socket."""
    ray_address: str = ""
    """Where an SDK joins the Ray of the daemon."""
    ray_token_path: str = ""
    pss_bytes: int = 0
    """Memory of the daemon with its Ray, what is shared counted in shares."""
    processes: int = 0


class Failure(_Answer):
    """An error, as every interface tells it."""

    error: str
    """Name of the class."""
    message: str
    """What happened and what to do."""
    exit_code: int = ExitCode.OTHER_ERROR
