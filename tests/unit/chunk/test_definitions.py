"""Every definition of the sample files by its name, kind, line and scope, and nothing else.

`python tests/unit/chunk/test_definitions.py` writes `definitions/expected.txt` anew. Read the difference before you
commit it: each line of that file says what a reader of the sample would call a definition.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from raycontext.chunk.chunker import chunk_file
from raycontext.chunk.languages.detect import LANGUAGES, detect_language
from raycontext.chunk.readers.tables import PATTERNS

SAMPLES = Path(__file__).parent / "definitions"
EXPECTED = SAMPLES / "expected.txt"
SNIPPETS = Path(__file__).parent / "snippets"
TARGET_BYTES = 1500
WITHOUT_DEFINITIONS = {"csv", "text"}
"""Languages in which nothing has a name."""


def _definitions(name: str) -> tuple[str, list[str]]:
    """Return the language of a sample, and a line for each definition: its line, kind, name and scope."""
    data = (SAMPLES / f"{name}.sample").read_bytes()
    language = detect_language(name, data[:4096])
    chunked = chunk_file(data, language, TARGET_BYTES)
    assert not chunked.gave_up
    return language, [
        f"{found.line} {found.kind} {found.name}"
        + (f" <{found.scope}>" if found.scope else "")
        + ("" if found.has_body else " declared")
        for found in chunked.definitions
    ]


def _table() -> dict[str, tuple[str, list[str]]]:
    table: dict[str, tuple[str, list[str]]] = {}
    lines: list[str] = []
    for line in EXPECTED.read_text().splitlines():
        if line.startswith(" "):
            lines.append(line.strip())
        else:
            name, language = line.split()
            lines = []
            table[name] = language, lines
    return table


TABLE = _table() if EXPECTED.exists() else {}


@pytest.mark.parametrize("name", TABLE)
def test_sample_yields_its_definitions(name: str) -> None:
    assert _definitions(name) == TABLE[name]


def test_every_sample_is_in_the_table() -> None:
    assert {path.name.removesuffix(".sample") for path in SAMPLES.glob("*.sample")} == set(TABLE)


def test_every_language_that_is_detected_has_a_sample_with_definitions() -> None:
    """A grammar that is loaded and of which nothing is read is a defect of the tables."""
    read = {language for language, found in TABLE.values() if found}
    for path in SNIPPETS.iterdir():
        data = path.read_bytes()
        language = detect_language(path.stem, data)
        if chunk_file(data, language, TARGET_BYTES).definitions:
            read.add(language)
    assert set(LANGUAGES) - read == WITHOUT_DEFINITIONS


@pytest.mark.parametrize("language", sorted(PATTERNS))
def test_pattern_does_not_run_away(language: str) -> None:
    """Text fits every part of a pattern but its end. A pattern that tries all combinations would not return."""
    words = {word for rule in PATTERNS[language].rules for word in re.findall(r"[A-Za-z]{4,}", rule.pattern)}
    tails = (
        "a " * 150,
        "a" * 300,
        "(" * 300,
        "a(" * 150,
        "a::" * 100,
        "[a] " * 80,
        "a, " * 100,
        "<a " * 100,
        "=" * 300,
    )
    text = "\n".join(f"{word} {tail}" for word in sorted(words)[:12] for tail in tails)
    chunk_file(text.encode(), language, TARGET_BYTES)


def _record() -> None:
    """Write the table of expected definitions anew."""
    lines = []
    for path in sorted(SAMPLES.glob("*.sample")):
        name = path.name.removesuffix(".sample")
        language, found = _definitions(name)
        lines += [f"{name} {language}", *(f"    {line}" for line in found)]
    EXPECTED.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    _record()
