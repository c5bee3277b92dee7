"""Lines of an ignore file as rules, each with a regular expression that matches exactly what git matches.

The syntax is that of gitignore(5); corner cases (bracket expressions, escapes, `**` that is not a whole
path component, lines that git drops) follow git's own matcher as observed through `git check-ignore`,
which the property tests compare with. pathspec's translation serves another purpose: it matches what lies
below a folder too, so that on folders themselves `*` wins over a later `!*/`, and `[z-a]` raises.

Git compares bytes. Rules and paths are therefore texts of one character per byte (`bytewise`).
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

__all__ = ["Rule", "bytewise", "glob_to_regex", "parse_rules"]

UTF8_BOM = b"\xef\xbb\xbf"
GLOB_SPECIALS = frozenset("*?[\\")

# Tokens of a glob other than a regular expression for one character.
_STAR = "*"  # any characters of one path component
_FOLDERS = "**/"  # any number of whole path components, also none
_ANYTHING = "**"  # any characters, slashes too

_SLASH = ord("/")
_ASCII_CLASSES: dict[str, frozenset[int]] = {
    "alnum": frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "alpha": frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "blank": frozenset(b" \t"),
    "cntrl": frozenset([*range(1, 32), 127]),
    "digit": frozenset(b"0123456789"),
    "graph": frozenset(range(33, 127)),
    "lower": frozenset(b"abcdefghijklmnopqrstuvwxyz"),
    "print": frozenset(range(32, 127)),
    "punct": frozenset(b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    "space": frozenset(b" \t\n\r"),  # git's own table: without vertical tab and form feed
    "upper": frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "xdigit": frozenset(b"0123456789abcdefABCDEF"),
}


class _MatchesNothing(ValueError):
    """A glob that git's matcher gives up on, or whose brackets are empty."""


class Rule(NamedTuple):
    """One line of an ignore file that can match something."""

    glob: str  # without `!` and without the slashes at both ends
    anchored: bool  # matches the path from the ignore file's folder on; else the name in any folder below
    negated: bool
    folders_only: bool
    regex: str  # matches a path relative to the ignore file's folder, without a slash at its end


def bytewise(text: str) -> str:
    """The bytes of a path or name (as `os.fsencode` gives them), one character for each."""
    return text if text.isascii() else os.fsencode(text).decode("latin-1")


def parse_rules(content: bytes) -> list[Rule]:
    """The rules of an ignore file, in its order. Text with NUL bytes (UTF-16, a binary file) has none."""
    if b"\0" in content:
        return []
    lines = content.removeprefix(UTF8_BOM).decode("latin-1").split("\n")
    rules = (_parse_line(line.removesuffix("\r")) for line in lines)
    return [rule for rule in rules if rule is not None]


def _parse_line(line: str) -> Rule | None:
    if line.startswith("#"):
        return None
    glob = _without_trailing_spaces(line)
    negated = glob.startswith("!")
    glob = glob[1:] if negated else glob
    folders_only = glob.endswith("/")
    glob = glob[:-1] if folders_only else glob
    anchored = "/" in glob
    glob = glob.removeprefix("/")
    regex = glob_to_regex(glob, anchored=anchored) if glob else None
    if regex is None:
        return None
    return Rule(glob, anchored, negated, folders_only, regex)


def _without_trailing_spaces(line: str) -> str:
    end = len(line)
    while end and line[end - 1] == " ":
        end -= 1
    backslashes = len(line[:end]) - len(line[:end].rstrip("\\"))
    # An odd backslash escapes the first of the spaces.
    return line[: end + 1] if backslashes % 2 and end < len(line) else line[:end]


def glob_to_regex(glob: str, *, anchored: bool) -> str | None:
    """Translate one glob; `anchored` as in `Rule`. None where the glob can match nothing.

    Matching takes time linear in the length of the path for each star, whatever the glob: all but the
    last star of a component match lazily in atomic groups, as the leftmost match leaves most to the rest.
    """
    try:
        tokens = _tokens(glob, anchored)
    except _MatchesNothing:
        return None
    groups: list[list[str]] = [[]]
    leads: list[str] = []
    for token in tokens:
        if token in (_FOLDERS, _ANYTHING):
            leads.append(token)
            groups.append([])
        else:
            groups[-1].append(token)
    parts = [_component_regex(groups[0])]
    for number, (lead, group) in enumerate(zip(leads, groups[1:], strict=True), start=1):
        body = _component_regex(group)
        if number == len(leads):
            parts.append(("(?:.*/)?" if lead == _FOLDERS else ".*") + body)
        else:
            parts.append("(?>" + ("(?:|.*?/)" if lead == _FOLDERS else ".*?") + body + ")")
    start = r"\A" if anchored else r"\A(?:.*/)?"
    return f"(?s:{start}{''.join(parts)}\\Z)"


