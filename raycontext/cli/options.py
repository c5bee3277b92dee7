"""Arguments and options of the commands that must be quick, as one table for parsing, help and shell completion.

It imports nothing but the standard library (see `main`).
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
    """Argument of a command, given by its place."""

    name: str
    help: str
    required: bool = True
    shown: str = ""


class Option(NamedTuple):
    """Option of a command, given by its name. `--max-tokens` is known as `max_tokens` unless it has another `name`."""

    flags: tuple[str, ...]
    help: str
    kind: type = str
    """Type of the value: str, int or float, or bool for a switch."""
    many: bool = False
    default: Any = None
    least: float = -math.inf
    most: float = math.inf
    name: str = ""
    variable: str = ""
    """Environment variable that is read when the option is not given."""

    @property
    def key(self) -> str:
        """Name of the value in the result of `parse`."""
        return self.name or self.flags[0].removeprefix("--").replace("-", "_")


class QueryCommand(NamedTuple):
    """Command with its arguments and options."""

    name: str
    help: str
    arguments: tuple[Argument, ...]
    options: tuple[Option, ...]


SELECTION = (
    Option(("--limit", "-n"), "Largest number of hits, 1 to 1000.", int, default=10, least=1, most=1000),
    Option(
        ("--offset",),
        "Number of hits to leave out from the start, for the next page.",
        int,
        default=0,
        least=0,
        most=1000,
    ),
    Option(("--language",), "Only this language. May be given again.", many=True, name="languages"),
    Option(("--path",), "Only paths that match this glob; '!' excludes. May be given again.", many=True, name="paths"),
    Option(("--kind",), "Only chunks of this kind (function, class, …). May be given again.", many=True, name="kinds"),
    Option(("--min-score",), "Leave out hits with a lower score.", float, default=0.0, least=0.0),
    Option(
        ("--max-tokens",),
        "Budget for the texts of all hits together, at four bytes a token. The last text is cut at a line.",
        int,
        least=1,
        most=1_000_000,
    ),
    Option(("--files",), "Print only the paths of the files, best first.", bool),
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
            "Search a folder, which is indexed first if it never was. Exit code 1 if nothing is found.",
            (
                Argument("query", "A question, words, or a symbol."),
                Argument(
                    "path", "A place in an indexed folder, or a folder to index [default: the current folder].", False
                ),
            ),
            (
                COLLECTION._replace(help="Name of the collection. May be given again.", many=True, name="collections"),
                Option(("--all",), "Search all collections.", bool, name="everywhere"),
                *SELECTION,
                Option(
                    ("--diversity",),
                    "How much further hits of a file lose, from 0 (nothing) to 1 (one hit per file; default: 0.75).",
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
            "Find code similar to the chunk at a line. Exit code 1 if nothing is found.",
            (Argument("place", "A line of an indexed file.", shown="PATH:LINE"),),
            (COLLECTION, *SELECTION, *PLACE),
        ),
    )
}


class _Parser(argparse.ArgumentParser):
    """Parser whose errors are one line that names the command."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}. Try '{self.prog} --help'.\n")


def parse(command: QueryCommand, given: Sequence[str]) -> dict[str, Any]:
    """Return the values that a command was given, by key. Prints help or a mistake, and exits, when there is one to
    print.

    Raises `InvalidInput` when a value is out of range.
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
    """Return the value of an option, or its default. Raises `InvalidInput` when it is out of range."""
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
