"""The default embedder: random indexing, no model, nothing to load or to train.

Each term has a fixed vector of 256 signs, drawn from its hash. A document is the sum of its terms' vectors,
each times the square root of its frequency, scaled to unit length. Vectors of different terms are nearly
orthogonal, so the cosine of two documents approximates the cosine of their bags of terms, with a standard
error of about 1/16 (Kanerva, Kristoferson, Holst 2000, "Random indexing of text samples"; the bound is that
of Johnson and Lindenstrauss for signs: Achlioptas 2003).

Sums are of integers: they do not depend on the order of the terms, on the batch, or on the machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.postings import ANALYSIS_FINGERPRINT

from .embedder import Documents

__all__ = ["StaticEmbedder"]

DIMENSION = 256
"""Length of the vectors, as the kernel makes them."""


class StaticEmbedder:
    """Vectors from the terms alone; see the module. Implements `Embedder`."""

    name = "static"
    fingerprint = f"static-1:{DIMENSION}:{ANALYSIS_FINGERPRINT}"
    dimension = DIMENSION

    def embed_documents(self, documents: Documents) -> NDArray[np.float32]:
        """Vectors of the documents' postings, float32[n, 256]; their texts are not asked for."""
        from .pooling import pool

        postings = documents.postings
        return pool(postings.terms, postings.offsets, postings.rows, postings.frequencies, postings.lengths.size)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Vector of the query's terms, stop words left out, float32[256]."""
        from raycontext.analyse.terms import query_terms

        from .pooling import pool

        query = query_terms(text)
        offsets = np.arange(query.terms.size + 1, dtype=np.int64)
        rows = np.zeros(query.terms.size, dtype=np.uint32)
        vectors = pool(query.terms, offsets, rows, query.frequencies, 1)
        return vectors.reshape(DIMENSION)
