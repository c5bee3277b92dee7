"""Errors survive process borders and say what to do."""

from __future__ import annotations

import ast
import asyncio
import builtins
import inspect
import pickle
import re
import sys
from pathlib import Path

import pytest

import raycontext
from raycontext import errors
from raycontext.cli.main import main
from raycontext.errors import RaycontextError
from raycontext.errors.base import Advised
from raycontext.errors.exit_codes import MEANINGS, ExitCode, told_in_one_line

from ..parsed import parsed

EXAMPLES: list[RaycontextError] = [
    errors.InvalidInput("limit is 0", "Ask for 1 to 1000 hits."),
    errors.RootNotFound("/gone"),
    errors.SourceUnavailable("https://example.org/flask.git", "no such repository", True),
    errors.RefNotFound("v9", "/src/flask"),
    errors.CommitUnreadable("/src/flask", "bad object"),
    errors.PathNotFound("/gone/src"),
    errors.UnknownCollection("flask", ("django",)),
    errors.NotIndexedYet("flask", "/src/flask", "its first run was cancelled (3 of 9 files)"),
    errors.CollectionExists("flask", "/src/flask"),
    errors.StorageError("/root/x", "No space left on device"),
    errors.StorageUnreachable("s3://b/x", "503 Slow Down"),
    errors.CorruptManifest("/root/x/manifests/1.json", "checksum does not match"),
    errors.CorruptSegment("flask", "/root/flask/segments/x/text.arrow", "checksum does not match"),
    errors.CorruptArrays("rows of postings", "they lead outside"),
    errors.UnsupportedFormat("/root/x", "2", "1"),
    errors.UnsafeStorage("s3://bucket", "it overwrote an object"),
    errors.Fenced("flask", 3, 4),
    errors.CommitConflict("flask", 7),
    errors.FingerprintMismatch("flask", "the embedder", "a", "b"),
    errors.StaleVersion("flask", 3),
    errors.DeadlineExceeded("flask"),
    errors.EmbedderNotAllowed("openai:m@http://gpu:1"),
    errors.EmbeddingFailed("ollama:m@http://gpu:1", "cannot be reached", "Look whether it is up."),
    errors.EmbeddingBudgetExceeded("openai:m@http://gpu:1", 1000, 900),
    errors.NotShared("/root", ("node-a", "node-b")),
    errors.PublicationRefused("Nothing is published there", "Publish first."),
    errors.JobCancelled("flask"),
    errors.PathNotAllowed("/etc"),
    errors.JobFailed("flask", "disk full"),
    errors.ConfigurationError("/home/me/.cursor/mcp.json", "it cannot be read", "Mend it."),
    errors.KernelsMissing("/site-packages/raycontext/kernel"),
    errors.RuntimeUnavailable("Ray cannot be started", "Look into its logs."),
    errors.Overloaded("rc/flask", 500),
    errors.DaemonFailed("The daemon ended at once.", "/log/daemon.log"),
    errors.DaemonStarting("The daemon is starting", "Ask again."),
    errors.VersionsDiffer("node-b", "raycontext 0.0.9", "raycontext 0.1.0"),
    errors.RequestRefused(401, "WrongToken", "The token is missing or wrong", "Send Authorization: Bearer TOKEN."),
    errors.RemoteError("UnknownCollection", "There is no collection for 'flask'. Index it first.", 4),
]


