"""Steps of a query on one part of a shard: scores that propose candidate files, and the evidence for candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.path_kinds import KIND_BITS, PATH_KINDS, asked_for
from raycontext.models.tree_records import ChunkKind
from raycontext.search.prepared_query import PartQuery, PreparedQuery
from raycontext.search.query import COSINE_UNIT, FEATURES, PROPOSERS, Candidates, Description
from raycontext.search.ranking.proposals import MINIMUM_SIMILARITY
from raycontext.search.rows.view import concatenate
from raycontext.search.signals.chunk_priors import TEST_PRIOR, priors_of_kinds
from raycontext.search.signals.evidence import RowsOfFiles, best_three, lexical_evidence
from raycontext.search.signals.features import best_rows_of_files, feature_matrix, name_features
from raycontext.search.signals.lexical import lexical_proposals
from raycontext.search.signals.matching import matching_first, place_of_match
from raycontext.search.signals.quoted import (
    LEAST_LEXICAL,
    MESSAGE_FILE,
    MESSAGE_ROW,
    NAMED_FILE,
    NAMED_ROW,
    message_shares,
)
from raycontext.search.signals.vector import (
    SAMPLED_ROWS,
    SCANNED_ROWS,
    cosine_sums,
    cosines,
    cosines_by_file,
    estimates_by_file,
)
from raycontext.store.segments.segment import Segment
from raycontext.text.cuts import cut_text

__all__ = [
    "PartEvidence",
    "description_of",
    "gathered",
    "part_evidence",
    "part_proposals",
    "sampled_cosines",
    "with_matching_names",
]

MOST_TARGETS = 3
"""Largest size of a text that is shown whole, in target sizes of chunks. Only chunks of a single line are larger."""


NAMED_PROPOSAL = 1e6
"""Score by which a file is proposed that the query names in full. It is above every BM25."""

TELLING_NOTHING = np.uint16(sum(KIND_BITS[PATH_KINDS.index(kind)] for kind in ("test", "example", "prose")))
"""Kinds of files whose literals are no messages of the program: names of tests, say."""

LEAST_PROPOSAL = 1e-9
"""Score by which a file is proposed that has nothing in common with the query and a line that matches its pattern."""


@dataclass(frozen=True, slots=True)
class PartEvidence:
    """Evidence for m candidate files of one part, and for n of their chunks, which may be hits."""

    features: NDArray[np.float64]  # [m, len(FEATURES)]
    quoted: NDArray[np.float64]  # [m] what the file's share of the sum gains by what the query quotes
    kinds: NDArray[np.uint16]  # [m]
    counts: NDArray[np.int64]  # [m] number of these chunks in each file
    rows: NDArray[np.int64]  # [n] row numbers in the part, ascending within a file
    evidence: NDArray[np.float64]  # [4, n] BM25F, cosine, match of the best definition, weight of the kind


def part_proposals(asked: PartQuery) -> NDArray[np.float64]:
    """Return the scores by which files of one part become candidates, [len(PROPOSERS), files of the part]."""
    query, segment = asked.query, asked.part.segment
    lexical = lexical_proposals(
        query.normalisation,
        query.weights,
        query.proposing,
        asked.slices,
        asked.eligible,
        asked.part.symbol_lengths,
    )
    # Among what matches a pattern each file is a candidate, however little its vectors are like the query's.
    least = 0.0 if query.request.filters.grep else MINIMUM_SIMILARITY
    shape = asked.eligible, segment.first_rows, segment.row_counts
    if query.statistics.rows <= SCANNED_ROWS or not query.vector.has_words:
        codes, scales = segment.vectors
        similar = cosines_by_file(query.vector, codes, scales, *shape, least)
    else:
        similar = estimates_by_file(query.vector, segment.signs, segment.scales, *shape, least)
    if query.request.filters.grep:
        similar = np.maximum(similar, LEAST_PROPOSAL * _files_with(asked.eligible, segment))
    if asked.named is not None:
        named = np.where(_files_with(asked.eligible, segment), asked.named.files, 0.0)
        lexical[PROPOSERS.index("path")] += NAMED_PROPOSAL * named  # words of paths decide between equal ones
    return np.stack([*lexical, similar])


def _files_with(rows: NDArray[np.bool_], segment: Segment) -> NDArray[np.bool_]:
    """Return whether each file of a segment has one of some rows, bool[files]."""
    has_row: NDArray[np.bool_] = np.bincount(segment.chunk_column("file")[rows], minlength=segment.reference.files) > 0
    return has_row


def part_evidence(asked: PartQuery, candidates: NDArray[np.int64]) -> PartEvidence:
    """Return the evidence for the candidates that lie in one part.

    `candidates` are the file numbers of the view, ascending; files of other parts are left out.
    """
    query, segment = asked.query, asked.part.segment
    files = asked.part.ordinals(candidates)
    chosen = RowsOfFiles.of(files, segment.first_rows, segment.row_counts)
    lexical = lexical_evidence(query.normalisation, query.weights, asked.slices, chosen)
    similarities = cosines(query.vector, *segment.vectors_for(chosen.rows), chosen.rows)
    names, defined = name_features(segment, chosen, query.found.terms.terms, query.weights, query.exact)
    vector_best, vector_three = best_three(similarities, chosen.offsets)
    features = feature_matrix(
        {
            "chunks": best_three(lexical, chosen.offsets)[1],
            "vector_best": vector_best,
            "vector_three": vector_three,
            "vector_names": cosines(query.vector, *segment.name_vectors_for(files), files),
            "vector_path": cosines(query.vector, *segment.path_vectors_for(files), files),
            "size": np.log1p(segment.file_column("size")[files].astype(np.float64)),
            **names,
        }
    )
    if asked.named is not None:
        _, chosen_places, of_named = np.intersect1d(chosen.rows, asked.named.rows, return_indices=True)
        defined[chosen_places] += NAMED_ROW * asked.named.shares[of_named]
    evidence = np.stack([lexical, similarities, defined])
    places, counts = best_rows_of_files(evidence, asked.eligible[chosen.rows], chosen.offsets, query.request.rows)
    rows = chosen.rows[places]
    priors = priors_of_kinds(segment.chunks.column("kind"), rows)
    if asked.test_rows is not None:
        priors[asked.test_rows[rows]] = TEST_PRIOR
    named = np.zeros(len(files)) if asked.named is None else NAMED_FILE * asked.named.files[files]
    tells = segment.file_column("kinds")[files] & ~np.uint16(asked_for(query.request.text)) & TELLING_NOTHING == 0
    told = _messages(query, segment, rows, np.where(np.repeat(tells, counts), lexical[places], 0.0))
    evidence[2, places] += MESSAGE_ROW * told
    return PartEvidence(
        quoted=named + MESSAGE_FILE * _most_of_files(told, counts),
        features=features,
        kinds=segment.file_column("kinds")[files],
        counts=counts,
        rows=rows,
        evidence=np.concatenate([evidence[:, places], priors[np.newaxis]]),
    )


def _messages(
    query: PreparedQuery, segment: Segment, rows: NDArray[np.int64], lexical: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far the literals of each row hold a message that the query quotes, 0 to 1, [rows].

    Texts cost the most to read, so only rows with enough of the terms are looked into. `lexical`: BM25F, [rows].
    """
    shares = np.zeros(len(rows), np.float64)
    if query.quoted.words:
        likely = np.flatnonzero(lexical >= LEAST_LEXICAL * float(query.weights.sum()))
        shares[likely] = message_shares(segment, rows[likely], query.quoted.words)
    return shares


