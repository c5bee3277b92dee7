"""Default embedder: a table of static term vectors, trained on pairs of comments and code.

The vector of a document is the sum of its terms' vectors, each times the square root of the term's frequency, scaled to
unit length. The weight of a term is part of its vector. `data/SOURCES.md` lists what the table was trained on; the
folder `training` of the repository shows how. Terms that the table lacks are ignored here; lexical search finds them.

Vectors are added in the order of the terms' hashes, so a sum depends neither on the batch nor on the machine.
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
"""Folder that holds the table."""


@dataclass(frozen=True, slots=True, eq=False)
class TermTable:
    """Table of the vectors of V terms in d dimensions, with 8 bits a component: `codes * scales[:, None]`."""

    terms: NDArray[np.uint64]
    """Hashes of the terms, uint64[V], ascending."""
    codes: NDArray[np.int8]
    """Components in units of the scale, int8[V, d]."""
    scales: NDArray[np.float32]
    """Units of the codes, float32[V]. They include the weight of the term."""
    checksum: str
    """Checksum (xxh3_64) of the table's content, 16 hexadecimal digits."""

    def rows_of(self, terms: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the row of each of k terms, int64[k]. It is -1 for a term that the table does not have."""
        rows = np.minimum(np.searchsorted(self.terms, terms), self.terms.size - 1)
        return np.where(self.terms[rows] == terms, rows, -1)


@cache
def load_table(folder: Path = DATA) -> TermTable:
    """Return the table in `folder`, mapped into memory once in a process."""
    # Kernels take plain arrays, not the subclass that `np.load` returns.
    terms, codes, scales = (
        np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray) for name in ("terms", "codes", "scales")
    )
    checksum = xxhash.xxh3_64()
    for array in (terms, codes, scales):
        checksum.update(array.data)
    return TermTable(terms, codes, scales, checksum.hexdigest())


class StaticEmbedder:
    """Embedder that looks terms up in the table. Implements `Embedder`."""

    name = "static"

    @cached_property
    def fingerprint(self) -> str:
        """Fingerprint of the table and of the analysis that makes its terms."""
        return f"static-2:{load_table().checksum}:{ANALYSIS_FINGERPRINT}"

    @property
    def dimension(self) -> int:
        """Number of components of the table's vectors."""
        return int(load_table().codes.shape[1])

    def embed_documents(self, documents: Documents) -> NDArray[np.float32]:
        """Return the vectors of n documents, float32[n, dimension]. Their texts are not decoded."""
        from raycontext.kernel.vectors import pool

        found, table = documents.postings, load_table()
        rows_of_terms = table.rows_of(found.terms)
        return pool(
            table.codes, table.scales, rows_of_terms, found.offsets, found.rows, found.frequencies, found.lengths.size
        )

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a query's terms without stop words, float32[dimension]."""
        from raycontext.analyse.terms import query_terms
        from raycontext.kernel.vectors import pool

        query, table = query_terms(text), load_table()
        order = np.argsort(query.terms)
        offsets = np.arange(query.terms.size + 1, dtype=np.int64)
        rows = np.zeros(query.terms.size, dtype=np.uint32)
        rows_of_terms = table.rows_of(query.terms[order])
        vectors = pool(table.codes, table.scales, rows_of_terms, offsets, rows, query.frequencies[order], 1)
        return vectors.reshape(self.dimension)
