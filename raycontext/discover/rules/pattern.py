"""Parser of ignore files. Each line becomes a rule with a regular expression that matches exactly what git matches.

The syntax is described in gitignore(5). Corner cases follow git's own matcher as observed through `git check-ignore`:
bracket expressions, escapes, `**` that is not a whole path component, and lines that git drops. Property tests compare
the two. No expression backtracks over more than one star, so the time of a match is bounded by the length of the glob
times the length of the path.

Git compares bytes. Rules and paths are therefore strings with one character for each byte (see `bytewise`).
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

__all__ = ["Rule", "bytewise", "glob_to_regex", "parse_glob", "parse_rules"]

UTF8_BOM = b"\xef\xbb\xbf"
GLOB_SPECIALS = frozenset("*?[\\")

# Special tokens of a glob. Every other token is a regular expression for one character.
_STAR = "*"  # any characters of one path component
_FOLDERS = "**/"  # any number of whole path components, including none
_ANYTHING = "**"  # any characters, including slashes

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
    "space": frozenset(b" \t\n\r"),  # git's own table lacks vertical tab and form feed
    "upper": frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "xdigit": frozenset(b"0123456789abcdefABCDEF"),
}


class _MatchesNothing(ValueError):
    """Error for a glob that matches nothing: git's matcher gives up on it, or its brackets are empty."""


class Rule(NamedTuple):
    """Rule of an ignore file: one line that can match something."""

    glob: str
    """Pattern of the line without `!` and without the slashes at both ends."""
    anchored: bool
    """Whether the glob matches the path from the ignore file's folder on. Otherwise it matches a name at any depth."""
    negated: bool
    """Whether the line begins with `!`, so that it includes matching entries again."""
    folders_only: bool
    """Whether the line ends in a slash, so that it matches folders alone."""
    regex: str
    """Regular expression over a path relative to the ignore file's folder, without a slash at its end."""


def bytewise(text: str) -> str:
    """Return a path or name as a string with one character for each of its bytes (those of `os.fsencode`)."""
    return text if text.isascii() else os.fsencode(text).decode("latin-1")


def parse_rules(content: bytes) -> list[Rule]:
    """Return the rules of an ignore file in the order of its lines. Content with NUL bytes has no rules."""
    if b"\0" in content:
        return []
    lines = content.removeprefix(UTF8_BOM).decode("latin-1").split("\n")
    rules = (_parse_line(line.removesuffix("\r")) for line in lines)
    return [rule for rule in rules if rule is not None]


def parse_glob(glob: str) -> Rule | None:
    """Return the rule that one line of an ignore file makes of `glob`; None where it can match no file.

    None also for a glob with a range such as `[z-a]`. Git takes its first end for a single byte, which no one means.
    """
    try:
        line = bytewise(glob)
    except UnicodeEncodeError:  # a lone surrogate, which no name of a file has
        return None
    rule = None if "\0" in line else _parse_line(line)
    return None if rule is None or _has_reversed_range(rule.glob) else rule


def _has_reversed_range(glob: str) -> bool:
    """Return whether a well-formed glob has a range whose ends are in the wrong order."""
    at = 0
    while at < len(glob):
        if glob[at] == "[":
            brackets = _read_brackets(glob, at)
            if brackets.is_reversed:
                return True
            at = brackets.end
        else:
            at += 2 if glob[at] == "\\" else 1
    return False


def _parse_line(line: str) -> Rule | None:
    """Return the rule of one line; None for comments, blank lines and globs that match nothing."""
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
    """Return the line without the spaces at its end. A space after an unescaped backslash stays."""
    end = len(line)
    while end and line[end - 1] == " ":
        end -= 1
    backslashes = len(line[:end]) - len(line[:end].rstrip("\\"))
    # An odd number of backslashes means that the last one escapes the first space.
    return line[: end + 1] if backslashes % 2 and end < len(line) else line[:end]


def glob_to_regex(glob: str, *, anchored: bool) -> str | None:
    """Translate one glob to a regular expression; None when the glob can match nothing.

    `anchored` is described in `Rule`. For each star, matching takes time linear in the length of the path. To reach
    this, every star but the last of a component matches lazily inside an atomic group. This loses no match, since the
    leftmost match leaves the longest rest of the path to the tokens after it.
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
    """Return the regular expression for tokens that are single characters, slashes or `_STAR`."""
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
    """Split a glob into tokens. Raises `_MatchesNothing` when it is malformed or can match nothing."""
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
            members, at, _ = _read_brackets(glob, at)
            tokens.append("[" + "".join(f"\\x{code:02x}" for code in sorted(members)) + "]")
        elif char == "*":
            stop = at
            while stop < end and glob[stop] == "*":
                stop += 1
            # Git compares the literal text before the first wildcard by itself and starts its matcher after it.
            # At that place `**` counts as the start of a component, whatever stands before it.
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


class _Brackets(NamedTuple):
    """Bracket expression of a glob."""

    members: set[int]
    """Bytes that it matches."""
    end: int
    """Index after the expression."""
    is_reversed: bool
    """Whether a range in it begins with a higher byte than it ends with."""


def _read_brackets(glob: str, start: int) -> _Brackets:
    """Return the bracket expression that begins at `start`.

    Raises `_MatchesNothing` when the expression is malformed or matches no byte.
    """
    end = len(glob)
    at = start + 1
    negated = glob.startswith(("!", "^"), at)
    at += negated
    first = at
    members: set[int] = set()
    is_reversed = False
    previous = ""  # character that may begin a range; "" when none may
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
            is_reversed |= glob[at] < previous
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
    return _Brackets(allowed, at + 1, is_reversed)
