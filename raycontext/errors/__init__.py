"""Every error that raycontext raises on purpose.

    RaycontextError
    ├── InvalidInput            an argument that cannot be used (empty query, limit out of range, …)
    │   ├── RefNotFound         no branch, tag or commit of a repository has this name
    │   └── RootNotFound        the folder to index does not exist or is not a folder
    │       └── PathNotFound    the place to search in does not exist
    ├── SourceUnavailable       a git repository or an archive cannot be fetched
    ├── CommitUnreadable        git cannot read a commit, or files of it
    ├── UnknownCollection       no such collection under this root
    │   └── NotIndexedYet       a collection without a commit: its first run goes on, or was stopped
    ├── CollectionExists        the name is taken by another source folder
    ├── StorageError            the index folder cannot be read or written
    │   ├── CorruptManifest     a manifest, snapshot or description whose checksum or shape is wrong
    │   ├── CorruptSegment      a file of a segment whose checksum or shape is wrong
    │   ├── CorruptArrays       columns of a segment that contradict each other, found while they were used
    │   ├── UnsupportedFormat   written by another format version
    │   ├── UnsafeStorage       an object store that cannot keep two writers apart
    │   └── StorageUnreachable  an object store that does not answer
    ├── Fenced                  a newer writer has taken the collection over
    ├── CommitConflict          the change does not fit on what another writer has committed
    ├── FingerprintMismatch     the index was built with another embedder or chunker
    ├── PublicationRefused      a published index that cannot be used: its signature, format, options or contents
    ├── StaleVersion            a version was removed while a query ran on it; the SDK repeats the query
    ├── EmbedderNotAllowed      an embedder that neither this user nor the operator of a node has named
    ├── EmbeddingFailed         the server of the embedder cannot be reached, or its answer cannot be used
    │   └── EmbeddingBudgetExceeded  the run would cost more tokens than it may
    ├── JobFailed               an index run stopped; what it had committed stays
    ├── JobCancelled            an index run was cancelled
    ├── DeadlineExceeded        the time for a query was over before a shard had answered
    ├── PathNotAllowed          a path outside of the allowed folders
    ├── NotShared               a path that some node of the cluster does not see
    ├── ConfigurationError      a configuration file of another program cannot be changed
    ├── RequestRefused          the daemon does not serve a request over HTTP: token, host, size or time
    ├── RemoteError             an error that the daemon reports to a command
    ├── KernelsMissing          the compiled functions of the installation are not there
    └── RuntimeUnavailable      Ray, or an actor on it, cannot be started or reached
        ├── Overloaded          an actor has too many calls waiting
        ├── VersionsDiffer      a node of the cluster has another raycontext or other grammars
        ├── DaemonFailed        the daemon cannot be started, or cannot serve
        └── DaemonStarting      the daemon cannot serve yet

An error of a library becomes one of these where it arises; an overlooked one ends a command with
`ExitCode.OTHER_ERROR`. Each class takes its facts as positional arguments and has all of them in `args`, so that an
error crosses process borders by pickle unchanged.
"""

from __future__ import annotations

from raycontext.errors.base import Advised, RaycontextError
from raycontext.errors.exit_codes import ExitCode

__all__ = [
    "CollectionExists",
    "CommitConflict",
    "CommitUnreadable",
    "ConfigurationError",
    "CorruptArrays",
    "CorruptManifest",
    "CorruptSegment",
    "DaemonFailed",
    "DaemonStarting",
    "DeadlineExceeded",
    "EmbedderNotAllowed",
    "EmbeddingBudgetExceeded",
    "EmbeddingFailed",
    "Fenced",
    "FingerprintMismatch",
    "InvalidInput",
    "JobCancelled",
    "JobFailed",
    "KernelsMissing",
    "NotIndexedYet",
    "NotShared",
    "Overloaded",
    "PathNotAllowed",
    "PathNotFound",
    "PublicationRefused",
    "RaycontextError",
    "RefNotFound",
    "RemoteError",
    "RequestRefused",
    "RootNotFound",
    "RuntimeUnavailable",
    "SourceUnavailable",
    "StaleVersion",
    "StorageError",
    "StorageUnreachable",
    "UnknownCollection",
    "UnsafeStorage",
    "UnsupportedFormat",
    "VersionsDiffer",
]


