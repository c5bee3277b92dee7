"""The default embedder: a table of static term vectors, trained on pairs of comments and code.

A document is the sum of its terms' vectors, each times the square root of its frequency, scaled to unit length; the
weight of a term is part of its vector. What the table was trained on is listed in `data/SOURCES.md`, how in the
folder `training` of the repository. Terms that the table lacks say nothing here: lexical search has them.

Sums are made in the order of the terms' hashes: they depend neither on the batch nor on the machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

from raycontext.analyse.postings import ANALYSIS_FINGERPRINT
from raycontext.embed.vectors import Documents

__all__ = ["StaticEmbedder", "TermTable", "load_table"]

DATA = Path(__file__).with_name("data")


@dataclass(frozen=True, slots=True, eq=False)
class TermTable:
    """Vectors of V terms in d dimensions, in 8 bits a component: `codes * scales[:, None]`."""

    terms: NDArray[np.uint64]
    """[V], ascending."""
    codes: NDArray[np.int8]
    """[V, d]"""
    scales: NDArray[np.float32]
    """[V], the term's weight included."""
    checksum: str
    """16 hexadecimal digits, of all that is in the table."""

    def rows_of(self, terms: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Row of each term in the table, -1 where it has none: int64[k]."""
        rows = np.minimum(np.searchsorted(self.terms, terms), self.terms.size - 1)
        return np.where(self.terms[rows] == terms, rows, -1)


@cache
def load_table(folder: Path = DATA) -> TermTable:
    """The table in that folder, mapped into memory, once a process."""
    # Views, for the compiler knows the plain class of arrays alone.
    terms, codes, scales = (
        np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray) for name in ("terms", "codes", "scales")
    )
    checksum = xxhash.xxh3_64()
    for array in (terms, codes, scales):
        checksum.update(array.data)
    return TermTable(terms, codes, scales, checksum.hexdigest())


class StaticEmbedder:
    """Vectors from the terms alone; see the module. Implements `Embedder`."""

    name = "static"

    @cached_property
    def fingerprint(self) -> str:
        """Of the table and of the analysis whose terms it knows."""
        return f"static-2:{load_table().checksum}:{ANALYSIS_FINGERPRINT}"

    @property
    def dimension(self) -> int:
        """Length of the table's vectors."""
        return int(load_table().codes.shape[1])

    def embed_documents(self, documents: Documents) -> NDArray[np.float32]:
        """Vectors of the documents' postings, float32[n, dimension]; their texts are not asked for."""
        from raycontext.embed.models.pooling import pool

        found, table = documents.postings, load_table()
        rows_of_terms = table.rows_of(found.terms)
        return pool(
            table.codes, table.scales, rows_of_terms, found.offsets, found.rows, found.frequencies, found.lengths.size
        )

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Vector of the query's terms, stop words left out, float32[dimension]."""
        from raycontext.analyse.terms import query_terms
        from raycontext.embed.models.pooling import pool

        query, table = query_terms(text), load_table()
        order = np.argsort(query.terms)
        offsets = np.arange(query.terms.size + 1, dtype=np.int64)
        rows = np.zeros(query.terms.size, dtype=np.uint32)
        rows_of_terms = table.rows_of(query.terms[order])
        vectors = pool(table.codes, table.scales, rows_of_terms, offsets, rows, query.frequencies[order], 1)
        return vectors.reshape(self.dimension)