def _most_of_files(shares: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the largest share of each file, [m]. `counts` is the number of shares of each file, [m]."""
    most = np.zeros(len(counts), np.float64)
    if shares.any():
        np.maximum.at(most, np.repeat(np.arange(len(counts)), counts), shares)
    return most


def gathered(
    shard: int,
    query: PreparedQuery,
    files: NDArray[np.int64],
    proposals: NDArray[np.float64],
    found: Sequence[PartEvidence],
) -> Candidates:
    """Return the candidates of a shard: the evidence of its parts one after the other.

    files: numbers of the candidates in the view, ascending, [m]. proposals: scores by which all files of the view were
    proposed, [len(PROPOSERS), files of the view].
    """
    view = query.view
    lexical, vector, defined, priors = concatenate([part.evidence.T for part in found], (0, 4)).T
    counts = concatenate([part.counts for part in found], (0,), np.int64)
    first_rows = (part.first_row for part in view.parts)
    return Candidates(
        shard=shard,
        version=view.version,
        files=files,
        order=view.order[files],
        kinds=concatenate([part.kinds for part in found], (0,), np.uint16),
        proposals=proposals[:, files],
        quoted=concatenate([part.quoted for part in found], (0,)),
        features=concatenate([part.features for part in found], (0, len(FEATURES))),
        row_offsets=np.concatenate([[0], np.cumsum(counts)]),
        rows=concatenate([part.rows + first for part, first in zip(found, first_rows, strict=True)], (0,), np.int64),
        lexical=lexical,
        vector=vector,
        defined=defined,
        priors=priors,
        kind_counts=view.kind_counts(),
        cosine_sums=sampled_cosines(query),
    )


def sampled_cosines(query: PreparedQuery) -> tuple[int, int, int]:
    """Return number, sum and sum of squares of the cosines of a sample of rows with the query.

    The sums are in units of `COSINE_UNIT` (squared). The sample depends on the paths of the files alone, not on their
    shards and segments.
    """
    stride = -(-query.statistics.rows // SAMPLED_ROWS) or 1
    sums = [
        cosine_sums(
            query.vector,
            *part.segment.vectors_for(part.segment.rows_of(files)),
            files,
            part.segment.first_rows,
            part.segment.row_counts,
            COSINE_UNIT,
        )
        for part, files in zip(query.view.parts, query.view.sampled_files(stride), strict=True)
    ]
    return sum(part[0] for part in sums), sum(part[1] for part in sums), sum(part[2] for part in sums)


def description_of(
    source: str,
    chunk_bytes: int,
    segment: Segment,
    row: int,
    further: Sequence[tuple[Segment, int]] = (),
    query: str = "",
) -> Description:
    """Return what a hit shows of row `row` of a segment.

    source: folder of the collection. chunk_bytes: target size of its chunks in bytes. further: segments and rows of
    further places in the same file. query: the part of a long text that matches it is shown; "" for no query.
    """
    file = int(segment.chunk_column("file")[row])
    symbol, scope = segment.label(row)
    whole = segment.text(row)
    match = place_of_match(whole, query)
    shown = cut_text(whole, MOST_TARGETS * chunk_bytes, match)
    return Description(
        source=source,
        digest=segment.digest(file).hex(),
        path=segment.path(file),
        language=segment.language(file),
        encoding=segment.encoding(file),
        redactions=len(segment.redactions(file)) // 2,
        start_line=int(segment.chunk_column("start_line")[row]) + whole.count("\n", 0, shown.begin),
        end_line=int(segment.chunk_column("end_line")[row]),
        kind=segment.kind(row),
        symbol=symbol,
        scope=scope,
        text=shown.text,
        text_cut=shown.is_cut,
        match=match - shown.begin,
        more=tuple((int(other.chunk_column("start_line")[place]), other.label(place)[0]) for other, place in further),
    )


def with_matching_names(described: Sequence[Description], query: str) -> list[Description]:
    """Return descriptions whose symbols begin with the name that matches the query best; "" for no query.

    Those of sections stay: their words are those of a heading.
    """
    named = [one for one in described if one.kind != ChunkKind.SECTION]
    symbols = [symbol for one in named for symbol in (one.symbol, *(symbol for _, symbol in one.more))]
    names = iter(matching_first(symbols, query))
    return [
        one
        if one.kind == ChunkKind.SECTION
        else replace(one, symbol=next(names), more=tuple((line, next(names)) for line, _ in one.more))
        for one in described
    ]
