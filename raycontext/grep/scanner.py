"""Scanner over the characters of a pattern."""

from __future__ import annotations

from raycontext.errors import InvalidInput

__all__ = ["Scanner"]

CONTROLS = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
DIGITS = {"x": 2, "u": 4, "U": 8}
"""Numbers of digits of a character by its number, where they do not stand in braces."""
SPACE = "\t\n\v\f\r \x85\u200e\u200f\u2028\u2029"
"""White space that a pattern may have under `(?x)`."""
LAST_CHARACTER, SURROGATES = 0x10FFFF, range(0xD800, 0xE000)


class Scanner:
    """Text with a place in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    @property
    def is_done(self) -> bool:
        return self.place >= len(self.text)

    def peek(self, ahead: int = 0) -> str:
        """Return the next character, or "" at the end."""
        return self.text[self.place + ahead : self.place + ahead + 1]

    def next(self) -> str:
        """Take the next character. Raises `InvalidInput` at the end."""
        if self.is_done:
            raise self.problem("an end where something is missing")
        self.place += 1
        return self.text[self.place - 1]

    def take(self, text: str) -> bool:
        """Take a text if it comes next."""
        if not self.text.startswith(text, self.place):
            return False
        self.place += len(text)
        return True

    def expect(self, text: str) -> None:
        """Take a text. Raises `InvalidInput` where another one comes."""
        if not self.take(text):
            raise self.problem(f"something else than {text}")

    def until(self, end: str) -> str:
        """Take all up to `end`, and that too. Raises `InvalidInput` where it never comes."""
        found = self.text.find(end, self.place)
        if found < 0:
            raise self.problem(f"no {end}")
        taken = self.text[self.place : found]
        self.place = found + len(end)
        return taken

    def skip_space(self) -> None:
        """Pass over white space and comments, as under `(?x)`."""
        while not self.is_done and (self.peek() in SPACE or self.peek() == "#"):
            if self.next() == "#":
                self.place = len(self.text)  # a pattern is one line

    def escaped(self) -> str:
        """Take what stands behind a backslash for one character, and return that. Raises `InvalidInput`."""
        letter = self.next()
        if letter in CONTROLS:
            return CONTROLS[letter]
        if letter in DIGITS:
            digits = self.until("}") if self.take("{") else self._taken(DIGITS[letter])
            try:
                number = int(digits, 16)
            except ValueError:
                number = -1
            if not 0 <= number <= LAST_CHARACTER or number in SURROGATES:
                raise self.problem("a number that is no character")
            return chr(number)
        if letter.isascii() and not letter.isalnum() and letter not in "<>":
            return letter
        what = "a reference to a group, which cannot be searched in linear time" if letter.isdigit() else ""
        raise self.problem(what or f"\\{letter}, which means nothing")

    def problem(self, what: str) -> InvalidInput:
        """Return an error that names the place."""
        return InvalidInput(
            f"The pattern has {what}, at character {self.place}",
            "Write \\ before a character that has a meaning, or search for a fixed string.",
        )

    def _taken(self, count: int) -> str:
        self.place += count
        return self.text[self.place - count : self.place]
