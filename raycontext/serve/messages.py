"""Requests and answers of the daemon, over every interface. Unknown fields and wrong types are refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, WithJsonSchema
from pydantic_core import PydanticCustomError

from raycontext.errors.exit_codes import ExitCode
from raycontext.grep.syntax import MAX_PATTERN_CHARACTERS
from raycontext.models import CollectionStatus, CollectionSummary, CommitHit, Hit, IndexReport, JobProgress
from raycontext.models.hits import Searched, Surrounding
from raycontext.models.options import RunOptions
from raycontext.sdk.arguments import MAX_LIMIT, MAX_QUERY_CHARACTERS
from raycontext.sdk.watching.watches import WatchState

__all__ = [
    "Answer",
    "AnswerMessage",
    "CancelAnswer",
    "ClearAnswer",
    "ClearQuery",
    "CollectionQuery",
    "CollectionsAnswer",
    "Failure",
    "IndexQuery",
    "JobState",
    "JobsAnswer",
    "Query",
    "RelatedQuery",
    "SearchQuery",
    "StatusAnswer",
    "UnwatchAnswer",
    "WatchQuery",
    "WatchesAnswer",
]

MAX_PATH_CHARACTERS = 4096
"""Largest length of a path, in characters."""
MAX_TOKENS = 1_000_000
"""Largest budget for an answer, in tokens."""


def _check_path(path: str) -> str:
    """Return a path. pydantic's own limits refuse names of files that are not UTF-8."""
    if not 0 < len(path) <= MAX_PATH_CHARACTERS or "\0" in path:
        raise PydanticCustomError(
            "path", f"Input should be a path of 1 to {MAX_PATH_CHARACTERS} characters without NUL"
        )
    return path


def _path_schema(pattern: str) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": "string", "minLength": 1, "maxLength": MAX_PATH_CHARACTERS, "pattern": pattern}, mode="validation"
    )


Path = Annotated[str, AfterValidator(_check_path), _path_schema(r"^/[^\x00]*$")]
PathInSource = Annotated[str, AfterValidator(_check_path), _path_schema(r"^[^\x00]*$")]
Name = Annotated[str, Field(min_length=1, max_length=120)]
Ref = Annotated[str, Field(min_length=1, max_length=1000)]
Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=1000)]], Field(max_length=100)]


class Query(BaseModel):
    """Base of all requests."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class AnswerMessage(BaseModel):
    """Base of all answers.

    Docstrings of fields are the descriptions in the OpenAPI document, from which docs/http.md is made. That document
    reads them; pydantic would read this file each time that it is imported.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)


class _Selection(Query):
    """Filters and limits that every query has."""

    languages: Names = []
    """Names of languages, such as `python`; empty for all."""
    paths: Names = []
    """Globs in gitignore syntax, of which `!` excludes; empty for all."""
    kinds: Names = []
    """Kinds of chunks, such as `function`; empty for all."""
    limit: int = Field(default=10, ge=1, le=MAX_LIMIT)
    """Largest number of hits."""
    offset: int = Field(default=0, ge=0, le=MAX_LIMIT)
    """Number of hits to leave out from the start: `next_offset` of the answer before."""
    min_score: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    """Smallest score of a hit."""
    max_tokens: int | None = Field(default=None, ge=1, le=MAX_TOKENS)
    """Budget for the texts of all hits together, at 3.5 bytes a token. A text that is too long is cut."""


NOT_OF_CODE: dict[str, JsonValue] = {
    **{name: {"maxItems": 0} for name in ("languages", "kinds")},
    **{name: {"type": "null"} for name in ("changed", "diversity")},
    **{name: {"const": False} for name in ("explain", "context")},
    "grep": {"const": ""},
}
"""What a search of commits takes of the fields that are about code."""


class SearchQuery(_Selection):
    """Question to one collection or to several."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "anyOf": [
                        {"properties": {"collections": {"maxItems": 0}}},
                        {"properties": {name: {"type": "null"} for name in ("collection", "path", "ref", "changed")}},
                    ]
                },
                {"anyOf": [{"properties": {"commits": {"const": False}}}, {"properties": NOT_OF_CODE}]},
            ]
        }
    )

    query: str = Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)
    """A question, words, or a symbol."""
    collection: Name | None = None
    """Name of the collection to search."""
    collections: Annotated[list[Name], Field(max_length=1000)] = []
    """Names of several collections to search; ["*"] for all."""
    path: Path | None = None
    """Absolute path of a place in an indexed folder."""
    folder: Path | None = None
    """Current folder of the caller. The collection that indexes it is searched where nothing else says which."""
    ref: Ref | None = None
    """Branch, tag or commit of the repository to search in place of the folder. It is indexed first if it never was."""
    changed: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    """Two branches, tags or commits as `A..B`: only chunks with lines that B has and A has not, as they are in B.
    `A...B`: those since B parted from A."""
    commits: bool = False
    """Whether to find commits of the git history instead of code. They come in `commits` of the answer."""
    diversity: float | None = Field(default=None, ge=0.0, le=1.0)
    """How much each further hit of a file loses, from 0 (nothing) to 1 (one hit per file). Null takes the daemon's
    setting.
    """
    explain: bool = False
    """Whether hits tell what each feature contributed to their score."""
    context: bool = False
    """Whether definitions a little longer than a chunk come whole, and the answer has `surroundings`."""
    grep: str = Field(default="", max_length=MAX_PATTERN_CHARACTERS)
    """Regular expression in ripgrep's syntax: only chunks with a line that it matches; empty for all."""
    refresh: bool | None = None
    """Whether to look for changes of the source first. Null takes the daemon's setting."""


