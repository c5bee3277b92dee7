"""Pieces of work of each group of kernels, for measuring: large ones for their speed, small ones for a call's cost."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from raycontext.analyse.posting_lists import decode, encode, lookup
from raycontext.analyse.terms import analyse, analyse_texts
from raycontext.chunk.syntax.bodies import without_bodies
from raycontext.search.signals.evidence import best_three, lexical_evidence
from raycontext.search.signals.features import ExactNames, best_rows_of_files, name_features
from raycontext.search.signals.lexical import field_frequencies, lexical_proposals
from raycontext.search.signals.vector import all_cosines, cosine_sums, cosines_by_file, estimates_by_file

from .corpus import GROUPS, Corpus

__all__ = ["work_of"]


def work_of(large: Corpus, small: Corpus) -> dict[str, Callable[[], object]]:
    """Return what is measured, by name."""
    work: dict[str, Callable[[], object]] = {}
    for size, corpus in (("", large), (", small", small)):
        work |= _analysis(size, corpus) | _search(size, corpus)
    texts = small.texts(5, 3, 2)
    work["tokenizer: three short texts"] = lambda: analyse_texts(texts)
    return work


def _analysis(size: str, corpus: Corpus) -> dict[str, Callable[[], object]]:
    source, body = corpus.source, corpus.postings[0]
    lists, c_source = encode(body), corpus.c_source
    return {
        f"tokenizer: analyse{size}": lambda: analyse(*source),
        f"postings: encode{size}": lambda: encode(body),
        f"postings: decode{size}": lambda: decode(lists),
        f"postings: lookup{size}": lambda: lookup(lists, corpus.terms),
        f"bodies: blank{size}": lambda: without_bodies(c_source, 1200),
        f"pooling{size}": lambda: list(GROUPS["pooling"](corpus)),
    }


def _search(size: str, corpus: Corpus) -> dict[str, Callable[[], object]]:
    slices, chosen, shape = corpus.slices, corpus.chosen, (corpus.eligible, corpus.first_rows, corpus.row_counts)
    codes, scales, signs = corpus.vectors
    query, norm, weights, dead = corpus.query, corpus.normalisation, corpus.weights, np.arange(0, corpus.files, 50)
    lexical = lexical_evidence(norm, weights, slices, chosen)
    exact = ExactNames(np.array([3, 70, 171], np.uint32), np.array([9, 71, 70], np.uint32))
    evidence, eligible = np.stack([lexical, lexical, lexical]), corpus.eligible[chosen.rows]
    return {
        f"bm25f: frequencies{size}": lambda: field_frequencies(slices, dead),
        f"bm25f: proposals{size}": lambda: lexical_proposals(
            norm, weights, weights, slices, corpus.eligible, corpus.symbol_lengths
        ),
        f"vectors: cosines{size}": lambda: all_cosines(query, codes, scales),
        f"vectors: cosines by file{size}": lambda: cosines_by_file(query, codes, scales, *shape, 0.05),
        f"vectors: signs by file{size}": lambda: estimates_by_file(query, signs, scales, *shape, 0.1),
        f"vectors: sums{size}": lambda: cosine_sums(query, codes, scales, chosen.files, *shape[1:], 1e-4),
        f"evidence: lexical{size}": lambda: lexical_evidence(norm, weights, slices, chosen),
        f"evidence: best three{size}": lambda: best_three(lexical, chosen.offsets),
        f"evidence: names{size}": lambda: name_features(corpus.definitions, chosen, corpus.terms, weights, exact),
        f"evidence: best rows{size}": lambda: best_rows_of_files(evidence, eligible, chosen.offsets, 3),
    }
