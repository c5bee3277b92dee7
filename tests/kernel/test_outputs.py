"""The compiled functions make of a fixed corpus, bit for bit, what was recorded once: on every machine and variant."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

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


@pytest.mark.parametrize("group", GROUPS)
def test_output_is_what_was_recorded(group: str) -> None:
    recorded = json.loads(RECORDED.read_text())[group]
    assert digests(group) == recorded
    assert len(recorded) > 0


def test_corpus_reaches_all_groups_with_content() -> None:
    for group, made in GROUPS.items():
        sizes = [np.asarray(array).size for array in made(corpus_of(SMALL))]
        assert max(sizes) > 100, group
        assert min(sizes) > 0 or group in {"bm25f", "bodies"}, group


if __name__ == "__main__":  # python -m tests.kernel.test_outputs: record anew, after the results were meant to change
    RECORDED.write_text(json.dumps({group: digests(group) for group in GROUPS}, indent=1) + "\n")
    sys.stdout.write(f"written: {RECORDED}\n")
