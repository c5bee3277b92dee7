"""Plain command lines are read without a library, and always as the library reads them."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycontext.cli.command_line import usage, values
from raycontext.cli.command_line.options import QUERY_COMMANDS
from raycontext.errors import InvalidInput

FLAGS = sorted({flag for command in QUERY_COMMANDS.values() for option in command.options for flag in option.flags})
VALUES = ("", "a", "3", "0.5", "where is it", "x=y", "1e3", "-1", "-", "--", "nan", " 7", "é", "\udc80")
words = st.one_of(
    st.sampled_from(FLAGS),
    st.sampled_from(VALUES),
    st.builds("{}={}".format, st.sampled_from(FLAGS), st.sampled_from(VALUES)),
    st.builds("{}{}".format, st.sampled_from(FLAGS), st.sampled_from(VALUES)),
    st.text(max_size=4),
)


def outcome(name: str, line: list[str]) -> str:
    """Return the values of a command line as text, also values that are no number, or what came instead."""
    try:
        return repr(sorted(values.parse(QUERY_COMMANDS[name], line).items()))
    except SystemExit as end:
        return f"exit {end.code}"
    except InvalidInput as error:
        return str(error)


@given(st.sampled_from(sorted(QUERY_COMMANDS)), st.lists(words, max_size=6))
def test_every_line_is_read_as_the_library_reads_it(name: str, line: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch, open(os.devnull, "w", errors="replace") as nowhere:  # noqa: PTH123
        patch.setattr("sys.stdout", nowhere)
        patch.setattr("sys.stderr", nowhere)
        found = outcome(name, line)
        patch.setattr(values, "_plain", lambda *_: None)
        assert found == outcome(name, line)


@pytest.mark.parametrize(
    "line",
    [
        ["where is it"],
        ["where is it", "src"],
        ["where is it", "src", "--limit", "3", "-n", "4"],
        ["--language=python", "where is it", "--language", "go", "--json", "-c", "shop", "-c", "house"],
    ],
)
def test_usual_lines_need_no_library(line: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "read_in_full", None)
    assert values.parse(QUERY_COMMANDS["search"], line)["query"] == "where is it"
