"""Values that cross layers and processes: small, frozen, without behaviour.

Values of the public API are pydantic models (`Hit`, `IndexReport`, …): they validate and they print as
JSON. Values that exist by the hundred thousand (`FileStat`, `Chunk`, …) are named tuples.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, computed_field

__all__ = [
    "ActorStatus",
    "Chunk",
    "ChunkKind",
    "CollectionStatus",
    "CollectionSummary",
    "FeatureContribution",
    "FileDigest",
    "FileStat",
    "Hit",
    "IndexOptions",
    "IndexReport",
    "JobProgress",
    "OptionOverrides",
    "SearchFilters",
    "SkipReason",
    "SkippedFile",
    "TreeListing",
    "first_problem",
]


class SkipReason(StrEnum):
    """Why a file of the tree is not in the index."""

    BINARY = "binary"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    VANISHED = "vanished"
    UNDECODABLE = "undecodable"
    SPECIAL = "special"  # FIFO, socket, device
    SYMLINK = "symlink"
    SECRET = "secret"  # a key or a token is in it, or its name says so
    # Indexing it alone failed; it is tried again once its content changes:
    QUARANTINED = "quarantined"  # with an error
    WORKER_DIED = "worker_died"  # it crashed its worker, or used more CPU time than a file may
    OUT_OF_MEMORY = "out_of_memory"  # it wanted more memory than a task may have


class ChunkKind(StrEnum):
    """What a chunk holds, named by the definition that it starts with."""

    FUNCTION = "function"
    METHOD = "method"
    CLASS = "class"  # class, struct, record, object; its header where members are chunks of their own
    INTERFACE = "interface"  # interface, trait, protocol, type class
    ENUM = "enum"
    TYPE = "type"  # alias, typedef, union
    MODULE = "module"  # module, namespace, package, impl block
    CONSTANT = "constant"  # constants, variables, fields
    MACRO = "macro"
    TEST = "test"  # test blocks of languages that have them
    IMPORT = "import"
    SECTION = "section"  # of prose or markup
    BLOCK = "block"  # anything else: code without a definition, lines of a file without grammar


class FileStat(NamedTuple):
    """One regular file as the walk saw it. `path` is relative to the root, with `/`; names that are
    not valid UTF-8 are decoded with surrogateescape, as `os.fsdecode` does."""

    path: str
    size: int  # bytes
    mtime_ns: int
    inode: int


class SkippedFile(NamedTuple):
    """A file left out, and why. `path` as in `FileStat`."""

    path: str
    reason: SkipReason


class TreeListing(NamedTuple):
    """What a walk found: candidates for indexing, what it left out, folders that it could not list."""

    scanned_at_ns: int  # wall clock at the start of the walk
    files: list[FileStat]  # sorted by path
    skipped: list[SkippedFile]
    unreadable_folders: list[str]  # relative to the root; earlier entries below them are kept


class FileDigest(NamedTuple):
    """Result of hashing one file: its digest, or the reason why there is none."""

    path: str
    digest: bytes  # xxh3_128 of the content, 16 bytes; empty where `reason` is set
    reason: SkipReason | None


class Chunk(NamedTuple):
    """A piece of one file. Lines are 1-based and inclusive; bytes are offsets into the UTF-8 content."""

    start_line: int
    end_line: int
    start_byte: int
    end_byte: int
    kind: ChunkKind
    symbol: str  # name of the definition, "" where there is none
    scope: str  # enclosing definitions, outermost first, joined by " > "; "" at top level


class IndexOptions(BaseModel):
    """How a collection is built. Part of what its manifest records."""

    model_config = ConfigDict(frozen=True)

    num_shards: int = Field(default=1, ge=1, le=4096)
    max_file_bytes: int = Field(default=4 << 20, ge=1)
    include: tuple[str, ...] = Field(default=(), exclude_if=lambda globs: not globs)
    exclude: tuple[str, ...] = Field(default=(), exclude_if=lambda globs: not globs)
    """Globs in gitignore syntax, relative to the source: a file must match one of `include`, if there are any, and none
    of `exclude`. Beyond what ignore files leave out. Manifests without them do not name them, as older ones."""
    secrets: bool = Field(default=False, exclude_if=lambda wanted: not wanted)
    """Whether files with keys and tokens are indexed."""
    chunk_bytes: int = Field(default=1500, ge=200, le=100_000)
    """Target size of a chunk in bytes of source."""
    embedder: str = "static"
    """`static`, KIND:FOLDER with the absolute folder of a model, or KIND:MODEL@URL of a server; see
    `raycontext.embed.registry.embedder_for`."""


class SearchFilters(BaseModel):
    """Restrictions that act before ranking, so that `limit` results come if they exist."""

    model_config = ConfigDict(frozen=True)

    languages: tuple[str, ...] = ()
    """Language names as in `Hit.language`; empty: all."""
    paths: tuple[str, ...] = ()
    """Globs in gitignore syntax, relative to the root: a path must match one of them, if there are any, and none of
    those that begin with `!`. Empty: all."""
    kinds: tuple[str, ...] = ()
    """Values of `ChunkKind`; empty: all."""


class FeatureContribution(BaseModel):
    """What one feature adds to, or takes from, the evidence for a file."""

    model_config = ConfigDict(frozen=True)

    feature: str
    contribution: float
    """Weight times value, as a share of the evidence of a file that is best by everything; the sum over all features
    is what the score is made from."""


class Freshness(StrEnum):
    """Whether the file of a hit is still as it was indexed."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    DELETED = "deleted"
    UNKNOWN = "unknown"  # the folder is not on this machine


