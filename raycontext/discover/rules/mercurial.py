"""Parser of `.hgignore` files, whose syntax hgignore(5) and hg-patterns(7) describe.

Globs become rules like those of `.gitignore`. Regular expressions are matched by Rust's regex crate, in time linear in
the length of a path. What has no equal here is left out: such a line ignores nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from raycontext.discover.rules.pattern import UTF8_BOM, Rule, glob_to_regex

__all__ = ["MercurialRules", "parse_mercurial_rules"]

MOST_ALTERNATIVES = 64
"""Largest number of globs that the braces of one glob may stand for; a glob with more is left out."""
MOST_EXPRESSIONS = 200
"""Largest number of regular expressions of a file that count."""
MOST_EXPRESSION_CHARACTERS = 500
"""Largest length of a regular expression; a longer one is left out."""
KEPT_EXPRESSIONS = 256
"""Number of compiled files whose expressions a process keeps."""

_SYNTAXES = {
    **dict.fromkeys(("re", "regexp", "relre"), "regexp"),
    **dict.fromkeys(("glob", "relglob"), "glob"),
    "rootglob": "rootglob",
}
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)#.*")
_BRACES = re.compile(r"\{([^{}]*)\}")


class MercurialRules(NamedTuple):
    """Rules of one `.hgignore` file."""

    rules: list[Rule]
    """Rules of its globs."""
    expressions: tuple[str, ...]
    """Its regular expressions, over a path relative to the folder of the file, with one character for each byte."""

    def matches(self, path: str) -> bool:
        """Return whether one of the expressions matches somewhere in a path."""
        return bool(self.expressions) and _set_of(self.expressions)(path)


def parse_mercurial_rules(content: bytes) -> MercurialRules:
    """Return the rules of an `.hgignore` file. Content with NUL bytes has none."""
    rules: list[Rule] = []
    expressions: list[str] = []
    syntax = "regexp"
    text = "" if b"\0" in content else content.removeprefix(UTF8_BOM).decode("latin-1")
    for whole_line in text.split("\n"):
        line = _COMMENT.sub(r"\1", whole_line).replace("\\#", "#").rstrip()
        if not line:
            continue
        head, colon, rest = line.partition(":")
        if colon and head == "syntax":
            syntax = _SYNTAXES.get(rest.strip(), "unknown")
            continue
        of_line = _SYNTAXES.get(head, "") if colon else ""
        pattern = rest if of_line else line
        kind = of_line or ("unknown" if colon and head in ("include", "subinclude", "path", "set") else syntax)
        if kind == "regexp" and len(pattern) <= MOST_EXPRESSION_CHARACTERS:
            expressions.append(pattern)
        elif kind in ("glob", "rootglob"):
            rules.extend(_rules_of_glob(pattern, is_rooted=kind == "rootglob"))
    return MercurialRules(rules, tuple(expressions[:MOST_EXPRESSIONS]))


@lru_cache(maxsize=KEPT_EXPRESSIONS)
def _set_of(expressions: tuple[str, ...]) -> Callable[[str], bool]:
    """Return a function that tells whether one of the expressions matches. Those that the engine refuses match nothing.

    The engine also refuses them all where they are too large together.
    """
    import rurex  # loaded by the first `.hgignore` alone

    usable = []
    for expression in expressions:
        try:
            rurex.compile(expression)
        except rurex.PatternError:
            continue
        usable.append(expression)
    try:
        is_match: Callable[[str], bool] = rurex.compile_set(usable).is_match
    except rurex.PatternError:
        return lambda _: False
    return is_match


def _rules_of_glob(glob: str, *, is_rooted: bool) -> Iterator[Rule]:
    """Yield the rules of a glob; none where it has no equal here."""
    for one in _alternatives(glob):
        components: list[str] = []
        for component in one.strip("/").split("/"):
            bare = component.strip("*")
            if "**" in bare:
                return
            if component.startswith("**") and bare:  # `**` crosses folders wherever it stands
                components.append("**")
            components.append("**" if component == "**" else re.sub(r"\*\*+", "*", component))
        if not is_rooted and len(components) > 1 and components[0] != "**":
            components.insert(0, "**")
        translated = "/".join(components)
        is_anchored = is_rooted or len(components) > 1
        regex = glob_to_regex(translated, anchored=is_anchored) if translated else None
        if regex is not None:
            yield Rule(translated, is_anchored, negated=False, folders_only=False, regex=regex)


def _alternatives(glob: str) -> list[str]:
    """Return the globs that a glob with braces stands for; none where these are too many."""
    done: list[str] = []
    pending = [glob]
    while pending:
        one = pending.pop()
        braces = _BRACES.search(one)
        if braces is None:
            done.append(one)
        else:
            pending.extend(one[: braces.start()] + part + one[braces.end() :] for part in braces[1].split(","))
        if len(done) + len(pending) > MOST_ALTERNATIVES:
            return []
    return done
