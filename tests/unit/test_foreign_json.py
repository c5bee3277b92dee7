"""Whatever is not JSON is a `ValueError`, and all foreign JSON comes through one reader."""

from __future__ import annotations

from pathlib import Path

import pytest

import raycontext
from raycontext.files.foreign_json import read_json

OWN = {
    "files/foreign_json.py",
    "batch/entries.py",
    "cli/command_line/completion.py",
    "cli/install/jsonc.py",
    "cli/install/shown.py",
}
OWN |= {"chunk/readers/notebook.py", "search/ranking/ranker.py", "serve/http/openapi.py"}
"""Modules that read JSON of this package or of one token by themselves."""


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 10_000, "\ud800", b"nul", b"\xef\xbb\xbf"],
    ids=["empty", "open", "no text", "lists", "objects", "number", "surrogate", "word", "mark"],
)
def test_what_is_not_json_is_a_value_error(text: bytes | str) -> None:
    with pytest.raises(ValueError):
        read_json(text)


def test_json_is_read_as_it_is() -> None:
    assert read_json(b'{"a": [1, 2.5, null, "x"]}') == {"a": [1, 2.5, None, "x"]}
    assert read_json("[1.0]", parse_float=str) == ["1.0"]


def test_foreign_json_comes_through_this_reader() -> None:
    package = Path(raycontext.__file__).parent
    others = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if "json.load" in path.read_text()}
    assert others <= OWN, "use foreign_json.read_json"