def test_every_error_class_has_an_example_here() -> None:
    names = {type(error).__name__ for error in EXAMPLES}
    assert names | {"RaycontextError"} == set(errors.__all__)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_error_is_the_same_after_pickling(error: RaycontextError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
    assert copy.exit_code == error.exit_code


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_error_message_names_its_subject(error: RaycontextError) -> None:
    subjects = [str(value) for value in error.args if isinstance(value, (str, int))]
    assert any(subject in str(error) for subject in subjects)
    assert len(str(error)) > 20


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_error_message_says_what_happened_and_what_to_do(error: RaycontextError) -> None:
    assert re.search(r"[^.]{8,}[.;:)] .{8,}", str(error)), "one sentence says what happened, another what to do"


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_exit_code_of_an_error_is_in_the_table_and_says_that_something_failed(error: RaycontextError) -> None:
    assert error.exit_code in MEANINGS
    assert error.exit_code not in (ExitCode.DONE, ExitCode.NOTHING_FOUND)


def drawn() -> dict[str, str]:
    """Return the parent of each class in the drawing of the module."""
    parents: dict[str, str] = {}
    path = ["RaycontextError"]
    for line in (errors.__doc__ or "").splitlines():
        found = re.fullmatch(r"    ([│├└─ ]+) (\w+)  +\S.*", line)
        if found:
            depth = (len(found[1]) + 1) // 4
            path[depth:] = [found[2]]
            assert found[2] not in parents
            parents[found[2]] = path[depth - 1]
    return parents


def test_drawing_is_the_tree_of_classes() -> None:
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, RaycontextError)]
    parents = {
        kind.__name__: next(
            base.__name__ for base in kind.__mro__[1:] if base is not Advised and not base.__name__.startswith("_")
        )
        for kind in kinds
        if kind not in (RaycontextError, Advised) and not kind.__name__.startswith("_")
    }
    assert drawn() == parents


def test_all_errors_are_public_names_of_the_package() -> None:
    assert set(errors.__all__) <= set(raycontext.__all__)
    assert all(getattr(raycontext, name) is getattr(errors, name) for name in errors.__all__)


SIGNALS: dict[str, set[str]] = {
    "raycontext.actors.job": {"HandedOver"},
    "raycontext.cli.install.jsonc": {"NotJson"},
    "raycontext.cli.install.marked": {"NotMarked"},
    "raycontext.daemon_client.wire": {"DaemonGone"},
    "raycontext.discover.rules.pattern": {"_MatchesNothing"},
    "raycontext.embed.remote.providers": {"UnusableAnswer"},
    "raycontext.runtime.base": {"WorkerDied", "WorkerLost"},
    "raycontext.serve.mcp.channel": {"ChannelClosed"},
    "raycontext.serve.mcp.jsonrpc": {"ProtocolError"},
    "raycontext.store.storage.object_storage": {"_OtherContent"},
}
"""Exceptions that one part of the program raises and another one takes; no user sees them."""


def test_no_error_stands_elsewhere() -> None:
    package = Path(raycontext.__file__).parent
    found: dict[str, set[str]] = {}
    known = {
        name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
    }
    known |= {*errors.__all__, "Advised", "_Damaged"}
    for path in sorted(package.rglob("*.py")):
        module = ".".join(("raycontext", *path.relative_to(package).with_suffix("").parts)).removesuffix(".__init__")
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base).split(".")[-1] in known for base in node.bases):
                found.setdefault(module, set()).add(node.name)
    assert found.pop("raycontext.errors.base") == {"Advised", "RaycontextError"}
    assert len(found.pop("raycontext.errors")) >= len(errors.__all__) - 1
    assert found == SIGNALS


def test_readme_and_help_have_the_table_of_exit_codes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(MEANINGS) == set(ExitCode)
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    assert told_in_one_line() in " ".join(readme.split())
    monkeypatch.setattr(sys, "argv", ["raycontext", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert told_in_one_line().replace("`", "") in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyError("a secret"), ExitCode.OTHER_ERROR),
        (EOFError("a secret"), ExitCode.OTHER_ERROR),
        (asyncio.CancelledError("a secret"), ExitCode.OTHER_ERROR),
        (OSError(28, "No space left on device", "/full"), ExitCode.OTHER_ERROR),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_error_that_nothing_foresaw_ends_a_command_with_one_line(
    error: BaseException, code: ExitCode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr("raycontext.sdk.connection.connect", fail)
    monkeypatch.setattr(sys, "argv", ["raycontext", "list"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert "secret" not in told.err
