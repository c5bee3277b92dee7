"""Reader of regular expressions as ripgrep takes them: the syntax of Rust's regex crate, without matches of line ends.

The crate's documentation defines the syntax. Like ripgrep, a search is by lines: no class matches a line end, `^` and
`\\A` match where a line begins, `$` and `\\z` where it ends. The result is written anew for the engine, with its flags
in groups and without captures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from raycontext.errors import InvalidInput
from raycontext.grep.bracket import bracket_class
from raycontext.grep.nodes import (
    MOST_SIZE,
    Assertion,
    CharacterClass,
    Choice,
    Flagged,
    Literal,
    Node,
    Repeat,
    Run,
)
from raycontext.grep.scanner import Scanner

__all__ = ["MAX_PATTERN_CHARACTERS", "parsed"]

MAX_PATTERN_CHARACTERS = 4000
"""Largest length of a pattern, in characters."""

MOST_DEPTH = 100
"""Largest depth of groups in groups."""

MOST_REPEATS = 1000
"""Largest number of a repetition."""

WORD_BOUNDARIES = ("start-half", "end-half", "start", "end")


@dataclass(frozen=True, slots=True)
class _Flags:
    """Flags that the reader itself must know; the others are the engine's."""

    is_folded: bool
    is_spaced: bool = False  # (?x)
    is_bytes: bool = False  # (?-u)


def parsed(pattern: str, *, ignore_case: bool = False) -> Node:
    """Return the expression. Raises `InvalidInput`, which says what is wrong and where."""
    if "\n" in pattern:
        raise InvalidInput("The pattern has a line end", "Lines are searched one by one: give one line.")
    if pattern.encode(errors="replace").decode() != pattern:
        raise InvalidInput("The pattern is not valid Unicode", "Give it as UTF-8.")
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise InvalidInput(
            f"The pattern has {len(pattern)} characters", f"Give at most {MAX_PATTERN_CHARACTERS} characters."
        )
    reader = _Reader(Scanner(pattern))
    node = reader.alternatives(_Flags(ignore_case), 0)
    if not reader.scanner.is_done:
        raise reader.scanner.problem("a ) that closes nothing")
    if node.size > MOST_SIZE:
        raise InvalidInput(
            "The pattern is too large with its repetitions written out", "Repeat less, or search for a part of it."
        )
    return Flagged(node, "i") if ignore_case else node


