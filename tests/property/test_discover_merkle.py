from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from raycontext.discover.merkle import MerkleTree

# Few names, so that trees overlap, and files stand where the other tree has folders.
NAMES = st.one_of(
    st.sampled_from(["a", "b", "ab"]), st.text(min_size=1, max_size=2).filter(lambda name: "/" not in name)
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
DIGESTS = st.sampled_from([bytes([value]) * 16 for value in range(3)])
TREES = st.dictionaries(PATHS, DIGESTS, max_size=15)


@given(TREES, TREES)
def test_root_digests_are_equal_exactly_for_equal_files(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    equal = MerkleTree.from_digests(one).root_digest == MerkleTree.from_digests(other).root_digest
    assert equal == (one == other)


@given(TREES, st.randoms())
def test_digests_do_not_depend_on_the_order_of_files(digests: dict[str, bytes], random: object) -> None:
    shuffled = list(digests.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert MerkleTree.from_digests(dict(shuffled)).root_digest == MerkleTree.from_digests(digests).root_digest
