"""What the commands that must be quick can be told: one table, for parsing, for help and for shell completion.

Imports nothing but the standard library; see `cli`.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from raycontext.errors import InvalidInput

__all__ = ["QUERY_COMMANDS", "Argument", "Option", "QueryCommand", "parse"]


class Argument(NamedTuple):
    """What is given by its place."""

    name: str
    help: str
    required: bool = True
    shown: str = ""


class Option(NamedTuple):
    """What is given by its name; `--max-tokens` is known as `max_tokens` where no `name` is given."""

    flags: tuple[str, ...]
    help: str
    kind: type = str
    """str, int, float, or bool for a switch."""
    many: bool = False
    default: Any = None
    least: float = -math.inf
    most: float = math.inf
    name: str = ""
    variable: str = ""
    """Environment variable that is read where it is not given."""

    @property
    def key(self) -> str:
        return self.name or self.flags[0].removeprefix("--").replace("-", "_")


class QueryCommand(NamedTuple):
    """A command of the table."""

    name: str
    help: str
    arguments: tuple[Argument, ...]
    options: tuple[Option, ...]


SELECTION = (
    Option(("--limit", "-n"), "Hits at most, 1 to 1000.", int, default=10, least=1, most=1000),
    Option(("--offset",), "Leave out the first hits: the next page.", int, default=0, least=0, most=1000),
    Option(("--language",), "Only this language; may be given again.", many=True, name="languages"),
    Option(("--path",), "Only paths that match this glob; '!' excludes; again for more.", many=True, name="paths"),
    Option(("--kind",), "Only chunks of this kind (function, class, …); may be given again.", many=True, name="kinds"),
    Option(("--min-score",), "Leave out hits with a lower score.", float, default=0.0, least=0.0),
    Option(
        ("--max-tokens",),
        "Budget for the texts of all hits together, at four bytes a token; the last one is cut at a line.",
        int,
        least=1,
        most=1_000_000,
    ),
    Option(("--files",), "Only the paths of the files, the best first.", bool),
    Option(
        ("--context", "-C"), "Lines to show before and after each hit, 0 to 100.", int, default=0, least=0, most=100
    ),
)
PLACE = (
    Option(
        ("--root",),
        "Folder of the collections, or s3://BUCKET/PREFIX (default: user data folder).",
        variable="RAYCONTEXT_ROOT",
    ),
    Option(("--address",), "Ray cluster to join: auto or host:port.", variable="RAYCONTEXT_ADDRESS"),
    Option(("--json",), "Print JSON on stdout.", bool, name="as_json"),
)
COLLECTION = Option(("--collection", "-c"), "Name of the collection.")

QUERY_COMMANDS = {
    command.name: command
    for command in (
        QueryCommand(
            "search",
            "Search a folder; one that was never indexed is indexed first. Exit code 1 if nothing is found.",
            (
                Argument("query", "A question, words, or a symbol."),
                Argument("path", "A place in an indexed folder, or a folder to index [default: this one].", False),
            ),
            (
                COLLECTION._replace(help="Name of the collection; may be given again.", many=True, name="collections"),
                Option(("--all",), "Search all collections.", bool, name="everywhere"),
                *SELECTION,
                Option(
                    ("--diversity",),
                    "How far a file's further hits fall behind: 0 not at all, 1 one hit a file (default: 0.75).",
                    float,
                    least=0.0,
                    most=1.0,
                    variable="RAYCONTEXT_DIVERSITY",
                ),
                Option(("--explain",), "Show what each feature contributed to a hit.", bool),
                *PLACE,
            ),
        ),
        QueryCommand(
            "related",
            "Find code that is like the chunk at a line. Exit code 1 if nothing is found.",
            (Argument("place", "A line of an indexed file.", shown="PATH:LINE"),),
            (COLLECTION, *SELECTION, *PLACE),
        ),
    )
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}. Try '{self.prog} --help'.\n")


def parse(command: QueryCommand, given: Sequence[str]) -> dict[str, Any]:
    """What a command was given, by key. Prints help, or what is wrong, and exits where that is called for.

    Raises `InvalidInput` where a value is out of range.
    """
    parser = _Parser(prog=f"raycontext {command.name}", description=command.help, allow_abbrev=False)
    for argument in command.arguments:
        parser.add_argument(
            argument.name, help=argument.help, metavar=argument.shown or None, nargs=None if argument.required else "?"
        )
    for option in command.options:
        if option.kind is bool:
            parser.add_argument(*option.flags, dest=option.key, help=option.help, action="store_true")
            continue
        parser.add_argument(
            *option.flags,
            dest=option.key,
            help=option.help.replace("%", "%%"),
            type=option.kind,
            action="append" if option.many else "store",
            metavar=option.flags[0].lstrip("-").upper(),
        )
    found = vars(parser.parse_intermixed_args(given))
    return {**found, **{option.key: _value(option, found[option.key]) for option in command.options}}


def _value(option: Option, value: Any) -> Any:
    """With its default, and within its range."""
    named = option.flags[0].removeprefix("--").replace("-", "_")
    if option.many:
        return value or []
    if value is None and option.variable and os.environ.get(option.variable):
        try:
            value = option.kind(os.environ[option.variable])
        except ValueError as error:
            raise InvalidInput(f"{named}: {error}", f"Correct {option.variable}.") from error
    if value is None:
        return option.default
    if option.kind in (int, float) and not (option.least <= value <= option.most and math.isfinite(value)):
        wanted = f"{option.least:g} to {option.most:g}" if math.isfinite(option.most) else f"{option.least:g} or more"
        raise InvalidInput(f"{named} is {value!r}", f"Give {wanted}.")
    return value
