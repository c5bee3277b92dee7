"""Values that cross layers and processes: small, frozen, without behaviour.

Values of the public API are pydantic models (`Hit`, `IndexReport`, …), which validate their fields and print as JSON.
Values that exist by the hundred thousand (`FileStat`, `Chunk`, …) are named tuples, from `tree_records`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, computed_field

from raycontext.models.tree_records import (
    Chunk,
    ChunkKind,
    Failure,
    FileDigest,
    FileStat,
    SkippedFile,
    SkipReason,
    TreeListing,
)

__all__ = [
    "ActorStatus",
    "Chunk",
    "ChunkKind",
    "CollectionStatus",
    "CollectionSummary",
    "CommitHit",
    "FailedFile",
    "Failure",
    "FeatureContribution",
    "FileDigest",
    "FileStat",
    "Hit",
    "IndexOptions",
    "IndexReport",
    "JobProgress",
    "PublishReport",
    "PullReport",
    "SearchFilters",
    "SkipReason",
    "SkippedFile",
    "TreeListing",
    "first_problem",
    "first_run",
]


class FrozenModel(BaseModel):
    """Base of the values of the public API. They cannot be changed once they are made."""

    model_config = ConfigDict(frozen=True)


class IndexOptions(FrozenModel):
    """Options that a collection is built with. Its manifest records them.

    A manifest leaves out `include`, `exclude`, `secrets` and `language_of` while they have their defaults, so that it
    stays equal to manifests that were written before these options existed.
    """

    num_shards: int = Field(default=1, ge=1, le=4096)
    """Number of shards that the files are spread over."""
    max_file_bytes: int = Field(default=4 << 20, ge=1)
    """Largest file that is indexed, in bytes."""
    include: tuple[str, ...] = Field(default=(), exclude_if=lambda globs: not globs)
    """Globs in gitignore syntax, relative to the source. A file must match one of them; empty: every file does."""
    exclude: tuple[str, ...] = Field(default=(), exclude_if=lambda globs: not globs)
    """Globs in gitignore syntax, relative to the source. A file that matches one of them is left out, in addition to
    what ignore files leave out."""
    secrets: bool = Field(default=False, exclude_if=lambda wanted: not wanted)
    """Whether files that hold keys or tokens are indexed."""
    language_of: tuple[str, ...] = Field(default=(), exclude_if=lambda entries: not entries)
    """Entries GLOB=LANGUAGE: files that match the glob have the language. The last entry that matches counts."""
    chunk_bytes: int = Field(default=1500, ge=200, le=100_000)
    """Target size of a chunk, in bytes of source."""
    embedder: str = "static"
    """Name of the embedder: `static`, KIND:FOLDER with the absolute folder of a model, or KIND:MODEL@URL with a server.
    See `raycontext.embed.registry.embedder_for`."""


class SearchFilters(FrozenModel):
    """Restrictions of a search. They act before ranking, so a search returns `limit` hits if so many exist."""

    languages: tuple[str, ...] = ()
    """Names of languages, spelled as `Hit.language` spells them. Empty: all languages."""
    paths: tuple[str, ...] = ()
    """Globs in gitignore syntax, relative to the root. A path must match one of the globs without `!`, if there are
    any, and none of the globs that begin with `!`. Empty: all paths."""
    kinds: tuple[str, ...] = ()
    """Values of `ChunkKind`. Empty: all kinds."""
    inside: str = ""
    """Path of a file or folder relative to the root: only chunks of this file, or of files below this folder. Empty:
    all paths."""
    grep: str = ""
    """Regular expression: only chunks with a line that it matches. Empty: all chunks."""
    lines: tuple[tuple[str, tuple[tuple[int, int], ...]], ...] | None = None
    """Paths relative to the root, each with ranges of lines, first and last: only chunks that touch one of these. None:
    all chunks."""


class FeatureContribution(FrozenModel):
    """Contribution of one feature to the evidence for a file. A negative one counts against the file."""

    feature: str
    contribution: float
    """Weight of the feature times its value, as a share of the evidence of a file that is best in every feature. The
    score of the file is made from the sum over all features."""


class Freshness(StrEnum):
    """State of a hit's file, compared with its state when it was indexed."""

    UNCHANGED = "unchanged"  # the content is the one that was indexed
    CHANGED = "changed"  # the content is another one, or it cannot be read
    DELETED = "deleted"  # the file, or the whole folder of the collection, is not there any more
    UNKNOWN = "unknown"  # the folder of the collection is not on this machine


class FurtherPlace(FrozenModel):
    """Another place in the file of a hit that answers the query too, and that is no hit of its own."""

    line: int
    """First line of the place, from 1."""
    symbol: str
    """Name of the definition that the place starts with; "" where there is none."""
    score: float
    """Score that the place would have if its file had no other hit."""


