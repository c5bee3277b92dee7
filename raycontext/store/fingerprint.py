"""Fingerprints of what makes the rows of a segment."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import xxhash

from raycontext import __version__
from raycontext.analyse.postings import REFERENCES_FINGERPRINT
from raycontext.chunk.languages.grammars import fingerprint

__all__ = ["chunker_fingerprint", "installation", "rules_fingerprint"]

PACKAGE = Path(__file__).resolve().parents[1]
RULES = ("analyse", "chunk", "discover", "index/languages.py", "index/marks.py", "kernel")
"""Folders and modules of the package that decide what a content is: its language, encoding, secrets and marks."""


def chunker_fingerprint() -> str:
    """Return the versions of the grammars, of the chunker and of the lexer as one text.

    Files give the same chunks and the same references as long as this text is the same. Another one means that a
    collection is built anew.
    """
    return f"{fingerprint()}, {REFERENCES_FINGERPRINT}"


@cache
def rules_fingerprint() -> str:
    """Return a digest of the code that decides what a content is (xxh3_128, in hexadecimal); "" where it is not there.

    Where it is the same, a content of the same path, with the same attributes and options, gives the same rows. Where
    it differs, which costs no rebuild, whoever takes rows over compares the facts about each file.
    """
    digest = xxhash.xxh3_128()
    try:
        for rule in RULES:
            place = PACKAGE / rule
            for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
                if file.suffix in (".py", ".so", ".dll", ".dylib", ".json"):
                    digest.update(f"{file.relative_to(PACKAGE).as_posix()}\0".encode())
                    digest.update(file.read_bytes())
        digest.update(version("chardet").encode())
    except (OSError, PackageNotFoundError):  # a package without sources: the facts are compared
        return ""
    return digest.hexdigest()


@cache
def installation() -> str:
    """Return the version of raycontext and the fingerprint of its chunker, which all nodes of a cluster share."""
    return f"raycontext {__version__}, {chunker_fingerprint()}"
