"""The help of a command, in one form for all commands. It imports little (see `main`)."""

from __future__ import annotations

import shutil
import textwrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["help_page", "value_name"]

NARROWEST, WIDEST = 40, 110
"""Limits of the width of the text, in characters."""
LABEL_WIDTH = 24
"""Width of the column of names, in characters. A longer name has a line of its own."""


def help_page(name: str, summary: str, arguments: Iterable[tuple[str, str]], options: Iterable[tuple[str, str]]) -> str:
    """Return the help of a command. Arguments and options are pairs: how it is written, and what it means."""
    width = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
    arguments, options = list(arguments), list(options)
    marks = ["[OPTIONS]"] if options else []
    usage = " ".join(["usage: raycontext", name, *(shown for shown, _ in arguments), *marks])
    lines = [usage, "", *textwrap.wrap(" ".join(summary.split()), width)]
    for rows in (arguments, options):
        if rows:
            lines.append("")
        for shown, meaning in rows:
            lines += _row(shown, meaning, width)
    return "\n".join(lines)


def value_name(flag: str) -> str:
    """Return how the help calls the value of an option: the last word of its name."""
    return flag.rpartition("-")[2].upper()


def _row(shown: str, meaning: str, width: int) -> list[str]:
    """Return the lines of one argument or option."""
    text = textwrap.wrap(" ".join(meaning.split()), width - LABEL_WIDTH - 4) or [""]
    if len(shown) > LABEL_WIDTH:
        return [f"  {shown}", *(" " * (LABEL_WIDTH + 4) + line for line in text)]
    first = f"  {shown:<{LABEL_WIDTH}}  {text[0]}".rstrip()
    return [first, *(" " * (LABEL_WIDTH + 4) + line for line in text[1:])]
