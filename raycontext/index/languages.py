"""Languages that a user gives to files, by globs, before their names and contents are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from raycontext.chunk.languages.declared import language_named
from raycontext.chunk.languages.detect import detect_language
from raycontext.discover.rules.globs import check_globs, path_filter
from raycontext.errors import InvalidInput

__all__ = ["LanguageChoice", "check_language_of"]

LANGUAGE_ATTRIBUTE = "linguist-language"
"""Attribute of `.gitattributes` that names the language of a file."""
HEAD_BYTES = 4096
"""Number of bytes at the start of a file from which its language is detected."""


def check_language_of(entries: Iterable[str]) -> None:
    """Raise `InvalidInput` unless each entry is GLOB=LANGUAGE, with a glob that can match and a known language."""
    for entry in entries:
        glob, equals, language = entry.rpartition("=")
        if not equals or not glob:
            raise InvalidInput(
                f"language_of holds {entry!r}, which is not GLOB=LANGUAGE", "Give entries like '*.inc=php'."
            )
        check_globs("language_of", (glob,))
        if not language_named(language):
            raise InvalidInput(
                f"language_of holds the language {language!r}, which is not known",
                "Give a name that `status` shows, such as 'php' or 'cpp'.",
            )


class LanguageChoice:
    """Choice of the language of a file: by the user's globs, then by `.gitattributes`, then by name and content."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        """Take entries GLOB=LANGUAGE, of which the last one that matches a path counts."""
        self._chosen: list[tuple[Callable[[str], bool], str]] = []
        for entry in entries:
            glob, _, language = entry.rpartition("=")
            self._chosen.append((path_filter((glob,), ()), language_named(language)))

    def language(self, path: str, data: bytes, attributes: Mapping[str, str]) -> str:
        """Return the language of a file, one of `LANGUAGES`. `attributes` are those that the tree gives to it."""
        for matches, language in reversed(self._chosen):
            if language and matches(path):
                return language
        declared = attributes.get(LANGUAGE_ATTRIBUTE)
        if declared:
            named = language_named(declared)
            if named:
                return named
        return detect_language(path, data[:HEAD_BYTES])
