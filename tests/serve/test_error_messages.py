"""Every error class, as those see it who cause it: what the command prints, and its exit code.

What needs a second writer, another node or another clock at a certain moment gets just that, and no more; the rest is
caused by what users do.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient

import raycontext
from raycontext import errors
from raycontext.actors.job import Job
from raycontext.analyse.postings import PostingLists
from raycontext.cli.main import main
from raycontext.daemon_client import wire
from raycontext.daemon_client.wire import Reply
from raycontext.discover.snapshot import SnapshotEntry
from raycontext.errors import RaycontextError
from raycontext.models import IndexOptions, IndexReport, SkipReason
from raycontext.models.options import RunOptions
from raycontext.runtime.inline import InlineRuntime
from raycontext.runtime.mailbox import Mailbox
from raycontext.serve.http.api import Daemon, http_application
from raycontext.store.changes import Change
from raycontext.store.collection import Collection
from raycontext.store.manifest import FORMAT, decode_sealed, encode_sealed
from raycontext.store.segments.segment import Segment
from raycontext.store.storage import object_storage, patience
from raycontext.store.storage.local import LocalStorage
from raycontext.store.vector_store import VectorStore
from raycontext.store.writer import CollectionWriter
from raycontext.ulid import new_ulid

from ..conftest import CART, PAYMENT, settle, write_tree
from ..embedding_server import Fault, embedding_server
from ..s3_server import careless_server, use_endpoint
from .conftest import Command
from .http_server import guarded_server

Files = dict[str, str | bytes]
FILES: Files = {"cart.py": CART, "payment.py": PAYMENT}
INLINE = ("--runtime", "inline")


class Told(NamedTuple):
    """What came of a command."""

    code: int
    stdout: str
    stderr: str


class Place:
    """A folder for a test, in which `shop` can be indexed, and the command in this process."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.monkeypatch, self._capsys = folder, monkeypatch, capsys
        self.root = folder / "root"
        self.shop = folder / "shop"
        write_tree(self.shop, FILES)
        monkeypatch.chdir(folder)
        monkeypatch.setenv("RAYCONTEXT_ROOT", str(self.root))

    def run(self, *arguments: str | Path) -> Told:
        self.monkeypatch.setattr(sys, "argv", ["raycontext", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        assert isinstance(code, int)
        return Told(code, *self._capsys.readouterr())

    def indexed(self) -> Path:
        """The folder of the collection."""
        assert self.run("index", "shop", *INLINE).code == 0
        return self.root / "shop"

    def rewrite_manifest(self, **changed: Any) -> None:
        """Have the newest version say something else."""
        (manifest,) = (self.root / "shop/manifests").iterdir()
        body = decode_sealed("manifest", manifest.name, manifest.read_bytes())
        manifest.write_bytes(encode_sealed("manifest", {**body, **changed}))

    def other_writer(self) -> Callable[[], None]:
        """Another writer of the collection; each call of it commits a change of `cart.py`."""
        sizes = iter(range(1, 100))

        def commit() -> None:
            store = VectorStore(Collection(LocalStorage(self.root), "shop"))
            store.begin(RunOptions())
            store.commit(skipping("cart.py", next(sizes)))

        return commit


def skipping(path: str, size: int) -> Change:
    """A change that records nothing but a file that cannot be indexed."""
    entry = SnapshotEntry(size, 1, 1, b"", SkipReason.BINARY)
    return Change(new_ulid(), (), {path: entry}, {}, frozenset(), frozenset(), 10**18, IndexOptions())


def before_commits(place: Place, act: Callable[[CollectionWriter, Any, dict[str, str]], None]) -> None:
    """Have something happen right before each commit of the command, but not before those that `act` makes."""
    commit, acting = CollectionWriter.commit, []

    def disturbed(self: CollectionWriter, change: Change, **made: str) -> Any:
        if not acting:
            acting.append(True)
            act(self, commit, made)
            acting.clear()
        return commit(self, change, **made)

    place.monkeypatch.setattr(CollectionWriter, "commit", disturbed)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Place:
    return Place(tmp_path, monkeypatch, capsys)


# Each of these causes an error; the words are of its message: what happened, and what to do.


def invalid_input(place: Place) -> tuple[Told, str, str]:
    return place.run("search", "x", "--limit", "0"), "limit is 0", "Give 1 to 1000"


def root_not_found(place: Place) -> tuple[Told, str, str]:
    return place.run("index", "gone", *INLINE), f"{place.folder}/gone is not an existing folder", "Give the path"


def unknown_collection(place: Place) -> tuple[Told, str, str]:
    return place.run("status", "--collection", "nope"), "no collection for 'nope'", "raycontext index PATH"


def path_not_found(place: Place) -> tuple[Told, str, str]:
    return place.run("search", "cart", "gone"), f"{place.folder}/gone does not exist", "Give a file or folder"


def committed(place: Place) -> Path:
    """Make a repository of the tree, with one commit, and return the folder of its objects."""
    for arguments in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "first")):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *identity, *arguments], cwd=place.shop, check=True)
    return place.shop / ".git/objects"