def _component_regex(tokens: list[str]) -> str:
    """Regular expression of tokens that are single characters, slashes and `_STAR`."""
    chunks: list[list[str]] = [[]]
    for token in tokens:
        if token == _STAR:
            chunks.append([])
        else:
            chunks[-1].append(token)
    parts = ["".join(chunks[0])]
    for number, chunk in enumerate(chunks[1:], start=1):
        is_last_of_component = number == len(chunks) - 1 or "/" in chunk
        body = "".join(chunk)
        parts.append(f"[^/]*{body}" if is_last_of_component else f"(?>[^/]*?{body})")
    return "".join(parts)


def _tokens(glob: str, anchored: bool) -> list[str]:
    tokens: list[str] = []
    end = len(glob)
    first_special = next((i for i, char in enumerate(glob) if char in GLOB_SPECIALS), end)
    at = 0
    while at < end:
        char = glob[at]
        if char == "\\":
            if at + 1 == end:
                raise _MatchesNothing(glob)
            tokens.append(re.escape(glob[at + 1]))
            at += 2
        elif char == "?":
            tokens.append("[^/]")
            at += 1
        elif char == "[":
            members, at = _bracket_members(glob, at)
            tokens.append("[" + "".join(f"\\x{code:02x}" for code in sorted(members)) + "]")
        elif char == "*":
            stop = at
            while stop < end and glob[stop] == "*":
                stop += 1
            # Git compares the literal text before the first wildcard on its own and starts its matcher
            # behind it: there, `**` counts as the start of a component whatever precedes it.
            starts_component = at == first_special or glob[at - 1] == "/"
            ends_component = stop == end or glob.startswith(("/", "\\/"), stop)
            if not (anchored and stop - at > 1 and starts_component and ends_component):
                tokens.append(_STAR)
            elif glob.startswith("/", stop):
                tokens.append(_FOLDERS)
                stop += 1
            else:
                tokens.append(_ANYTHING)
            at = stop
        else:
            tokens.append(re.escape(char))
            at += 1
    return tokens


def _bracket_members(glob: str, start: int) -> tuple[set[int], int]:
    """The bytes that the bracket expression at `start` matches, and the index behind it.

    Raises _MatchesNothing where it is malformed or matches no byte.
    """
    end = len(glob)
    at = start + 1
    negated = glob.startswith(("!", "^"), at)
    at += negated
    first = at
    members: set[int] = set()
    previous = ""  # where a range may begin
    while at < end and (glob[at] != "]" or at == first):
        char = glob[at]
        if char == "\\":
            at += 1
            if at == end:
                raise _MatchesNothing(glob)
            previous = glob[at]
            members.add(ord(previous))
        elif char == "-" and previous and at + 1 < end and glob[at + 1] != "]":
            at += 2 if glob[at + 1] == "\\" else 1
            if at == end:
                raise _MatchesNothing(glob)
            members.update(range(ord(previous), ord(glob[at]) + 1))
            previous = ""
        elif glob.startswith("[:", at):
            closing = glob.find("]", at + 2)
            if closing < 0:
                raise _MatchesNothing(glob)
            if closing == at + 2 or glob[closing - 1] != ":":
                members.add(ord("["))
                previous = "["
            else:
                named = _ASCII_CLASSES.get(glob[at + 2 : closing - 1])
                if named is None:
                    raise _MatchesNothing(glob)
                members |= named
                previous = ""
                at = closing
        else:
            members.add(ord(char))
            previous = char
        at += 1
    if at >= end:
        raise _MatchesNothing(glob)
    allowed = (set(range(1, 256)) - members if negated else members) - {_SLASH}
    if not allowed:
        raise _MatchesNothing(glob)
    return allowed, at + 1