class Hit(BaseModel):
    """One answer."""

    model_config = ConfigDict(frozen=True)

    collection: str
    path: str
    """Relative to the root of the collection."""
    source: str
    """Absolute folder of the collection."""
    digest: str
    """Of the file's content when it was indexed: xxh3_128, hexadecimal."""
    freshness: Freshness = Freshness.UNKNOWN
    start_line: int
    end_line: int
    language: str
    kind: str
    symbol: str
    scope: str
    text: str
    score: float
    """Final score; comparable within one query, higher is better."""
    lexical: float
    """BM25F score, not normalised."""
    vector: float
    """Cosine similarity of chunk and query."""
    explanation: tuple[FeatureContribution, ...] = ()
    """What counted for its file, most first; empty unless asked for."""


class Hits(list[Hit]):
    """The hits of a query, best first, and how complete they are.

    A shard that did not answer in time is missing from them: then `shards_answered` is less than `shards_total`.
    """

    def __init__(self, hits: Iterable[Hit] = (), *, shards_answered: int = 1, shards_total: int = 1) -> None:
        super().__init__(hits)
        self.shards_answered = shards_answered
        self.shards_total = shards_total

    @property
    def complete(self) -> bool:
        """Whether all shards have answered."""
        return self.shards_answered == self.shards_total

    def replaced(self, hits: Iterable[Hit]) -> Hits:
        """Other hits, as complete as these."""
        return Hits(hits, shards_answered=self.shards_answered, shards_total=self.shards_total)


class JobProgress(BaseModel):
    """How far an index run is. Counts are files of the tree, bytes are bytes of source."""

    model_config = ConfigDict(frozen=True)

    collection: str
    stage: Literal["queued", "walking", "hashing", "indexing", "committing", "done", "failed", "cancelled"]
    files_found: int = 0
    files_to_hash: int = 0
    files_hashed: int = 0
    files_to_index: int = 0
    files_indexed: int = 0
    bytes_to_index: int = 0
    bytes_indexed: int = 0
    seconds: float = 0.0
    error: str = ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def percent(self) -> float:
        """0 to 100, by bytes of source; 100 of a run that is done."""
        if self.stage == "done":
            return 100.0
        return 100.0 * self.bytes_indexed / self.bytes_to_index if self.bytes_to_index else 0.0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def files_per_second(self) -> float:
        """Indexed files over the whole run so far."""
        return self.files_indexed / self.seconds if self.seconds else 0.0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def bytes_per_second(self) -> float:
        """Indexed bytes of source over the whole run so far."""
        return self.bytes_indexed / self.seconds if self.seconds else 0.0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def seconds_left(self) -> float | None:
        """Expected; None while nothing can be said, and of a run that has ended."""
        if self.stage in ("done", "failed", "cancelled") or not self.percent:
            return None
        return self.seconds * (100.0 - self.percent) / self.percent


