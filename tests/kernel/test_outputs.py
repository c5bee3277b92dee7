"""The compiled functions make of a fixed corpus, bit for bit, what was recorded once: on every machine and variant."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from raycontext.kernel import library

from .corpus import GROUPS, SMALL, corpus_of

RECORDED = Path(__file__).with_name("outputs.json")


def digests(group: str) -> list[str]:
    """Return a digest of each array that a group makes: of its type, its shape and its bytes, little-endian."""
    found = []
    for array in GROUPS[group](corpus_of(SMALL)):
        content = np.ascontiguousarray(array)
        name = content.dtype.newbyteorder("<").str
        digest = hashlib.sha256(f"{name}{content.shape}".encode())
        digest.update(content.astype(name, copy=False).tobytes())
        found.append(digest.hexdigest()[:16])
    return found


@pytest.fixture(scope="module", params=library.VARIANTS)
def variant(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each variant of the library that this processor runs, as if it were the only one: its own corpus, too."""
    if request.param not in library.usable():
        pytest.skip(f"this processor or platform has no variant {request.param}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "usable", lambda: (request.param,))
        library.kernels.cache_clear()
        corpus_of.cache_clear()
        yield request.param
    library.kernels.cache_clear()
    corpus_of.cache_clear()


@pytest.mark.parametrize("group", GROUPS)
def test_output_of_each_variant_is_what_was_recorded(group: str, variant: str) -> None:
    recorded = json.loads(RECORDED.read_text())[group]
    assert digests(group) == recorded
    assert len(recorded) > 0


def test_the_fastest_variant_is_taken() -> None:
    assert library.kernels() is library.load(library.usable()[0])
    assert library.usable()[-1] == "baseline"


def test_corpus_reaches_all_groups_with_content() -> None:
    for group, made in GROUPS.items():
        sizes = [np.asarray(array).size for array in made(corpus_of(SMALL))]
        assert max(sizes) > 100, group
        assert min(sizes) > 0 or group in {"bm25f", "bodies"}, group


if __name__ == "__main__":  # python -m tests.kernel.test_outputs: record anew, after the results were meant to change
    RECORDED.write_text(json.dumps({group: digests(group) for group in GROUPS}, indent=1) + "\n")
    sys.stdout.write(f"written: {RECORDED}\n")