class Hit(FrozenModel):
    """Chunk that answers a query, with its place and its scores. Lines are 1-based and inclusive."""

    collection: str
    path: str
    """Path of the chunk's file, relative to the source of the collection."""
    source: str
    digest: str
    """Digest of the file's content when it was indexed: xxh3_128, in hexadecimal."""
    freshness: Freshness = Freshness.UNKNOWN
    """Whether the file has changed since it was indexed."""
    start_line: int
    end_line: int
    language: str
    encoding: str = "utf-8"
    """Encoding of the file on disk, as Python names it; "" where an older version of raycontext indexed it."""
    redactions: int = 0
    """Number of secrets in the file that the index does not show: `[secret]` stands in the place of each."""
    kind: str
    """Kind of the chunk: a value of `ChunkKind`."""
    symbol: str
    """Names of the definitions that the chunk holds, parted by spaces: first the one that matches the query best, then
    the others in their order. "" where there is none."""
    scope: str
    """Enclosing definitions, outermost first, joined by " > "; "" at top level."""
    text: str
    """Text of the chunk, at most three times the target size of a chunk: only a single line can be longer."""
    text_cut: bool = False
    """Whether `text` is only a part of the chunk, since that is longer or a budget was given."""
    match: int = 0
    """Number of characters of `text` before the words that match the query, in a text with lines of more than 400
    characters: such a line is shown from near there. 0 in every other text."""
    score: float
    """Final score. Higher is better; scores of one query can be compared, scores of different queries cannot."""
    lexical: float
    """BM25F score of the chunk, not normalised."""
    vector: float
    """Cosine similarity of the chunk and the query."""
    more: tuple[FurtherPlace, ...] = ()
    """Further places in the file that answer the query, best first, at most four. Only the best hit of a file has them.
    """
    explanation: tuple[FeatureContribution, ...] = ()
    """Contributions of the features to the file's score, largest first. Empty unless the query asks for them."""


class CommitHit(FrozenModel):
    """Commit that answers a query."""

    collection: str
    commit: str
    """Full hash of the commit."""
    date: str
    """Time of the commit, in ISO 8601 and UTC."""
    subject: str
    """First paragraph of its message, on one line."""
    body: str
    """Rest of its message, without secrets; "" where there is none. A very long one is cut."""
    files: tuple[str, ...]
    """Paths of the files that it touched, relative to the source of the collection, at most 500. A merge has none."""
    files_total: int
    """Number of files that it touched in the source."""
    score: float
    """Score from 0 to 1. Higher is better."""
    lexical: float
    """BM25F score of message, subject and paths, not normalised."""
    vector: float
    """Cosine similarity of the message and the query."""


