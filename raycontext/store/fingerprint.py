"""Fingerprint of what makes chunks and references: another one means that a collection is built anew."""

from __future__ import annotations

from raycontext.analyse.postings import REFERENCES_FINGERPRINT
from raycontext.chunk.languages.grammars import fingerprint

__all__ = ["chunker_fingerprint"]


def chunker_fingerprint() -> str:
    """Return the versions of the grammars, of the chunker and of the lexer as one text.

    Files give the same chunks and the same references as long as this text is the same.
    """
    return f"{fingerprint()}, {REFERENCES_FINGERPRINT}"
