"""Query that is prepared for one version of a shard: one value that goes through the steps of a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raycontext.analyse.path_kinds import TEST, asked_for
from raycontext.search.query import SearchRequest, Statistics
from raycontext.search.query_terms import SearchTerms
from raycontext.search.rows.view import Part, View
from raycontext.search.signals.features import ExactNames, exact_names
from raycontext.search.signals.lexical import Bm25f, Normalisation, TermSlices, proposing
from raycontext.search.signals.quoted import NamedRows, Quoted, named_rows
from raycontext.search.signals.vector import QueryVector

__all__ = ["FoundTerms", "PartQuery", "PreparedQuery"]


@dataclass(frozen=True, slots=True)
class FoundTerms:
    """Terms of a query with their postings in one version of a shard."""

    view: View
    terms: SearchTerms
    slices: Sequence[TermSlices]
    """Postings of the terms, one entry for each part of the view."""

    @classmethod
    def find(cls, view: View, terms: SearchTerms) -> FoundTerms:
        """Look the terms up in all parts of a view, and return them with their postings."""
        return cls(view, terms, view.slices(terms.terms))

    def statistics(self) -> Statistics:
        """Return the shard's share of the statistics of the collection for these terms."""
        return self.view.statistics(self.slices, len(self.terms.terms))


@dataclass(frozen=True, slots=True)
class PreparedQuery:
    """Query with all values that its steps need and that are the same for all parts of a view."""

    request: SearchRequest
    found: FoundTerms
    statistics: Statistics
    """Statistics of the whole collection at the version of the view."""
    vector: QueryVector
    exact: ExactNames
    quoted: Quoted
    normalisation: Normalisation
    weights: NDArray[np.float64]
    """Weight of each term, [terms]."""
    proposing: NDArray[np.float64]
    """Weights [terms], with zero for terms that do not propose."""

    @classmethod
    def prepare(
        cls, request: SearchRequest, found: FoundTerms, statistics: Statistics, vector: QueryVector, parameters: Bm25f
    ) -> PreparedQuery:
        """Return the query with its terms weighted by the statistics of the collection."""
        inverse = parameters.inverse_document_frequencies(statistics)
        weights = found.terms.weighted(inverse, statistics.document_frequencies)
        return cls(
            request=request,
            found=found,
            statistics=statistics,
            vector=vector,
            exact=exact_names(request.text),
            quoted=Quoted.of(request.text),
            normalisation=parameters.normalisation(statistics),
            weights=weights,
            proposing=proposing(statistics, weights),
        )

    @property
    def view(self) -> View:
        """View of the version that is searched."""
        return self.found.view

    def parts(self) -> list[PartQuery]:
        """Return the query for each part of the view."""
        view = self.view
        eligible = view.eligible(self.request.filters, self.request.deadline)
        wanted = not asked_for(self.request.text) & TEST
        tests = view.test_rows() if wanted else [None] * len(view.parts)
        named = [named_rows(part.segment, self.quoted.places) for part in view.parts]
        each = zip(view.parts, self.found.slices, eligible, tests, named, strict=True)
        return [PartQuery(self, *part) for part in each]


@dataclass(frozen=True, slots=True)
class PartQuery:
    """Prepared query for one part of a view."""

    query: PreparedQuery
    part: Part
    slices: TermSlices
    """Postings of the terms of the query in this part."""
    eligible: NDArray[np.bool_]
    """Rows of the part that are alive and that the filters admit, [rows]."""
    test_rows: NDArray[np.bool_] | None = None
    """Rows that are test code by their names, [rows]. None: the query asks for tests, so they are like others."""
    named: NamedRows | None = None
    """Files and rows of the part that the query names. None: it names none of them."""