class JobProgress(FrozenModel):
    """Progress of an index run. Files are files of the tree; bytes are bytes of source. `files_hashed`, `files_indexed`
    and `bytes_indexed` count what is done so far, including files that failed for good."""

    collection: str
    stage: Literal["queued", "walking", "hashing", "indexing", "committing", "done", "failed", "cancelled"]
    """Step that the run is at, or how it has ended."""
    files_found: int = 0
    """Files that the walk has found."""
    files_to_hash: int = 0
    """Files that have to be read because their stat is new or has changed."""
    files_hashed: int = 0
    files_to_index: int = 0
    """Files whose content is new or has changed."""
    files_indexed: int = 0
    bytes_to_index: int = 0
    """Size of the files to index."""
    bytes_indexed: int = 0
    files_waiting: int = 0
    """Files whose worker or node was lost, or whose storage did not answer, and which wait for their next try."""
    seconds_to_next_try: float | None = None
    """Time in seconds until something that was lost is tried again: work of a lost node, or work whose storage did not
    answer. None where nothing waits."""
    seconds: float = 0.0
    """Time since the run began, in seconds."""
    error: str = ""
    """What has ended the run; "" while nothing has."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def percent(self) -> float:
        """Share of the bytes that have been indexed, from 0 to 100. It is 100 once the run is done."""
        if self.stage == "done":
            return 100.0
        return 100.0 * self.bytes_indexed / self.bytes_to_index if self.bytes_to_index else 0.0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def files_per_second(self) -> float:
        """Indexed files per second, averaged over the whole run so far."""
        return self.files_indexed / self.seconds if self.seconds else 0.0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def bytes_per_second(self) -> float:
        """Indexed bytes of source per second, averaged over the whole run so far."""
        return self.bytes_indexed / self.seconds if self.seconds else 0.0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def seconds_left(self) -> float | None:
        """Expected time until the end of the run, in seconds. None while it is unknown and after the run has ended."""
        if self.stage in ("done", "failed", "cancelled") or not self.percent:
            return None
        return self.seconds * (100.0 - self.percent) / self.percent


class IndexReport(FrozenModel):
    """Report of an index run: what the run did, and what the collection holds after it."""

    collection: str
    source: str
    version: int
    """Version of the manifest that holds this state."""
    changed: bool
    """Whether the run committed anything. False: the tree was as it had been indexed before."""
    files: int
    """Files in the index after the run."""
    chunks: int
    """Chunks in the index after the run."""
    added: int
    """Files that this run found new."""
    modified: int
    """Files whose content has changed since the last run."""
    removed: int
    """Indexed files that are not in the tree any more."""
    indexed_bytes: int
    """Bytes of source that this run read and chunked."""
    reused_files: int = 0
    """New and changed files that were not parsed, since rows of the same path and content existed."""
    reused_from: tuple[str, ...] = ()
    """Names of the collections that these rows come from, sorted. This collection's own name stands for its earlier
    versions."""
    skipped: dict[str, int]
    """Number of files of the tree that are not in the index, by `SkipReason`."""
    pending_files: tuple[str, ...] = ()
    """Paths of files that this run could not take in although nothing is wrong with them: workers or nodes were lost
    again and again. The index keeps what it holds of them, and the next run tries them again."""
    cut_by_lines: tuple[str, ...] = ()
    """Paths of files whose language has a grammar but which this run cut by lines, since parsing takes too long."""
    without_vectors: tuple[str, ...] = ()
    """Paths of files of which the embedding server refused a text in this run, while it took others. Words alone find
    what they say there."""
    unreadable_folders: tuple[str, ...] = ()
    """Folders that could not be listed, relative to the source. What the index holds below them is kept."""
    embedded_texts: int = 0
    """Texts that embedder actors embedded in this run. 0 for an embedder that runs inside the index tasks."""
    reused_vectors: int = 0
    """Texts whose vectors existed already, from this or another collection. 0 for an embedder that runs inside the
    index tasks."""
    embedding_tokens: int = 0
    """Tokens that an embedding server counted for this run. 0 where no server was asked."""
    seconds: float
    """Duration of the run, in seconds."""


def first_run(progress: JobProgress | None) -> str:
    """Return how far the first run of a collection came, as the end of a sentence that says it is not indexed yet."""
    if progress is None:
        return "its first run was stopped before it had committed anything"
    done = f"{progress.files_indexed} of {progress.files_to_index} files" if progress.files_to_index else "no file yet"
    if progress.stage == "cancelled":
        return f"its first run was cancelled ({done})"
    if progress.error:
        return f"its first run has failed ({done}): {progress.error.rstrip('.')}"
    return f"its first run goes on ({done})"


class ActorStatus(FrozenModel):
    """Figures of one actor's process, measured by the actor itself."""

    name: str
    pid: int
    node: str
    """Name of the node that the process runs on."""
    rss_bytes: int
    """Resident set size of the process in bytes, including pages of mapped segments."""
    mapped_bytes: int | None = None
    """Part of `rss_bytes` that is mapped from files or shared memory. Processes that map the same file share these
    pages. None where the system does not report it."""
    calls: int = 0
    """Calls that the actor has answered since its process began. Questions for its status are not counted."""
    calls_waiting: int = 0
    """Calls that were running or waiting at the actor when it was asked."""
    call_p50_seconds: float | None = None
    """Median duration of a call in seconds, without the wait before it, exact to 9 %. None before the first call."""
    call_p99_seconds: float | None = None
    """Duration in seconds that 99 % of the calls did not exceed, measured like the median. None before the first
    call."""


class PublishReport(FrozenModel):
    """Report of `publish`: what lies in the target now, and what was written for it."""

    collection: str
    version: int
    """Version of the collection that was published."""
    target: str
    """Folder or URL of the target."""
    number: int
    """Number of the publication in its target, from 1."""
    changed: bool
    """Whether this call has put it there. False: the newest publication had the same contents."""
    signed: bool
    segments: int
    """Number of segments that the publication names."""
    bytes: int
    """Size of these segments in bytes."""
    written_segments: int
    """Number of segments that the target did not have."""
    written_bytes: int
    """Size of those in bytes."""
    removed_publications: int = 0
    """Number of old publications that were removed from the target."""
    removed_segments: int = 0
    """Number of segments that were removed, since only those named them, or none."""
    removed_bytes: int = 0
    """Size of the removed segments in bytes."""


class PullReport(FrozenModel):
    """Report of `pull`: what was fetched from a target, and the index run over the difference to the local tree."""

    target: str
    """Folder or URL of the target."""
    number: int
    """Number of the publication that was pulled."""
    published_at: str
    """When it was published, in ISO 8601 and UTC, as its publisher says."""
    signer: str
    """Who has signed it, as the file of allowed signers says; "" where that was not asked for."""
    segments: int
    """Number of segments that the publication names."""
    bytes: int
    """Size of these segments in bytes."""
    fetched_segments: int
    """Number of segments that this call has fetched: those that hold files of the tree which the root did not hold."""
    fetched_bytes: int
    """Number of bytes that were fetched for it, without the publication itself."""
    pulled_files: int
    """Number of files whose rows come from the target."""
    index: IndexReport
    """Report of the index run."""