def ref_not_found(place: Place) -> tuple[Told, str, str]:
    committed(place)
    return place.run("search", "cart", "shop", "--ref", "v9"), "'v9' names no commit", "Give a branch, a tag"


def commit_unreadable(place: Place) -> tuple[Told, str, str]:
    """The commit is there, and its files are gone."""
    objects = committed(place)
    asked = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(asked, cwd=place.shop, check=True, capture_output=True, text=True).stdout.strip()
    for folder in objects.glob("??"):
        for file in folder.iterdir():
            if folder.name + file.name != commit:
                file.unlink()
    return place.run("index", "shop", "--ref", "HEAD", *INLINE), "cannot be read", "fsck"


def not_indexed_yet(place: Place) -> tuple[Told, str, str]:
    with raycontext.connect(root=place.root, runtime="inline") as context:
        context.prepare(place.shop)
    told = place.run("search", "cart", "--collection", "shop")
    return told, "'shop' is not indexed yet", f"raycontext index {place.shop}"


def collection_exists(place: Place) -> tuple[Told, str, str]:
    place.indexed()
    write_tree(place.folder / "other", FILES)
    told = place.run("index", "other", "--collection", "shop", *INLINE)
    return told, f"'shop' already indexes {place.shop}", "Choose another name"


def source_unavailable(place: Place) -> tuple[Told, str, str]:
    (place.folder / "repos.yaml").write_text(json.dumps({"sources": [{"archive": "gone.tar.gz"}]}))
    told = place.run("batch", "repos.yaml", *INLINE)
    assert told.code == 9  # of the batch, in which other sources may have succeeded
    message = next(line for line in told.stderr.splitlines() if "gone.tar.gz" in line)
    return Told(3, "", f"error: {message}\n"), "cannot be fetched: No such file", "Its earlier index stays as it is"


def configuration_error(place: Place) -> tuple[Told, str, str]:
    place.monkeypatch.setenv("HOME", str(place.folder))
    write_tree(place.folder, {".cursor/mcp.json": "{not JSON"})
    return (
        place.run("install", "cursor", "--yes"),
        f"{place.folder}/.cursor/mcp.json",
        "Fix the file, then run the command again",
    )


def storage_error(place: Place) -> tuple[Told, str, str]:
    place.root.write_text("")
    return place.run("index", "shop", *INLINE), f"{place.root}", "Fix the cause and run again"


def corrupt_manifest(place: Place) -> tuple[Told, str, str]:
    (manifest,) = (place.indexed() / "manifests").iterdir()
    manifest.write_text("{}")
    return place.run("search", "cart", "shop"), f"{manifest.name} is damaged", "raycontext repair"


