"""Names as evidence: the significant part of a path, identifiers in a query, and hashes that compare names."""

from __future__ import annotations

import re

import xxhash

__all__ = ["folded_hash", "identifiers", "name_hash", "path_text", "telling_stem"]

_GENERIC_STEMS = frozenset({"__init__", "__main__", "index", "main", "mod", "lib", "init", "package", "default"})
"""File names without extension that say nothing about the content. The folder's name does."""

_INNER_CAPITAL = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2}[a-z]")
_WORD = re.compile(r"[A-Za-z_$][\w$]*(?:(?:::|\.|->|#)[A-Za-z_$][\w$]*)*")


def telling_stem(path: str) -> str:
    """Return the file name without extension, or the name of its folder where the file name says nothing."""
    folder, _, name = path.rpartition("/")
    stem = name.lstrip(".").partition(".")[0]
    if stem.lower() in _GENERIC_STEMS and folder:
        return folder.rpartition("/")[2]
    return stem


def path_text(path: str) -> str:
    """Return the text of a file's path field: the whole path, and the significant name once more."""
    return f"{path} {telling_stem(path)}"


def identifiers(query: str) -> tuple[str, ...]:
    """Return the words of a query that may name something in code, each once.

    A query of one word names something. In longer queries words with inner capitals, underscores, digits or separators
    do. The last part of a qualified name counts as well.
    """
    words = _WORD.findall(query)
    if len(query.split()) > 1:
        words = [word for word in words if _looks_like_code(word)]
    parts = [re.split(r"::|\.|->|#", word)[-1] for word in words]
    return tuple(dict.fromkeys([*words, *parts]))


def name_hash(name: str) -> int:
    """Return the xxh3_64 hash of a name, case-sensitive."""
    return xxhash.xxh3_64_intdigest(name.encode(errors="surrogateescape"))


def folded_hash(name: str) -> int:
    """Return the xxh3_64 hash of a name in lower case without underscores."""
    return name_hash(name.lower().replace("_", ""))


def _looks_like_code(word: str) -> bool:
    """Return whether a word has inner capitals, underscores, digits or separators like an identifier."""
    plain = word.strip("_")
    return bool(
        _INNER_CAPITAL.search(word)
        or "_" in plain
        or word.startswith("__")
        or any(separator in word for separator in ("::", ".", "->", "#"))
        or (any(char.isdigit() for char in plain) and plain[:1].isalpha())
    )
