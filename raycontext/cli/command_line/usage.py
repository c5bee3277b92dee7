"""Parser of the whole grammar of a command line, which prints help and mistakes. `values` reads plain ones."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from raycontext.cli.command_line.help_page import help_page, value_name
from raycontext.cli.command_line.options import QueryCommand

__all__ = ["read_in_full"]


class _Parser(argparse.ArgumentParser):
    """Parser whose errors are one line that names the command, and whose help is that of all commands."""

    command: QueryCommand

    def format_help(self) -> str:
        return command_help(self.command) + "\n"

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}{_meant(self.command, message)} Try '{self.prog} --help'.\n")


def _meant(command: QueryCommand, message: str) -> str:
    """Return the end of a sentence about unknown options: those of the command that are nearly written so."""
    known = [flag for option in command.options for flag in option.flags if flag.startswith("--")]
    written = [word.partition("=")[0] for word in message.split() if word.startswith("--")]
    if not message.startswith("unrecognized"):
        return "."
    near = [flag for word in written for flag in get_close_matches(word, known, 1, 0.7)]
    return f". Did you mean {' and '.join(dict.fromkeys(near))}?" if near else "."


def command_help(command: QueryCommand) -> str:
    """Return the help of a command."""
    arguments = [
        (shown if argument.required else f"[{shown}]", argument.help)
        for argument in command.arguments
        for shown in [argument.shown or argument.name.upper()]
    ]
    options = [
        (
            ", ".join(option.flags) + ("" if option.kind is bool else f" {value_name(option.flags[0])}"),
            option.help + (f" Environment: {option.variable}." if option.variable else ""),
        )
        for option in command.options
    ]
    return help_page(command.name, command.help, arguments, [*options, ("--help", "Show this message and exit.")])


def read_in_full(command: QueryCommand, given: Sequence[str]) -> dict[str, Any]:
    """Return the values that a command was given, by key; None for each that was not. Prints help or a mistake, and
    exits, when there is one to print.
    """
    parser = _Parser(prog=f"raycontext {command.name}", allow_abbrev=False)
    parser.command = command
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
    return vars(parser.parse_intermixed_args(given))