def corrupt_segment(place: Place) -> tuple[Told, str, str]:
    (postings,) = (place.indexed() / "segments").glob("*/postings.arrow")
    content = bytearray(postings.read_bytes())
    content[len(content) // 2] ^= 1
    postings.write_bytes(content)
    return place.run("search", "cart", "shop"), f"{postings} is damaged", "raycontext repair shop"


def unsupported_format(place: Place) -> tuple[Told, str, str]:
    place.indexed()
    place.rewrite_manifest(format=FORMAT + 1)
    return place.run("search", "cart", "shop"), f"index format {FORMAT + 1}", "Use the version that wrote it"


def unsafe_storage(place: Place) -> tuple[Told, str, str]:
    with careless_server() as address:
        use_endpoint(place.monkeypatch, address)
        told = place.run("index", "shop", "-c", "shop", "--root", "s3://careless/root", *INLINE)
    return told, "s3://careless/root cannot hold collections", "Use storage that honours conditional puts"


def fenced(place: Place) -> tuple[Told, str, str]:
    """Between two commits of a run, each time it is planned anew, another writer takes the collection over."""
    other = place.other_writer()

    def take_over(writer: CollectionWriter, commit: Any, made: dict[str, str]) -> None:
        commit(writer, skipping("own.bin", 1), **made)
        other()

    before_commits(place, take_over)
    return place.run("index", "shop", *INLINE), "'shop' was taken over by a newer writer", "run the index again"


def commit_conflict(place: Place) -> tuple[Told, str, str]:
    """Another writer is faster with a change of the same file, each time."""
    other = place.other_writer()
    before_commits(place, lambda *_: other())
    return place.run("index", "shop", *INLINE), "Another writer of 'shop' committed changes", "run the index again"


def corrupt_arrays(place: Place) -> tuple[Told, str, str]:
    """Postings with fewer offsets than terms, in a file whose checksum holds."""
    settle(place.shop)
    place.indexed()
    sound = Segment.posting_lists

    def damaged(self: Segment, field: str) -> PostingLists:
        lists = sound(self, field)
        return replace(lists, starts=lists.starts[:1])

    place.monkeypatch.setattr(Segment, "posting_lists", damaged)
    return place.run("search", "cart", "shop"), "is damaged", "raycontext repair"


def embedder_not_allowed(place: Place) -> tuple[Told, str, str]:
    """A collection names a server that nobody here has named."""
    place.indexed()
    (manifest,) = (place.root / "shop/manifests").iterdir()
    body = decode_sealed("manifest", manifest.name, manifest.read_bytes())
    place.rewrite_manifest(options={**body["options"], "embedder": "openai:model@http://127.0.0.1:9/v1"})
    told = place.run("index", "shop", *INLINE)
    return told, "has named the embedder openai:model@http://127.0.0.1:9/v1", "RAYCONTEXT_EMBEDDERS"


def kernels_missing(place: Place) -> tuple[Told, str, str]:
    """The files of the compiled functions are not where they belong."""
    code = (
        "import pathlib\nfrom raycontext.kernel import library\nlibrary.FOLDER = pathlib.Path('/nowhere')\n"
        "from raycontext.cli.main import main\nmain()\n"
    )
    process = Command(place.root).start(
        "index", "shop", *INLINE, cwd=place.folder, program=(sys.executable, "-c", code)
    )
    stdout, stderr = process.communicate()
    return Told(process.returncode, stdout, stderr), "The compiled functions at /nowhere/kernels-", "make kernels"


def fingerprint_mismatch(place: Place) -> tuple[Told, str, str]:
    """What was published is of a release with another table of term vectors."""
    settle(place.shop)
    place.indexed()
    place.rewrite_manifest(embedder="static-0:of-an-earlier-release")
    assert place.run("publish", "target", "shop").code == 0
    told = place.run("pull", "target", "shop", *INLINE)
    return told, "was indexed with the embedder", "Index the collection again"


def publication_refused(place: Place) -> tuple[Told, str, str]:
    """Nobody has published anything there."""
    return place.run("pull", "target", "shop", *INLINE), "Nothing is published at", "raycontext publish TARGET"


def stale_version(place: Place) -> tuple[Told, str, str]:
    """Garbage collection removes each version while a search opens it."""

    def gone(*_: Any) -> None:
        raise FileNotFoundError("references.arrow")

    place.indexed()
    place.monkeypatch.setattr(Segment, "check_presence", gone)
    place.monkeypatch.setattr(Collection, "has_version", lambda *_: False)
    return place.run("search", "cart", "shop"), "of 'shop' is no longer there", "raycontext verify"


def deadline_exceeded(place: Place) -> tuple[Told, str, str]:
    """The actor of the shard does not start within the time for a query."""
    place.indexed()
    place.monkeypatch.setenv("RAYCONTEXT_SEARCH_SECONDS", "1e-9")
    return place.run("grep", "cart", "shop"), "No shard of 'shop' answered within the time", "Ask again"


def job_failed(place: Place) -> tuple[Told, str, str]:
    """Something that no one foresaw."""

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("unforeseen")

    place.monkeypatch.setattr(CollectionWriter, "commit", broken)
    return place.run("index", "shop", *INLINE), "stopped: ZeroDivisionError: unforeseen", "the next run goes on"


def job_cancelled(place: Place) -> tuple[Told, str, str]:
    """Someone else cancels the run when it has just begun."""
    run = Job.run

    async def cancelled(self: Job, options: RunOptions) -> IndexReport:
        asyncio.get_running_loop().call_soon(self.cancel)  # it is the next step after the first one of the run
        return await run(self, options)

    place.monkeypatch.setattr(Job, "run", cancelled)
    return place.run("index", "shop", *INLINE), "Indexing 'shop' was cancelled", "index again to go on"


def not_shared(place: Place) -> tuple[Told, str, str]:
    """A cluster with a node that does not see the folder."""

    async def without(self: InlineRuntime, paths: list[str]) -> dict[str, tuple[str, ...]]:
        await asyncio.sleep(0)
        return {paths[0]: ("node-b",)}

    place.monkeypatch.setattr(InlineRuntime, "without", without)
    return place.run("index", "shop", *INLINE), f"{place.shop} is missing on some nodes", "on a file system that all"


def storage_unreachable(place: Place) -> tuple[Told, str, str]:
    """An object store at whose address nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        use_endpoint(place.monkeypatch, f"http://127.0.0.1:{free.getsockname()[1]}")
        place.monkeypatch.setattr(patience, "PATIENCE_SECONDS", 0.0)
        place.monkeypatch.setattr(object_storage, "RETRIES", 0)
        told = place.run("status", "--collection", "shop", "--root", "s3://bucket/root")
    return told, "s3://bucket/root", "Look whether the object store is up"


def versions_differ(place: Place) -> tuple[Told, str, str]:
    """A cluster with a node that has an older raycontext."""

    async def without(self: InlineRuntime, paths: list[str]) -> dict[str, tuple[str, ...]]:
        await asyncio.sleep(0)
        raise errors.VersionsDiffer("node-b", "raycontext 0.0.9", "raycontext 0.1.0")

    place.monkeypatch.setattr(InlineRuntime, "without", without)
    return place.run("index", "shop", *INLINE), "The node node-b has raycontext 0.0.9", "on every node"


def overloaded(place: Place) -> tuple[Told, str, str]:
    made = Mailbox.__init__
    place.monkeypatch.setattr(Mailbox, "__init__", lambda mailbox, actor: made(mailbox, actor, 0))
    return place.run("index", "shop", *INLINE), "calls waiting and takes no more", "Try again in a moment"


def embedding_failed(place: Place) -> tuple[Told, str, str]:
    with embedding_server() as server:
        server.faults.append(Fault(401))
        told = place.run("index", "shop", "--embedder", f"openai:model@{server.url}", *INLINE)
    return told, "openai:model@http://127.0.0.1:", "Set OPENAI_API_KEY"


def embedding_budget_exceeded(place: Place) -> tuple[Told, str, str]:
    with embedding_server() as server:
        embedder = f"voyage:model@{server.url}"
        told = place.run("index", "shop", "--embedder", embedder, "--max-embedding-tokens", "20", *INLINE)
        assert not server.times
    return told, "may use 20 tokens of voyage:model", "--max-embedding-tokens"


def runtime_unavailable(place: Place) -> tuple[Told, str, str]:
    command = Command(place.root)  # in a process without Ray: one that this process has is used whatever the address
    done = command("search", "cart", "shop", "--address", "127.0.0.1:1", cwd=place.folder)
    return Told(done.returncode, done.stdout, done.stderr), "127.0.0.1:1", "ddress"


def path_not_allowed(place: Place) -> tuple[Told, str, str]:
    """Only callers over TCP are held to some folders: the answer has what a command would print."""
    with guarded_server(place.root, [place.shop], token=None) as host:
        asked = urllib.request.Request(f"http://{host}/api/index", json.dumps({"path": "/etc"}).encode())
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked)
        with refused.value as response:
            assert response.code == 403
            told = json.loads(response.read())
    return told_over_http(told, "PathNotAllowed"), "/etc lies outside", "RAYCONTEXT_ALLOWED"


def daemon_failed(place: Place) -> tuple[Told, str, str]:
    """The port that it is to listen at is taken."""
    command = Command(place.root)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = command("up", "--tcp", port, cwd=place.folder, RAYCONTEXT_DAEMON="on")
    return Told(done.returncode, done.stdout, done.stderr), "The daemon cannot be started", "raycontext logs"


def daemon_starting(place: Place) -> tuple[Told, str, str]:
    """A request that asked not to wait, while the daemon starts."""

    class Starting(Daemon):
        @property
        def starting(self) -> bool:
            return True

    response = TestClient(http_application(Starting())).post("/api/search?wait=0", json={"query": "cart"})
    assert response.status_code == 503
    return told_over_http(response.json(), "DaemonStarting"), "The daemon is starting", "Ask again"


def request_refused(place: Place) -> tuple[Told, str, str]:
    with guarded_server(place.root, [place.shop], token="secret") as host:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://{host}/api/collections")
        with refused.value as response:
            assert response.code == 401
            told = json.loads(response.read())
    return told_over_http(told, "WrongToken"), "The token is missing or wrong", "Send Authorization: Bearer"


def remote_error(place: Place) -> tuple[Told, str, str]:
    """What the daemon answers, here one with an error that has no code of its own, is what the command says."""
    answer = Reply(500, {"error": "Fenced", "message": "'shop' was taken over. Run it again.", "exit_code": 12})
    place.monkeypatch.setattr(wire, "ask", lambda *_: answer)
    place.monkeypatch.setenv("RAYCONTEXT_DAEMON", "on")
    return place.run("search", "cart", "shop"), "'shop' was taken over", "Run it again"


def told_over_http(told: dict[str, Any], name: str) -> Told:
    """What a command would print for the answer of the daemon."""
    assert told["error"] == name
    return Told(told["exit_code"], "", f"error: {told['message']}\n")


CAUSES: dict[type[RaycontextError], Callable[[Place], tuple[Told, str, str]]] = {
    errors.CollectionExists: collection_exists,
    errors.CommitConflict: commit_conflict,
    errors.CommitUnreadable: commit_unreadable,
    errors.ConfigurationError: configuration_error,
    errors.CorruptArrays: corrupt_arrays,
    errors.CorruptManifest: corrupt_manifest,
    errors.CorruptSegment: corrupt_segment,
    errors.DaemonFailed: daemon_failed,
    errors.DaemonStarting: daemon_starting,
    errors.VersionsDiffer: versions_differ,
    errors.DeadlineExceeded: deadline_exceeded,
    errors.EmbeddingBudgetExceeded: embedding_budget_exceeded,
    errors.EmbedderNotAllowed: embedder_not_allowed,
    errors.EmbeddingFailed: embedding_failed,
    errors.Fenced: fenced,
    errors.FingerprintMismatch: fingerprint_mismatch,
    errors.InvalidInput: invalid_input,
    errors.JobCancelled: job_cancelled,
    errors.JobFailed: job_failed,
    errors.KernelsMissing: kernels_missing,
    errors.NotIndexedYet: not_indexed_yet,
    errors.NotShared: not_shared,
    errors.Overloaded: overloaded,
    errors.PathNotAllowed: path_not_allowed,
    errors.PathNotFound: path_not_found,
    errors.PublicationRefused: publication_refused,
    errors.RefNotFound: ref_not_found,
    errors.RemoteError: remote_error,
    errors.RequestRefused: request_refused,
    errors.RootNotFound: root_not_found,
    errors.RuntimeUnavailable: runtime_unavailable,
    errors.SourceUnavailable: source_unavailable,
    errors.StaleVersion: stale_version,
    errors.StorageError: storage_error,
    errors.StorageUnreachable: storage_unreachable,
    errors.UnknownCollection: unknown_collection,
    errors.UnsafeStorage: unsafe_storage,
    errors.UnsupportedFormat: unsupported_format,
}


def test_every_error_class_is_caused_here() -> None:
    assert {getattr(errors, name) for name in errors.__all__} - {RaycontextError} == set(CAUSES)


@pytest.mark.parametrize("kind", CAUSES, ids=lambda kind: kind.__name__)
def test_error_says_what_happened_and_what_to_do(place: Place, kind: type[RaycontextError]) -> None:
    told, happened, advice = CAUSES[kind](place)
    assert (told.code, told.stdout) == (kind.exit_code, ""), told
    line, *more = [line for line in told.stderr.splitlines() if not is_progress(line)]
    assert not more or (kind is errors.ConfigurationError and more[0].startswith("By hand: put this into "))
    assert line.startswith("error: ")
    assert happened in line
    assert advice in line


def is_progress(line: str) -> bool:
    stages = ("queued", "walking", "hashing", "indexing", "committing", "done", "cancelled", "failed", "waiting:")
    return line.partition(" ")[0] in stages


def test_every_command_tells_a_missing_path_from_one_without_an_index(place: Place) -> None:
    commands = ("search cart {}", "status {}", "clear {}", "cancel {}", "related {}:1", "outline {}")
    for command in (*commands, "usages cart --in {}"):
        told = place.run(*command.format("gone.py").split())
        assert (told.code, f"{place.folder}/gone.py does not exist" in told.stderr) == (3, True), (command, told)
        if command.split()[0] in ("status", "clear", "cancel"):  # the others index the current folder
            assert place.run(*command.format("shop/cart.py").split()).code == 4, command
