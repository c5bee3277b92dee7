"""References of files: which names their chunks use and in which ways, and what the files import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.imports import Import, imports_of
from raycontext.analyse.postings import Postings
from raycontext.analyse.syntaxes import syntax_of
from raycontext.kernel.lexer import gather, lex, sorted_postings

__all__ = ["ReferenceReader", "References"]


@dataclass(frozen=True, slots=True)
class References:
    """References of m files with n chunks."""

    postings: Postings
    """Names by chunk. A term is the hash of a name, a frequency is the bits of `kernel.lexer.Use`."""
    imports: Sequence[Sequence[Import]]
    """Imports of each file, [m]."""


@dataclass(slots=True)
class ReferenceReader:
    """Reader of the references of files, which are added one after the other.

    Each file is read by a lexer alone: no grammar and no limit of a parser changes what is found.
    """

    _starts: list[NDArray[np.int64]] = field(default_factory=list)
    _hashes: list[NDArray[np.uint64]] = field(default_factory=list)
    _kinds: list[NDArray[np.uint8]] = field(default_factory=list)
    _imports: list[list[Import]] = field(default_factory=list)

    def add(self, data: bytes, language: str, first_byte: int) -> None:
        """Read a file. `first_byte` is its place among all files, in bytes."""
        how = syntax_of(language)
        if how is None:
            self._imports.append([])
            return
        tokens = lex(data, how)
        self._imports.append(imports_of(language, data, tokens.starts[tokens.kinds == 0].tolist()))
        self._starts.append(tokens.starts.astype(np.int64) + first_byte)
        self._hashes.append(tokens.hashes)
        self._kinds.append(tokens.kinds)

    def references(self, row_starts: NDArray[np.int64], row_ends: NDArray[np.int64]) -> References:
        """Return the references of chunks. Rows are given by their places among all files, in bytes."""
        found = gather(
            np.concatenate([np.empty(0, np.int64), *self._starts]),
            np.concatenate([np.empty(0, np.uint64), *self._hashes]),
            np.concatenate([np.empty(0, np.uint8), *self._kinds]),
            row_starts,
            row_ends,
        )
        return References(Postings(*sorted_postings(found), np.zeros(len(row_starts), np.uint32)), self._imports)
