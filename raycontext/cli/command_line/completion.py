"""Completion of a command line in a shell. It must answer at once, so that it imports little and reads a table.

The table, `completion.json`, is written by `make docs` from the commands. The scripts for shells are Typer's: they call
the program with the words in its environment.
"""

from __future__ import annotations

import json
import os
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Any

from raycontext.daemon_client.paths import root_folder

__all__ = ["VARIABLE", "complete", "completions"]

VARIABLE = "_RAYCONTEXT_COMPLETE"
"""Environment variable in which a shell says what it wants."""
COLLECTIONS = "collections"
"""Name of the values that are the collections of the root."""

Completion = tuple[str, str]
"""Word, and what it means."""


def complete() -> int | None:
    """Print what the shell can complete, and return the exit code; None for what is not a completion for it."""
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "complete_bash":
        words = _words(os.environ.get("COMP_WORDS", ""))
        place = int(os.environ.get("COMP_CWORD") or "0")
        found = completions(words[1:place], words[place] if place < len(words) else "")
        print("\n".join(word for word, _ in found))  # noqa: T201
        return 0
    if wanted not in ("complete_zsh", "complete_fish"):
        return None
    line = os.environ.get("_TYPER_COMPLETE_ARGS", "")
    before = _words(line)[1:]
    last = before.pop() if before and not line.endswith(" ") else ""
    found = completions(before, last)
    if wanted == "complete_zsh":
        shown = "\n".join(f'"{_for_zsh(word)}":"{_for_zsh(meaning)}"' for word, meaning in found)
        print(f"_arguments '*: :(({shown}))'" if found else "_files")  # noqa: T201
        return 0
    if os.environ.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        return 0 if found else 1
    print("\n".join(f"{word}\t{meaning}" for word, meaning in found))  # noqa: T201
    return 0


def completions(before: list[str], last: str) -> list[Completion]:
    """Return what the last word of a command line can become. `before` are the words between it and the program."""
    table: dict[str, Any] = json.loads(files(__package__).joinpath("completion.json").read_bytes())
    if not before:
        found = [(name, command["help"]) for name, command in table["commands"].items()]
        found += [(flag, "") for flag in ("--help", "--version")]
        return [pair for pair in found if pair[0].startswith(last)]
    command = table["commands"].get(before[0])
    if command is None:
        return []
    options = command["options"]
    flag, is_joined, begun = last.partition("=")
    if is_joined and flag in options:
        values = _values(table, options[flag]["values"], before)
        return [(f"{flag}={value}", "") for value in values if value.startswith(begun)]
    asked = options.get(before[-1]) if len(before) > 1 else None
    if asked is not None and asked["takes_value"]:
        return [(value, "") for value in _values(table, asked["values"], before) if value.startswith(last)]
    if last.startswith("-"):
        return [(name, option["help"]) for name, option in options.items() if name.startswith(last)]
    return [(value, "") for value in _values(table, command["values"], before) if value.startswith(last)]


def _values(table: dict[str, Any], kind: str, before: list[str]) -> list[str]:
    """Return the values of one kind; none where any value can stand, such as a path."""
    if kind == COLLECTIONS:
        return _collections(before)
    return list(table["values"].get(kind, ()))


def _collections(before: list[str]) -> list[str]:
    """Return the names of the collections of a root that is a folder."""
    given = before[before.index("--root") + 1] if "--root" in before[:-1] else None
    try:
        return sorted(place.parent.name for place in Path(root_folder(given)).glob("*/COLLECTION.json"))
    except OSError:
        return []


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # a quote that is still open
        return line.split()


def _for_zsh(text: str) -> str:
    for char, escaped in (('"', '""'), ("'", "''"), ("$", "\\$"), ("`", "\\`"), (":", "\\\\:")):
        text = text.replace(char, escaped)
    return text
