"""The inverted index of references equals one made of dictionaries, also for more names than its first table holds."""

from __future__ import annotations

import numpy as np
import pytest

from raycontext.kernel.lexer import FIRST_SLOTS, gather, sorted_postings


@pytest.mark.parametrize("names", [1, 50, FIRST_SLOTS // 2 - 1, FIRST_SLOTS // 2, FIRST_SLOTS, 9 * FIRST_SLOTS])
def test_postings_are_those_of_dictionaries(names: int) -> None:
    generator = np.random.default_rng(names)
    vocabulary = generator.integers(1, 1 << 63, names, dtype=np.uint64)
    count, rows = 3 * names + 7, 40
    hashes = vocabulary[generator.integers(0, names, count)]
    hashes[:names] = vocabulary  # each name occurs
    starts = np.sort(generator.choice(10 * count, count, replace=False)).astype(np.int64)
    kinds = (1 << generator.integers(0, 6, count)).astype(np.uint8)
    bounds = np.linspace(0, 10 * count, rows + 1).astype(np.int64)
    expected: dict[int, dict[int, int]] = {}
    for start, name, kind in zip(starts.tolist(), hashes.tolist(), kinds.tolist(), strict=True):
        of_name = expected.setdefault(name, {})
        row = int(np.searchsorted(bounds, start, side="right")) - 1
        of_name[row] = of_name.get(row, 0) | kind
    terms, offsets, posting_rows, posting_kinds = sorted_postings(
        gather(starts, hashes, kinds, bounds[:-1].copy(), bounds[1:].copy())
    )
    assert terms.tolist() == sorted(expected)
    pairs = list(zip(posting_rows.tolist(), posting_kinds.tolist(), strict=True))
    found = [pairs[first:last] for first, last in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]
    assert found == [sorted(of_name.items()) for _, of_name in sorted(expected.items())]
