"""Values of a command line, read by the table of `options`.

It imports nothing but the standard library (see `main`), and of that as little as it can.
"""

from __future__ import annotations

import os

from raycontext.cli.command_line.options import INFINITY
from raycontext.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from raycontext.cli.command_line.options import Option, QueryCommand

__all__ = ["parse"]


def parse(command: QueryCommand, given: Sequence[str]) -> dict[str, Any]:
    """Return the values that a command was given, by key. Prints help or a mistake, and exits, when there is one to
    print.

    Raises `InvalidInput` when a value is out of range.
    """
    found = _plain(command, given)
    if found is None:
        from raycontext.cli.command_line.usage import read_in_full

        found = read_in_full(command, given)
    return {**found, **{option.key: _value(option, found[option.key]) for option in command.options}}


def _plain(command: QueryCommand, given: Sequence[str]) -> dict[str, Any] | None:
    """Return the values of a plain command line, as `read_in_full` does: a library takes longer to load than to answer.

    In a plain one every option is written as `--name VALUE` or `--name=VALUE`, nothing else begins with a hyphen, and
    there is no mistake. Return None where it is not plain.
    """
    known = {flag: option for option in command.options for flag in option.flags}
    found: dict[str, Any] = {option.key: False if option.kind is bool else None for option in command.options}
    places: list[str] = []
    words = iter(given)
    for word in words:
        if not word.startswith("-"):
            places.append(word)
            continue
        flag, is_joined, joined = word.partition("=")
        option = known.get(flag)
        if option is None or (is_joined and (option.kind is bool or not flag.startswith("--"))):
            return None
        if option.kind is bool:
            found[option.key] = True
            continue
        text = joined if is_joined else next(words, "-")
        if text.startswith("-"):
            return None
        try:
            value = option.kind(text)
        except ValueError:
            return None
        found[option.key] = [*(found[option.key] or ()), value] if option.many else value
    required = sum(argument.required for argument in command.arguments)
    if not required <= len(places) <= len(command.arguments):
        return None
    names = [argument.name for argument in command.arguments]
    return {**dict.fromkeys(names), **dict(zip(names, places, strict=False)), **found}


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
    if option.kind in (int, float) and not (option.least <= value <= option.most and -INFINITY < value < INFINITY):
        bounded = option.most < INFINITY
        wanted = f"{option.least:g} to {option.most:g}" if bounded else f"{option.least:g} or more"
        raise InvalidInput(f"{named} is {value!r}", f"Give {wanted}.")
    return value
