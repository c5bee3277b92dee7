"""Files by trigram equal those of a dictionary, and their lists say the same after they were written and read."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raycontext.kernel.trigrams import FilesByTrigram, collect, find, read_all, read_list, write_lists

FOLDED = {0x017F: "s", 0x212A: "k", **{ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}}
TEXTS = st.lists(st.text(st.sampled_from("abkKsS\u017f\u212a\u00e9\u4e2d \r\n"), max_size=40), max_size=8)


def expected(texts: list[str]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for number, text in enumerate(texts):
        lines = (line.translate(FOLDED).encode() for line in text.split("\n"))
        of_file = {int.from_bytes(line[at : at + 3]) for line in lines for at in range(len(line) - 2)}
        for trigram in of_file:
            found.setdefault(trigram, []).append(number)
    return dict(sorted(found.items()))


def collected(texts: list[str]) -> FilesByTrigram:
    data = [text.encode() for text in texts]
    ends = np.cumsum([len(one) for one in data], dtype=np.int64)
    starts = ends - np.array([len(one) for one in data], np.int64)
    return collect(np.frombuffer(b"".join(data), np.uint8), starts, ends)


@given(TEXTS)
def test_files_by_trigram_are_those_of_the_lines(texts: list[str]) -> None:
    found, wanted = collected(texts), expected(texts)
    lists = [found.files[first:last].tolist() for first, last in zip(found.offsets, found.offsets[1:], strict=False)]
    assert dict(zip(found.trigrams.tolist(), lists, strict=True)) == wanted


@given(st.integers(0, 1 << 32), st.integers(1, 300), st.integers(0, 200))
def test_lists_are_read_as_they_were_written(seed: int, files: int, count: int) -> None:
    random = np.random.default_rng(seed)
    trigrams = np.sort(random.choice(1 << 24, count, replace=False)).astype(np.uint32)
    lists = [np.sort(random.choice(files, random.integers(1, files + 1), replace=False)) for _ in range(count)]
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in lists])]).astype(np.int64)
    rows = np.concatenate([np.empty(0), *lists]).astype(np.uint32)
    written = write_lists(FilesByTrigram(trigrams, offsets, rows), files)
    for one, other in zip(read_all(written), (trigrams, offsets, rows), strict=True):
        assert np.array_equal(one, other)
    absent = np.setdiff1d(np.array([0, 1 << 23, (1 << 24) - 1], np.uint32), trigrams)
    places, counts = find(written, np.concatenate([trigrams, absent]))
    assert counts.tolist() == [*map(len, lists), *([0] * len(absent))]
    for place, size, one in zip(places.tolist(), counts.tolist(), lists, strict=False):
        assert read_list(written, place, size).tolist() == one.tolist()
