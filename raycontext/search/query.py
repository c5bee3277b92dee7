"""Messages between the caller of a search and the shards: small immutable values of numbers and strings.

caller ── statistics(request) ──> every shard        live rows, lengths, document frequencies of the terms
caller ── candidates(request, sum of statistics) ──> every shard        raw features of its best files, and the texts
                                                                        of what is likely to be a hit
caller: cut, normalise, rank
caller ── describe(rows) ──> the shards of hits whose texts have not come yet
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from raycontext.models import SearchFilters

__all__ = ["COSINE_UNIT", "FEATURES", "PROPOSERS", "Candidates", "Description", "SearchRequest", "Statistics"]

FEATURES = (
    "chunks",  # BM25F of the best three chunks: 1, 1/2, 1/4
    "stem_cover",  # share of the words of the file's stem that the query has
    "best_definition",  # best definition: idf share of the query in its name, times share of its name in the query
    "exact_definition",  # an identifier of the query is defined here: 1, 0.6 where case or underscores differ
    "vector_best",  # cosine of the query with the best chunk
    "vector_three",  # sum of the best three cosines: 1, 1/2, 1/4
    "vector_names",  # cosine of the query with the file's path and the names that it defines
    "vector_path",  # cosine of the query with the path alone
    "size",  # natural logarithm of 1 + bytes of the file
)
"""Names of the columns of `Candidates.features`. The features are not normalised."""

PROPOSERS = ("chunks", "definitions", "path", "vector")
"""Names of the rows of `Candidates.proposals`: scores by which files become candidates."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """Request of a search, as the caller sends it to the shards."""

    text: str
    filters: SearchFilters
    files: int
    """Number of files that each of `PROPOSERS` proposes over the whole collection."""
    rows: int
    """Largest number of chunks of one file that may be hits."""
    repeat_factor: float = 0.5
    """Factor of the score from each hit of a file to its next one. 0: a file has one hit."""
    explain: bool = False
    """Whether hits carry the contribution of each feature to their score."""
    vector: tuple[str, NDArray[np.float32]] | None = None
    """Fingerprint of the embedder and vector of the text, where the embedder is a server; None for a local embedder."""
    weights: tuple[float, ...] | None = None
    """Weights of the ranker, one for each of `ranker.MODEL_FEATURES`; None: those of the package."""
    hits: int = 0
    """Number of hits that the caller wants. Candidates come with the texts of their share; 0: without texts."""
    words_only: bool = False
    """True: the query has no vector, since the embedder of the collection cannot be asked. Words alone count."""
    deadline: float = math.inf
    """Time in seconds since the epoch after which nobody waits for the answer."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Exact statistics of the live rows of some shards. `a + b` covers the shards of both, in any order."""

    version: int
    num_shards: int
    """Number of shards of the collection at this version."""
    files: int
    """Number of live files."""
    rows: int
    """Number of live chunks."""
    body_length: int
    """Number of terms in the bodies of all live chunks."""
    symbol_length: int
    """Number of terms in the symbols of all live chunks."""
    path_length: int
    """Number of terms in the paths of all live chunks. A path counts once for each chunk of its file."""
    field_frequencies: NDArray[np.int64]
    """Number of live chunks that have a term in the body, the symbol and the path, [3, terms of the query]."""
    missing_files: int = 0
    """Number of live files whose segments are missing or damaged. They are in none of the other numbers."""

    @property
    def document_frequencies(self) -> NDArray[np.int64]:
        """Document frequency of each term, [terms]: the largest of its three field frequencies.

        It is a lower bound of the number of chunks that have the term in any field. Field frequencies can be summed
        over shards without counting chunks for each query.
        """
        most: NDArray[np.int64] = np.max(self.field_frequencies, axis=0, initial=0)
        return most

    def __add__(self, other: Statistics) -> Statistics:
        """Return the statistics of the shards of both, which must be of one version."""
        return Statistics(
            version=self.version,
            num_shards=self.num_shards,
            files=self.files + other.files,
            rows=self.rows + other.rows,
            body_length=self.body_length + other.body_length,
            symbol_length=self.symbol_length + other.symbol_length,
            path_length=self.path_length + other.path_length,
            field_frequencies=self.field_frequencies + other.field_frequencies,
            missing_files=self.missing_files + other.missing_files,
        )

    @staticmethod
    def total(parts: Sequence[Statistics]) -> Statistics:
        """Return the sum of the statistics of several shards: at least one, all of one version."""
        return reduce(Statistics.__add__, parts)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Best files of one shard, m of them, with raw features, and n of their chunks, which may be hits."""

    shard: int
    version: int
    files: NDArray[np.int64]
    """Numbers of the files in the shard's view of `version`, ascending, [m]."""
    order: NDArray[np.uint64]
    """Key that decides between equal scores, [m]. It depends on the path alone, not on shards and segments."""
    kinds: NDArray[np.uint16]
    """Bits of `path_kinds` of each file, [m]."""
    proposals: NDArray[np.float64]
    """Scores by which the files were proposed, [len(PROPOSERS), m]."""
    quoted: NDArray[np.float64]
    """What the sum of each file gains by the places and words that the query quotes, as a share, [m]."""
    features: NDArray[np.float64]
    """Raw features of the files, [m, len(FEATURES)]."""
    row_offsets: NDArray[np.int64]
    """Offsets of the chunks, [m + 1]. Chunks of file i stand from offset i to offset i + 1 in the arrays below."""
    rows: NDArray[np.int64]
    """Row numbers in the shard's view of `version`, ascending within a file, [n]."""
    lexical: NDArray[np.float64]
    """BM25F of each chunk, [n]."""
    vector: NDArray[np.float64]
    """Cosine of each chunk with the query, [n]."""
    defined: NDArray[np.float64]
    """Match of the query with the best definition of each chunk, 0 to 1, [n]; more where the query quotes the chunk."""
    priors: NDArray[np.float64]
    """Weight of each chunk by its kind alone, see `chunk_priors`, [n]."""
    kind_counts: NDArray[np.int64]
    """Number of live files of the shard, then the number of those of each of `PATH_KINDS`, [1 + len(PATH_KINDS)]."""
    cosine_sums: tuple[int, int, int]
    """Number, sum and sum of squares of the cosines of a sample of the shard's rows.

    The sums are in units of `COSINE_UNIT` (squared). They are whole numbers, so that sums over shards do not depend on
    the order of the shards.
    """
    shown: Mapping[int, Description] = field(default_factory=dict)
    """What hits show of the likeliest ones, by row, without the further places of their files."""
    places: Mapping[int, tuple[int, str]] = field(default_factory=dict)
    """First line and symbol of further places of those files, by row."""


COSINE_UNIT = 2.0**-20
"""Unit of the cosines in `Candidates.cosine_sums`."""


@dataclass(frozen=True, slots=True)
class Description:
    """Text and place of a chunk, as a hit shows them."""

    source: str
    """Source folder of the collection."""
    path: str
    digest: str
    """Digest of the file's content, hexadecimal."""
    language: str
    start_line: int
    end_line: int
    kind: str
    symbol: str
    scope: str
    text: str
    more: tuple[tuple[int, str], ...] = ()
    """First line and symbol of each further place in the file."""
    text_cut: bool = False
    """Whether `text` is only a part of the chunk's text."""
    match: int = 0
    """Place in `text` from which on it matches the query best; see `Hit.match`."""
    encoding: str = "utf-8"
    """Encoding of the file on disk; "" where it is not recorded."""
    redactions: int = 0
    """Number of secrets in the file that its chunks do not show."""