class _Reader:
    """Reader by recursive descent over the groups of a pattern."""

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner

    def alternatives(self, flags: _Flags, depth: int) -> Node:
        """Read up to the end of a group."""
        if depth > MOST_DEPTH:
            raise self.scanner.problem("groups in too many groups")
        choices: list[Node] = []
        items: list[Node] = []
        wrappers: list[tuple[int, int, str]] = []  # flags that hold up to the end of the group: from choice and item on
        while True:
            if flags.is_spaced:
                self.scanner.skip_space()
            if self.scanner.is_done or self.scanner.peek() == ")":
                break
            if self.scanner.take("|"):
                choices.append(_run(items))
                items = []
                continue
            if self.scanner.peek() == "(":
                found = self._group(flags, depth)
                if isinstance(found, tuple):
                    flags, letters = found
                    wrappers.append((len(choices), len(items), letters))
                    continue
                items.append(self._repeated(found, flags))
                continue
            items.append(self._repeated(self._atom(flags), flags))
        choices.append(_run(items))
        for choice, item, letters in reversed(wrappers):
            choices = _wrapped(choices, choice, item, letters)
        return choices[0] if len(choices) == 1 else Choice(tuple(choices))

    def _group(self, flags: _Flags, depth: int) -> Node | tuple[_Flags, str]:
        """Read a group, or flags that hold from here on."""
        scanner = self.scanner
        start = scanner.place
        scanner.take("(")
        letters = ""
        if scanner.take("?"):
            is_named = scanner.peek() == "<" and scanner.peek(1) not in ("=", "!")
            if scanner.take("P<") or (is_named and scanner.take("<")):
                scanner.until(">")
            elif scanner.peek() in ("=", "!", "<"):
                raise scanner.problem("a look around, which cannot be searched in linear time")
            else:
                letters = self._letters()
                flags = _changed(flags, letters)
                if scanner.take(")"):
                    return flags, _engine_letters(letters)
                scanner.expect(":")
        node = self.alternatives(flags, depth + 1)
        if not scanner.take(")"):
            scanner.place = start
            raise scanner.problem("a ( that nothing closes")
        letters = _engine_letters(letters)
        if letters:
            return Flagged(node, letters)
        return node if not isinstance(node, Choice) else Run((node,))

    def _letters(self) -> str:
        """Read flags up to `:` or `)`."""
        start = self.scanner.place
        while self.scanner.peek() not in (":", ")", ""):
            if self.scanner.next() not in "imsURux-":
                raise self.scanner.problem("an unknown flag")
        letters = self.scanner.text[start : self.scanner.place]
        if letters.count("-") > 1 or letters.endswith("-"):
            raise self.scanner.problem("a - without flags")
        return letters

    def _repeated(self, node: Node, flags: _Flags) -> Node:
        """Read the repetitions behind a node."""
        scanner = self.scanner
        while True:
            if flags.is_spaced:
                scanner.skip_space()
            if scanner.take("*"):
                least, most = 0, None
            elif scanner.take("+"):
                least, most = 1, None
            elif scanner.take("?"):
                least, most = 0, 1
            elif scanner.take("{"):
                least, most = self._bounds()
            else:
                return node
            node = Repeat(node, least, most, scanner.take("?"))

    def _bounds(self) -> tuple[int, int | None]:
        first, comma, last = self.scanner.until("}").partition(",")
        try:
            least = int(first) if first.strip() or not comma else 0
            most = (int(last) if last.strip() else None) if comma else least
        except ValueError:
            raise self.scanner.problem("a repetition without a number") from None
        if not 0 <= least <= MOST_REPEATS or (most is not None and not least <= most <= MOST_REPEATS):
            raise self.scanner.problem(f"a repetition that is not from 0 to {MOST_REPEATS}, or descends")
        return least, most

    def _atom(self, flags: _Flags) -> Node:
        """Read one character, class or assertion."""
        scanner = self.scanner
        if scanner.peek() == "[":
            return bracket_class(scanner, is_folded=flags.is_folded, is_spaced=flags.is_spaced, is_bytes=flags.is_bytes)
        character = scanner.next()
        if character == ".":
            return CharacterClass(".")
        if character in "^$":
            return Assertion(f"(?m:{character})")
        if character in "*+?{":
            raise scanner.problem("a repetition of nothing")
        if character == "\\":
            return self._escape(flags)
        return Literal(character, flags.is_folded)

    def _escape(self, flags: _Flags) -> Node:  # noqa: PLR0911 - one for each kind of escape
        scanner = self.scanner
        start = scanner.place
        letter = scanner.next()
        if letter in "dDsSwW":
            return CharacterClass(f"\\{letter}" if letter in "dw" else f"[\\{letter}--\\n]")
        if letter in "pP":
            name = f"{{{scanner.until('}')}}}" if scanner.take("{") else scanner.next()
            return CharacterClass(f"[\\{letter}{name}--\\n]")
        if letter == "A":
            return Assertion("(?m-R:^)")
        if letter == "z":
            return Assertion("(?m-R:$)")
        if letter in ("B", "<", ">"):
            return Assertion(f"\\{letter}")
        if letter == "b":
            kind = next((kind for kind in WORD_BOUNDARIES if scanner.take(f"{{{kind}}}")), "")
            return Assertion(f"\\b{{{kind}}}" if kind else "\\b")
        scanner.place = start
        character = scanner.escaped()
        if character == "\n":
            raise scanner.problem("a line end, which no line holds")
        if flags.is_bytes and not character.isascii():
            return CharacterClass(f"\\{scanner.text[start : scanner.place]}")
        return Literal(character, flags.is_folded)


def _run(items: list[Node]) -> Node:
    return items[0] if len(items) == 1 else Run(tuple(items))


def _wrapped(choices: list[Node], choice: int, item: int, letters: str) -> list[Node]:
    """Return choices in which all from an item of a choice on is under flags."""
    if not letters:
        return choices
    first = choices[choice]
    items = first.items if isinstance(first, Run) else (first,)
    rest = Flagged(_run(list(items[item:])), letters)
    later = (Flagged(other, letters) for other in choices[choice + 1 :])
    return [*choices[:choice], _run([*items[:item], rest]), *later]


def _changed(flags: _Flags, letters: str) -> _Flags:
    """Return flags after some letters, such as `ix-u`."""
    on, _, off = letters.partition("-")
    for names, value in ((on, True), (off, False)):
        if "i" in names:
            flags = replace(flags, is_folded=value)
        if "x" in names:
            flags = replace(flags, is_spaced=value)
        if "u" in names:
            flags = replace(flags, is_bytes=not value)
    return flags


def _engine_letters(letters: str) -> str:
    """Return the flags that are left to the engine: white space is gone, and `.`, `^` and `$` always mean lines."""
    on, _, off = ("".join(letter for letter in part if letter not in "xsm") for part in letters.partition("-"))
    return on + (f"-{off}" if off else "")
