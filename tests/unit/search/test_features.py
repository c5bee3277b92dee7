"""What the names of a file say about a query, and which of its chunks may be hits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raycontext.search.query import FEATURES
from raycontext.search.query_terms import search_terms
from raycontext.search.rows.view import View
from raycontext.search.signals.evidence import RowsOfFiles
from raycontext.search.signals.features import (
    FOLDED_MATCH,
    PART_MATCH,
    best_rows_of_files,
    exact_names,
    feature_matrix,
    name_features,
)
from raycontext.search.signals.lexical import Bm25f

from .segments import write_segments

FILES = {
    "core/url_router.py": "class UrlRouter:\n    def dispatch(self):\n        return 1\n",
    "core/make.py": "def url_router():\n    return 1\n",
    "core/use.py": "def handle(request):\n    return UrlRouter(request)\n",
    "ledger/__init__.py": "LIMIT = 1\n",
    "bank/account.c": "int open_ledger(int account) {\n    return account;\n}\n",
    "bank/account.h": "int open_ledger(int account);\n",
}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return View(None, write_segments(tmp_path_factory.mktemp("features"), [FILES]))


def features_of(view: View, query: str) -> dict[str, dict[str, float]]:
    """Feature -> path -> value; `defined` is the best of the file's chunks."""
    terms = search_terms(query)
    statistics = view.statistics(view.slices(terms.terms), len(terms.terms))
    weights = terms.weighted(Bm25f().inverse_document_frequencies(statistics), statistics.document_frequencies)
    segment = view.parts[0].segment
    chosen = RowsOfFiles.of(np.arange(len(FILES)), segment.first_rows, segment.row_counts)
    columns, defined = name_features(segment, chosen, terms.terms, weights, exact_names(query))
    columns["defined"] = np.maximum.reduceat(defined, chosen.offsets[:-1])
    return {name: dict(zip(FILES, column.tolist(), strict=True)) for name, column in columns.items()}


def above_zero(column: Mapping[str, float]) -> dict[str, Any]:
    return {path: pytest.approx(value) for path, value in column.items() if value != 0.0}


@pytest.mark.parametrize("query", ["UrlRouter", "where is UrlRouter made", "core.UrlRouter", "core::UrlRouter of core"])
def test_definition_is_exact_where_the_query_writes_its_name(view: View, query: str) -> None:
    exact = features_of(view, query)["exact_definition"]
    assert above_zero(exact) == {"core/url_router.py": 1.0, "core/make.py": FOLDED_MATCH}


def test_case_and_underscores_make_a_definition_less_exact(view: View) -> None:
    assert above_zero(features_of(view, "url_router")["exact_definition"]) == {
        "core/url_router.py": FOLDED_MATCH,
        "core/make.py": 1.0,
    }
    assert above_zero(features_of(view, "URLROUTER")["exact_definition"]) == {
        "core/url_router.py": FOLDED_MATCH,
        "core/make.py": FOLDED_MATCH,
    }


def test_words_of_prose_are_no_names(view: View) -> None:
    assert above_zero(features_of(view, "the url router")["exact_definition"]) == {}


def test_declaration_counts_less_than_the_definition(view: View) -> None:
    exact = features_of(view, "open_ledger")["exact_definition"]
    assert exact["bank/account.c"] == 1.0
    assert 0.0 < exact["bank/account.h"] < 1.0


def test_stem_is_covered_by_the_share_of_its_words_in_the_query(view: View) -> None:
    cover = features_of(view, "the url router")["stem_cover"]
    assert cover["core/url_router.py"] == 1.0  # url, router, and both as one
    assert features_of(view, "which url")["stem_cover"]["core/url_router.py"] == pytest.approx(1 / 3)
    assert cover["core/make.py"] == 0.0
    assert features_of(view, "core of it")["stem_cover"]["core/url_router.py"] == 0.0


def test_stem_that_says_nothing_is_that_of_the_folder(view: View) -> None:
    assert above_zero(features_of(view, "the ledger")["stem_cover"]) == {"ledger/__init__.py": 1.0}
    assert above_zero(features_of(view, "init")["stem_cover"]) == {}


def test_definition_with_all_words_of_the_query_is_best(view: View) -> None:
    best = features_of(view, "url router")["best_definition"]
    assert above_zero(best) == {"core/url_router.py": 1.0, "core/make.py": 1.0}
    part = features_of(view, "router")["best_definition"]
    assert above_zero(part) == {"core/url_router.py": 1 / 3, "core/make.py": 1 / 3}
    more = features_of(view, "url router zebra")["best_definition"]
    assert 0.0 < more["core/make.py"] < 1.0
    assert above_zero(features_of(view, "zebra")["best_definition"]) == {}


def test_chunk_is_known_by_what_it_defines(view: View) -> None:
    assert above_zero(features_of(view, "UrlRouter")["defined"]) == {"core/url_router.py": 1.0, "core/make.py": 0.6}
    assert above_zero(features_of(view, "url router")["defined"]) == {
        "core/url_router.py": PART_MATCH,
        "core/make.py": PART_MATCH,
    }


def test_features_do_not_depend_on_which_files_are_asked(view: View) -> None:
    everything = features_of(view, "UrlRouter open_ledger")
    segment = view.parts[0].segment
    terms = search_terms("UrlRouter open_ledger")
    statistics = view.statistics(view.slices(terms.terms), len(terms.terms))
    weights = terms.weighted(Bm25f().inverse_document_frequencies(statistics), statistics.document_frequencies)
    some = np.array([1, 4])
    chosen = RowsOfFiles.of(some, segment.first_rows, segment.row_counts)
    columns, _ = name_features(segment, chosen, terms.terms, weights, exact_names("UrlRouter open_ledger"))
    for name, column in columns.items():
        assert column.tolist() == [list(everything[name].values())[file] for file in some]


def test_matrix_has_a_column_for_each_feature() -> None:
    columns = {name: np.array([float(number), -1.0]) for number, name in enumerate(FEATURES)}
    matrix = feature_matrix(dict(reversed(columns.items())))
    assert matrix.tolist() == [[float(number) for number in range(len(FEATURES))], [-1.0] * len(FEATURES)]


levels = st.sampled_from((0.0, 0.25, 0.5, 1.0, 4.0))
rows = st.tuples(levels, st.sampled_from((-0.5, 0.0, 0.25, 1.0)), st.sampled_from((0.0, 0.5, 1.0)), st.booleans())


@settings(deadline=None)
@given(files=st.lists(st.lists(rows, max_size=7), max_size=5), count=st.integers(1, 4))
def test_best_rows_of_each_file_are_kept(files: list[list[tuple[float, float, float, bool]]], count: int) -> None:
    flat = [row for file in files for row in file]
    offsets = np.cumsum([0, *map(len, files)])
    evidence = np.array([row[:3] for row in flat], np.float64).reshape(-1, 3).T.copy()
    places, counts = best_rows_of_files(evidence, np.array([row[3] for row in flat], np.bool_), offsets, count)
    expected: list[list[int]] = []
    for number in range(len(files)):
        eligible = [place for place in range(offsets[number], offsets[number + 1]) if flat[place][3]]
        most = max([1e-9, *(flat[place][0] for place in eligible)])
        worth = {place: flat[place][0] / most + max(flat[place][1], 0.0) + flat[place][2] for place in eligible}
        expected.append(sorted(sorted(eligible, key=lambda place: (-worth[place], place))[:count]))
    assert counts.tolist() == [len(kept) for kept in expected]
    assert places.tolist() == [place for kept in expected for place in kept]
