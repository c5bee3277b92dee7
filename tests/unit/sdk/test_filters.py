"""Filters as callers write them: names in any case, aliases, globs as paths are written. The rest is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from raycontext.errors import InvalidInput
from raycontext.sdk.filters import search_filters, within_source


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("python", "python"),
        ("Python", "python"),
        ("py", "python"),
        (".py", "python"),
        ("js", "javascript"),
        ("TypeScript", "typescript"),
        ("C++", "cpp"),
        ("c#", "csharp"),
        ("golang", "go"),
        ("rs", "rust"),
        ("shell", "bash"),
        ("text", "text"),
    ],
)
def test_languages_are_known_by_case_alias_and_extension(name: str, language: str) -> None:
    assert search_filters([name, language], (), ()).languages == (language,)


@pytest.mark.parametrize(("name", "near"), [("pyton", "python"), ("javascrip", "javascript"), ("nolang", "")])
def test_unknown_language_is_an_error_with_the_nearest_names(name: str, near: str) -> None:
    with pytest.raises(InvalidInput, match=f"There is no language '{name}'.*{near}"):
        search_filters([name], (), ())


def test_kinds_are_taken_in_any_case_and_unknown_ones_are_errors() -> None:
    assert search_filters((), (), ["Function", "CLASS"]).kinds == ("function", "class")
    with pytest.raises(InvalidInput, match="Did you mean method"):
        search_filters((), (), ["methods"])


@pytest.mark.parametrize(
    ("glob", "meant"),
    [
        ("./src/*.py", "/src/*.py"),
        ("!./src/", "!/src/"),
        (".", "/**"),
        ("{source}/src/*.py", "/src/*.py"),
        ("!{source}/src/", "!/src/"),
        ("{source}", "/**"),
        ("{source}/../project/src", "/src"),
        ("/src/*.py", "/src/*.py"),
        ("*.py", "*.py"),
    ],
)
def test_globs_are_relative_to_the_source_however_they_are_written(tmp_path: Path, glob: str, meant: str) -> None:
    source = tmp_path / "project"
    (source / "src").mkdir(parents=True)
    filters = search_filters((), [glob.format(source=source)], ())
    assert within_source(filters, str(source)).paths == (meant,)


@pytest.mark.parametrize("glob", ["/etc/*.conf", "!/etc/", "../other/*.py"])
def test_glob_that_leads_out_of_the_source_is_an_error(tmp_path: Path, glob: str) -> None:
    with pytest.raises(InvalidInput, match=f"leads out of {tmp_path}"):
        within_source(search_filters((), [glob], ()), str(tmp_path))