class InvalidInput(Advised):
    """An argument cannot be used: `InvalidInput(what, advice)`."""

    exit_code = ExitCode.WRONG_USE


class RefNotFound(InvalidInput):
    """A name is no branch, tag or commit of a repository: `RefNotFound(ref, folder)`."""

    def __init__(self, ref: str, folder: str) -> None:
        super().__init__(
            f"'{ref[:200]}' names no commit of the repository at {folder}",
            "Give a branch, a tag or a commit that this clone has; `git fetch` brings those of the remote.",
        )
        self.ref, self.folder = self.args = ref, folder


class RootNotFound(InvalidInput):
    """The folder to index is missing or not a folder: `RootNotFound(path)`."""

    exit_code = ExitCode.NO_SOURCE

    def __init__(self, path: str) -> None:
        RaycontextError.__init__(self, path)
        self.path, self.what = path, f"{path} is not an existing folder"
        self.advice = "Give the path of a folder that is there and that you can read."


class PathNotFound(RootNotFound):
    """The place to search in does not exist: `PathNotFound(path)`."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.what = f"{path} does not exist"
        self.advice = "Give a file or folder that is there, or the name of a collection whose folder is gone."


class SourceUnavailable(RaycontextError):
    """A repository or an archive cannot be fetched: `SourceUnavailable(source, problem, damaged)`.

    damaged: True when the copy that was fetched before is at fault, not the source.
    """

    exit_code = ExitCode.NO_SOURCE

    def __init__(self, source: str, problem: str, damaged: bool = False) -> None:
        super().__init__(source, problem, damaged)
        self.source, self.problem, self.damaged = source, problem, damaged

    def __str__(self) -> str:
        return f"{self.source} cannot be fetched: {self.problem}. Its earlier index stays as it is."


class CommitUnreadable(Advised):
    """git cannot read a commit, or files of it: `CommitUnreadable(folder, problem)`."""

    exit_code = ExitCode.NO_SOURCE

    def __init__(self, folder: str, problem: str) -> None:
        super().__init__(
            f"The repository at {folder} cannot be read: {problem}", "`git -C PATH fsck` tells whether it is whole."
        )
        self.folder, self.problem = self.args = folder, problem


class UnknownCollection(RaycontextError):
    """The collection does not exist: `UnknownCollection(name, known)`."""

    exit_code = ExitCode.NO_COLLECTION

    def __init__(self, name: str, known: tuple[str, ...] = ()) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known

    def __str__(self) -> str:
        known = f"Known collections: {', '.join(self.known)}." if self.known else "Nothing is indexed here yet."
        return f"There is no collection for '{self.name}'. {known} Index it with `raycontext index PATH`."


class NotIndexedYet(UnknownCollection):
    """The collection has no commit yet, since its first run was stopped: `NotIndexedYet(name, source, state)`.

    source: folder that it is to index; "" where unknown. state: how far the first run came, as the end of a sentence.
    """

    def __init__(self, name: str, source: str = "", state: str = "") -> None:
        super().__init__(name, ())
        self.source, self.state = source, state
        self.args = name, source, state

    def __str__(self) -> str:
        state = f": {self.state}" if self.state else ""
        return f"'{self.name}' is not indexed yet{state}. `raycontext index {self.source or 'PATH'}` goes on."


class CollectionExists(Advised):
    """The name of a collection is taken by another folder: `CollectionExists(name, source)`."""

    exit_code = ExitCode.WRONG_USE

    def __init__(self, name: str, source: str) -> None:
        super().__init__(
            f"The collection '{name}' already indexes {source}",
            f"Choose another name, or remove it with `raycontext clear --collection {name}`.",
        )
        self.name, self.source = self.args = name, source


class StorageError(RaycontextError):
    """The index folder cannot be read or written: `StorageError(path, problem)`."""

    exit_code = ExitCode.STORAGE

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}. The last committed index is untouched. Fix the cause and run again."


class StorageUnreachable(StorageError):
    """An object store does not answer, or has no time: `StorageUnreachable(path, problem)`. Another try may succeed."""

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.problem}. The last committed index is untouched. Look whether the object store is up "
            "and can be reached from here, and run again."
        )


class _Damaged(StorageError):
    def __str__(self) -> str:
        return (
            f"{self.path} is damaged ({self.problem}). `raycontext repair` rebuilds from the source what is damaged; "
            "or remove the collection with `raycontext clear` and index it again."
        )


class CorruptManifest(_Damaged):
    """A file of the index is damaged: `CorruptManifest(path, problem)`."""


class CorruptArrays(_Damaged):
    """Arrays that compiled functions refuse, since they contradict each other: `CorruptArrays(what, problem)`."""


class CorruptSegment(StorageError):
    """A file of a segment is damaged: `CorruptSegment(collection, path, problem)`."""

    def __init__(self, collection: str, path: str, problem: str) -> None:
        RaycontextError.__init__(self, collection, path, problem)
        self.collection, self.path, self.problem = collection, path, problem

    def __str__(self) -> str:
        return (
            f"{self.path} is damaged ({self.problem}). `raycontext repair {self.collection}` indexes the files of "
            "this segment again; all others stay as they are."
        )


class UnsupportedFormat(StorageError):
    """The index has another format version: `UnsupportedFormat(path, found, supported)`."""

    def __init__(self, path: str, found: str, supported: str) -> None:
        RaycontextError.__init__(self, path, found, supported)
        self.path, self.found, self.supported = path, found, supported
        self.problem = f"format {found}, this version reads {supported}"

    def __str__(self) -> str:
        return (
            f"{self.path} has index format {self.found}; this version of raycontext reads format {self.supported}. "
            "Use the version that wrote it, or clear the collection and index it again."
        )


class UnsafeStorage(StorageError):
    """An object store does not honour the condition of a put: `UnsafeStorage(location, problem)`."""

    def __str__(self) -> str:
        return (
            f"{self.path} cannot hold collections: {self.problem}, so that one writer would destroy what another has "
            "committed. Use storage that honours conditional puts (If-None-Match: *), or update the server."
        )


class Fenced(Advised):
    """A newer writer has taken the collection over: `Fenced(collection, own_epoch, newer_epoch)`."""

    def __init__(self, collection: str, own_epoch: int, newer_epoch: int) -> None:
        super().__init__(
            f"The collection '{collection}' was taken over by a newer writer (epoch {newer_epoch}, ours is "
            f"{own_epoch})",
            "Nothing of this commit was applied; run the index again.",
        )
        self.collection, self.own_epoch, self.newer_epoch = self.args = collection, own_epoch, newer_epoch


class CommitConflict(RaycontextError):
    """A change does not fit on what another writer has committed: `CommitConflict(collection, version, what)`."""

    def __init__(self, collection: str, version: int, what: str = "committed changes of the same files") -> None:
        super().__init__(collection, version, what)
        self.collection, self.version, self.what = collection, version, what

    def __str__(self) -> str:
        return (
            f"Another writer of '{self.collection}' {self.what} (version {self.version}). "
            "Nothing of this commit was applied; run the index again."
        )


class FingerprintMismatch(RaycontextError):
    """The index and the settings disagree: `FingerprintMismatch(collection, what, indexed, current)`."""

    def __init__(self, collection: str, what: str, indexed: str, current: str) -> None:
        super().__init__(collection, what, indexed, current)
        self.collection, self.what, self.indexed, self.current = collection, what, indexed, current

    def __str__(self) -> str:
        return (
            f"'{self.collection}' was indexed with {self.what} {self.indexed}, but {self.current} is in use. "
            "Index the collection again, or use the settings, and the files of the model, that it was built with."
        )


class PublicationRefused(Advised):
    """A published index cannot be used: `PublicationRefused(what, advice)`. Nothing of it was taken over."""

    exit_code = ExitCode.STORAGE


class JobCancelled(Advised):
    """An index run was cancelled: `JobCancelled(collection)`."""

    exit_code = ExitCode.INTERRUPTED

    def __init__(self, collection: str) -> None:
        super().__init__(f"Indexing '{collection}' was cancelled", "What was committed stays; index again to go on.")
        (self.collection,) = self.args = (collection,)


class PathNotAllowed(Advised):
    """A path lies outside of the allowed folders: `PathNotAllowed(path)`."""

    exit_code = ExitCode.WRONG_USE

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} lies outside of the allowed folders", "Allow its folder with RAYCONTEXT_ALLOWED.")
        (self.path,) = self.args = (path,)


class NotShared(Advised):
    """Some nodes of a cluster do not see a path: `NotShared(path, nodes)`."""

    exit_code = ExitCode.UNREACHABLE

    def __init__(self, path: str, nodes: tuple[str, ...]) -> None:
        super().__init__(
            f"{path} is missing on some nodes of the cluster ({', '.join(nodes[:5])})",
            "Workers read and write it themselves: put it on a file system that all nodes share under one "
            "path, or use an object store as root (s3://…).",
        )
        self.path, self.nodes = self.args = path, nodes


class StaleVersion(Advised):
    """A version was removed while a query ran on it: `StaleVersion(collection, version)`."""

    def __init__(self, collection: str, version: int) -> None:
        super().__init__(
            f"Version {version} of '{collection}' is no longer there",
            f"Search again; if that does not help, `raycontext verify {collection}` tells what is missing.",
        )
        self.collection, self.version = self.args = collection, version


class DeadlineExceeded(Advised):
    """The time for a query was over before a shard had answered: `DeadlineExceeded(collection)`."""

    def __init__(self, collection: str) -> None:
        super().__init__(
            f"No shard of '{collection}' answered within the time for a query (RAYCONTEXT_SEARCH_SECONDS)",
            "Ask again: actors that are being started go on with it. `raycontext status` shows them.",
        )
        (self.collection,) = self.args = (collection,)


class EmbedderNotAllowed(Advised):
    """An embedder may not be used, since no one here has named it: `EmbedderNotAllowed(embedder)`."""

    exit_code = ExitCode.WRONG_USE

    def __init__(self, embedder: str) -> None:
        super().__init__(
            f"Neither you nor the operator of this machine has named the embedder {embedder}",
            "If you trust it, index with --embedder, or list it in RAYCONTEXT_EMBEDDERS where the actors run.",
        )
        self.args = (embedder,)
        self.embedder = embedder


class EmbeddingFailed(RaycontextError):
    """The server of an embedder cannot be used: `EmbeddingFailed(embedder, problem, advice)`."""

    exit_code = ExitCode.UNREACHABLE

    def __init__(self, embedder: str, problem: str, advice: str) -> None:
        super().__init__(embedder, problem, advice)
        self.embedder, self.problem, self.advice = embedder, problem, advice

    def __str__(self) -> str:
        return f"The server of the embedder {self.embedder} {self.problem}. {self.advice}"


class EmbeddingBudgetExceeded(EmbeddingFailed):
    """A run would cost more tokens than it may: `EmbeddingBudgetExceeded(embedder, most_tokens, spent_tokens)`."""

    exit_code = ExitCode.RUN_STOPPED

    def __init__(self, embedder: str, most_tokens: int, spent_tokens: int) -> None:
        super().__init__(embedder, "", "")
        self.args = (embedder, most_tokens, spent_tokens)
        self.most_tokens, self.spent_tokens = most_tokens, spent_tokens

    def __str__(self) -> str:
        return (
            f"This run may use {self.most_tokens} tokens of {self.embedder}. It has used {self.spent_tokens} and would "
            "exceed that. What was embedded is kept. Run it again, or allow more (--max-embedding-tokens)."
        )


class JobFailed(RaycontextError):
    """An index run stopped: `JobFailed(collection, cause)`."""

    exit_code = ExitCode.RUN_STOPPED

    def __init__(self, collection: str, cause: str) -> None:
        super().__init__(collection, cause)
        self.collection, self.cause = collection, cause

    def __str__(self) -> str:
        return f"Indexing '{self.collection}' stopped: {self.cause}. What was committed stays; the next run goes on."


class ConfigurationError(Advised):
    """A configuration file of another program cannot be changed: `ConfigurationError(path, problem, advice)`."""

    exit_code = ExitCode.WRONG_USE

    def __init__(self, path: str, problem: str, advice: str) -> None:
        super().__init__(f"{path}: {problem}", advice)
        self.args = (path, problem, advice)
        self.path, self.problem = path, problem


class KernelsMissing(Advised):
    """The compiled functions are not there or cannot be loaded: `KernelsMissing(path)`."""

    def __init__(self, path: str) -> None:
        advice = "Run `make kernels` in a checkout of the source, or install raycontext again."
        super().__init__(f"The compiled functions at {path} cannot be loaded", advice)
        self.args, self.path = (path,), path


class RuntimeUnavailable(Advised):
    """Ray or an actor cannot be started or reached: `RuntimeUnavailable(what, advice)`."""

    exit_code = ExitCode.UNREACHABLE


class Overloaded(RuntimeUnavailable):
    """An actor has too many calls: `Overloaded(actor, calls)`."""

    def __init__(self, actor: str, calls: int) -> None:
        super().__init__(
            f"The actor {actor} has {calls} calls waiting and takes no more",
            "Nothing was done for this call. Try again in a moment, and let fewer callers ask at once.",
        )
        self.actor, self.calls = self.args = actor, calls


class VersionsDiffer(RuntimeUnavailable):
    """A node, or a process on it, has another installation than this process: `VersionsDiffer(node, there, here)`."""

    def __init__(self, node: str, there: str, here: str) -> None:
        super().__init__(
            f"The node {node} has {there}; here is {here}",
            "Install the same raycontext with the same grammars on every node: `raycontext doctor` asks all of them.",
        )
        self.node, self.there, self.here = self.args = node, there, here


class DaemonFailed(RuntimeUnavailable):
    """The daemon cannot be started, or runs but cannot serve: `DaemonFailed(problem, log)`."""

    def __init__(self, problem: str, log: str) -> None:
        super().__init__(problem.rstrip("."), f"Its log is {log} (raycontext logs).")
        self.args = (problem, log)
        self.log = log


class DaemonStarting(RuntimeUnavailable):
    """The daemon cannot serve yet, and the caller does not want to wait: `DaemonStarting(what, advice)`."""


class RequestRefused(Advised):
    """The daemon refuses a request over HTTP: `RequestRefused(status, name, what, advice)`.

    status: status code of HTTP.
    name: name of the error in the answer, such as `WrongToken`.
    """

    exit_code = ExitCode.WRONG_USE

    def __init__(self, status: int, name: str, what: str, advice: str) -> None:
        super().__init__(what, advice)
        self.args = (status, name, what, advice)
        self.status, self.name = status, name


class RemoteError(RaycontextError):
    """The daemon reports an error to a command: `RemoteError(name, message, exit_code)`."""

    def __init__(self, name: str, message: str, exit_code: int) -> None:
        super().__init__(name, message, exit_code)
        self.name, self.message, self.exit_code = name, message, exit_code

    def __str__(self) -> str:
        return self.message