class RelatedQuery(_Selection):
    """Request for code similar to the chunk at a line of a file."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {"path": {"pattern": "^/"}}},
                {"properties": {"collection": {"type": "string"}}, "required": ["collection"]},
            ]
        }
    )

    path: PathInSource
    """Path of the file: absolute or, with `collection`, relative to the folder of that."""
    line: int = Field(ge=1)
    """Number of the line, from 1."""
    collection: Name | None = None
    """Name of the collection that has the file."""


class WatchQuery(RunOptions):
    """Folder to keep up to date, with the options of its first run.

    The collection keeps the options. Later runs get `max_embedding_tokens` again.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    path: Path
    """Absolute path of the folder."""
    collection: Name | None = None
    """Name of the collection. By default it is the one that has this folder, or a new one named after the folder."""


class IndexQuery(WatchQuery):
    """Folder to bring up to date, with the options of the run."""

    ref: Ref | None = None
    """Branch, tag or commit of the repository of the folder, to index in place of the folder. Its collection is named
    by the commit, and hidden from lists."""
    force: bool = False
    """Whether to build the index anew. The old one answers until the new one is committed, and stays when that fails or
    is cancelled."""


class CollectionQuery(Query):
    """Collection, given by its name or by a path in its folder."""

    collection: Name | None = None
    """Name of the collection."""
    path: Path | None = None
    """Absolute path of a place in its folder."""
    folder: Path | None = None
    """Current folder of the caller. The collection that indexes it is meant where nothing else says which."""


class ClearQuery(CollectionQuery):
    """Collection to remove, by its name or a path in its folder."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"properties": {name: {"type": "string"}}, "required": [name]} for name in ("collection", "path")]
        }
    )


class JobState(AnswerMessage):
    """Index job, running or ended."""

    collection: str
    source: str
    state: Literal["running", "done", "failed", "cancelled"]
    percent: float = 0.0
    """Progress from 0 to 100, by bytes of source."""
    files_per_second: float = 0.0
    bytes_per_second: float = 0.0
    seconds: float = 0.0
    """Duration of the job so far, or in all when it has ended, in seconds."""
    seconds_left: float | None = None
    """Expected time to the end, in seconds; null when it is not known yet."""
    progress: JobProgress | None = None
    report: IndexReport | None = None
    error: str = ""
    exit_code: int = 0
    """Exit code of a command that waited for the job."""


class Answer(AnswerMessage):
    """Hits of a query, best first."""

    hits: list[Hit]
    commits: tuple[CommitHit, ...] = ()
    """Commits that answer a search of commits, best first."""
    surroundings: tuple[Surrounding, ...] = ()
    """Definitions around the hits of a search with context: what the best call, who calls them, and what else their
    files define. They get what the hits leave of the budget of tokens."""
    partial: bool = False
    """True when more hits are possible: a collection is being indexed, or a shard did not answer."""
    indexing: list[JobState] = []
    """Index jobs that run on the collections that were searched."""
    shards_answered: int = 1
    shards_total: int = 1
    next_offset: int | None = None
    """Offset of the next page; null when there is none."""
    cut: bool = False
    """True when hits, or a part of a text, were left out to keep within the budget of tokens. A text that is cut
    without a budget, since it is one long line, has `text_cut` alone."""
    notes: tuple[str, ...] = ()
    """Sentences that say what limits the answer, and what to do about it."""
    version: int | None = None
    """Version of the collection that was searched; null when several were."""
    age_seconds: float | None = None
    """Age in seconds of the state of the source that the answer knows: later changes may be missing. Null: unknown."""
    may_miss_files: bool = True
    """Whether new or changed files may be missing. False: the answer knows all that was there `age_seconds` ago."""
    searched: tuple[Searched, ...] = ()
    """Version and age of each collection that was searched."""
    seconds: float = 0.0
    """Time that the whole answer took, in seconds."""
    look_seconds: float = 0.0
    """Part of that time in which changes of the source were looked for and indexed."""


class CollectionsAnswer(AnswerMessage):
    """All collections."""

    collections: list[CollectionSummary]


class JobsAnswer(AnswerMessage):
    """Jobs of this daemon, running and ended, newest first."""

    jobs: list[JobState]


class CancelAnswer(AnswerMessage):
    """Result of a request to stop a job."""

    collection: str
    cancelled: bool
    """Whether a job ran."""


class ClearAnswer(AnswerMessage):
    """Result of a request to remove a collection."""

    cleared: str
    """Name of the collection that was removed."""


class WatchesAnswer(AnswerMessage):
    """All folders that are watched."""

    watches: list[WatchState]


class UnwatchAnswer(AnswerMessage):
    """Result of a request to stop watching a folder."""

    collection: str
    stopped: bool
    """Whether the folder was watched."""


class StatusAnswer(AnswerMessage):
    """Collection with its job."""

    collection: CollectionStatus | None = None
    """Null while the first index run of the collection has not committed anything."""
    job: JobState | None = None
    runtime: Literal["ray", "processes", "inline"]
    """Where the collection is indexed and searched: on Ray, in the daemon with worker processes of its own, or in the
    daemon alone."""


class Failure(AnswerMessage):
    """Error, in the form that every interface uses."""

    error: str
    """Name of the error's class."""
    message: str
    """What happened, and what to do about it."""
    exit_code: int = ExitCode.OTHER_ERROR
    """Exit code of a command that fails with this error."""
