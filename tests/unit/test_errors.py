"""Errors survive process borders and say what to do."""

from __future__ import annotations

import pickle

import pytest

from raycontext import errors
from raycontext.errors import RaycontextError

EXAMPLES: list[RaycontextError] = [
    errors.InvalidInput("limit is 0", "Ask for 1 to 1000 hits."),
    errors.RootNotFound("/gone"),
    errors.SourceUnavailable("https://example.org/flask.git", "no such repository", True),
    errors.UnknownCollection("flask", ("django",)),
    errors.CollectionExists("flask", "/src/flask"),
    errors.StorageError("/root/x", "No space left on device"),
    errors.CorruptManifest("/root/x/manifests/1.json", "checksum does not match"),
    errors.CorruptSegment("flask", "/root/flask/segments/x/text.arrow", "checksum does not match"),
    errors.UnsupportedFormat("/root/x", "2", "1"),
    errors.UnsafeStorage("s3://bucket", "it overwrote an object"),
    errors.Fenced("flask", 3, 4),
    errors.CommitConflict("flask", 7),
    errors.FingerprintMismatch("flask", "the embedder", "a", "b"),
    errors.StaleVersion("flask", 3),
    errors.DeadlineExceeded("flask"),
    errors.EmbeddingFailed("ollama:m@http://gpu:1", "cannot be reached", "Look whether it is up."),
    errors.EmbeddingBudgetExceeded("openai:m@http://gpu:1", 1000, 900),
    errors.NotShared("/root", ("node-a", "node-b")),
    errors.JobCancelled("flask"),
    errors.PathNotAllowed("/etc"),
    errors.JobFailed("flask", "disk full"),
    errors.ConfigurationError("/home/me/.cursor/mcp.json", "it cannot be read", "Mend it."),
    errors.RuntimeUnavailable("Ray cannot be started", "Look into its logs."),
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