class CollectionSummary(FrozenModel):
    """Summary of a collection in a list, read from its manifest alone."""

    name: str
    source: str
    version: int
    files: int
    chunks: int
    indexed_at: str
    """Time of the last commit, in ISO 8601 and UTC."""
    problem: str = ""
    """Why the collection cannot be read, and what to do; empty where it can. The other fields are then what is still
    known."""


class FailedFile(FrozenModel):
    """Last attempt to index a file, which has failed."""

    path: str
    reason: str
    """Value of `SkipReason`; "" for a pending file of which the index holds an earlier content."""
    why: str
    """Signal, limit or class of the error that ended the attempt."""
    node: str
    """Name of the node on which it happened; "" where that is not known."""
    failed_at: str
    """Time of the failure, in ISO 8601 and UTC."""
    version: str
    """Version of raycontext that tried. Another version tries again what this one has put into quarantine."""


class CollectionStatus(FrozenModel):
    """State of a collection: what it holds, its files on disk, its running index job and its actors."""

    name: str
    source: str
    version: int
    epoch: int
    """Number of the current owner. It grows by one whenever another process takes the collection over."""
    indexed_at: str
    """Time of the last commit, in ISO 8601 and UTC."""
    num_shards: int
    embedder: str
    """Fingerprint of the embedder that the vectors come from."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    secrets: bool = False
    language_of: tuple[str, ...] = ()
    max_file_bytes: int
    """Size in bytes of the largest file that is indexed. This and the four options above are those that the collection
    was built with, see `RunOptions`."""
    files: int
    chunks: int
    languages: dict[str, int]
    """Number of indexed files by language, largest first."""
    without_definitions: tuple[str, ...] = ()
    """Languages in whose files nothing was found that has a name: a search for a name finds only its uses there."""
    encodings: dict[str, int] = Field(default_factory=dict)
    """Number of indexed files by encoding, without UTF-8, largest first."""
    guessed_encodings: tuple[str, ...] = ()
    """Paths of files whose encoding nothing tells. Their bytes beyond ASCII were read as Latin-1 and may be wrong."""
    redacted: dict[str, int] = Field(default_factory=dict)
    """Number of secrets by path, in files that are indexed without them."""
    segments: int
    """Number of segments in all shards."""
    tombstones: int
    """Files inside of segments that have been replaced or deleted. Compaction removes them."""
    bytes_on_disk: int
    """Size of the collection's folder in bytes."""
    shared_bytes: int = 0
    """Part of `bytes_on_disk` in files that another collection holds as well, at no cost of its own. 0 in an object
    store, where each collection has copies."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def own_bytes(self) -> int:
        """Part of `bytes_on_disk` that the removal of the collection would free."""
        return self.bytes_on_disk - self.shared_bytes

    source_bytes: int
    """Size of the indexed files in bytes when they were indexed."""
    skipped: dict[str, int]
    skipped_files: tuple[tuple[str, str], ...]
    """Path and reason of each skipped file."""
    failed_files: tuple[FailedFile, ...] = ()
    """Why, where and when indexing failed, of the files in quarantine and of the pending ones."""
    pending_files: tuple[str, ...] = ()
    """Paths of files that the next run tries again, see `IndexReport.pending_files`."""
    cut_by_lines: tuple[str, ...] = ()
    """Paths of files that have a grammar and were cut by lines instead, since parsing them takes too much work."""
    history: Literal["unread", "none", "partial", "complete"] = "unread"
    """How far the commits of the source are indexed, for a search of commits. "unread": nobody has asked for them yet.
    "none": there are none, see `history_problem`. "partial": the next search of commits goes on."""
    history_commits: int = 0
    """Number of indexed commits."""
    history_head: str = ""
    """Full hash of the commit up to which they were read; "" before that."""
    history_problem: str = ""
    """Why no commit, or no newer commit, can be read, as the end of a sentence: "a shallow clone has no history"."""
    progress: JobProgress | None = None
    """Progress of the index run that is under way; None without one."""
    actors: tuple[ActorStatus, ...] = ()
    shards_on_one_node: tuple[int, ...] = ()
    """Shards of which replicas share a node although there are nodes enough, as after a loss. A loss of that node would
    take both. They part within a minute; `doctor` says what to do where they do not."""


def first_problem(error: ValidationError) -> str:
    """Return the first problem that a validation found, in one line: the field, then the message."""
    problem = error.errors()[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