class IndexReport(BaseModel):
    """What an index run did and what the collection holds after it."""

    model_config = ConfigDict(frozen=True)

    collection: str
    source: str
    version: int
    """Version of the manifest that holds this state."""
    changed: bool
    """False where the tree was as indexed before and nothing was committed."""
    files: int
    """Files in the index after the run."""
    chunks: int
    """Chunks in the index after the run."""
    added: int
    modified: int
    removed: int
    indexed_bytes: int
    """Bytes of source read and chunked in this run."""
    skipped: dict[str, int]
    """Files of the tree that are not in the index, counted by `SkipReason`."""
    cut_by_lines: tuple[str, ...] = ()
    """Files of this run that have a grammar and were cut by lines instead: they could not be parsed in time."""
    unreadable_folders: tuple[str, ...] = ()
    embedded_texts: int = 0
    """Of embedders that have actors: texts that were embedded in this run, …"""
    reused_vectors: int = 0
    """… those whose vectors were there, of whatever collection, …"""
    embedding_tokens: int = 0
    """… and the tokens that a server counts for it."""
    seconds: float


class ActorStatus(BaseModel):
    """One actor process, measured by itself."""

    model_config = ConfigDict(frozen=True)

    name: str
    pid: int
    node: str
    rss_bytes: int
    """Resident set size of its process in bytes; pages of mapped segments included."""
    mapped_bytes: int | None = None
    """The part of it that is mapped from files or shared memory, and so counted once for all processes that map the
    same; None where the system does not tell."""
    calls: int = 0
    """Calls that it has answered since its process began, without questions for its status."""
    calls_waiting: int = 0
    """Calls that were under way or waiting at the actor when it was asked."""
    call_p50_seconds: float | None = None
    """Time within which half of the calls were answered, the wait before them left out; right to 9 %. None before the
    first."""
    call_p99_seconds: float | None = None


class CollectionSummary(BaseModel):
    """A line of `list`: read from the manifest alone."""

    model_config = ConfigDict(frozen=True)

    name: str
    source: str
    version: int
    files: int
    chunks: int
    indexed_at: str
    """Time of the last commit, ISO 8601, UTC."""


class CollectionStatus(BaseModel):
    """Everything that is known of a collection, all of it measured."""

    model_config = ConfigDict(frozen=True)

    name: str
    source: str
    version: int
    epoch: int
    indexed_at: str
    num_shards: int
    embedder: str
    files: int
    chunks: int
    languages: dict[str, int]
    """Indexed files by language."""
    segments: int
    tombstones: int
    """Files of segments that are superseded or deleted and wait for compaction."""
    bytes_on_disk: int
    source_bytes: int
    """Bytes of the indexed files when they were indexed."""
    skipped: dict[str, int]
    skipped_files: tuple[tuple[str, str], ...]
    """Path and reason of each skipped file."""
    progress: JobProgress | None = None
    actors: tuple[ActorStatus, ...] = ()


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong, in one line."""
    problem = error.errors()[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"


class OptionOverrides(NamedTuple):
    """Options that a caller asks for; None keeps what the collection has, or the default for a new one."""

    num_shards: int | None = None
    max_file_bytes: int | None = None
    chunk_bytes: int | None = None
    embedder: str | None = None
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    secrets: bool | None = None

    def applied_to(self, options: IndexOptions) -> IndexOptions:
        """Validated options. Raises `pydantic.ValidationError` where one is out of range."""
        given = {name: value for name, value in self._asdict().items() if value is not None}
        return IndexOptions.model_validate({**options.model_dump(), **given})
