from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from raycontext.discover.merkle import MerkleTree, TreeDiff, diff

# Few names, so that trees overlap, and files stand where the other tree has folders.
NAMES = st.one_of(
    st.sampled_from(["a", "b", "ab"]), st.text(min_size=1, max_size=2).filter(lambda name: "/" not in name)
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
DIGESTS = st.sampled_from([bytes([value]) * 16 for value in range(3)])
TREES = st.dictionaries(PATHS, DIGESTS, max_size=15)


def naive_diff(old: dict[str, bytes], new: dict[str, bytes]) -> TreeDiff:
    return TreeDiff(
        sorted(new.keys() - old.keys()),
        sorted(path for path in old.keys() & new.keys() if old[path] != new[path]),
        sorted(old.keys() - new.keys()),
    )


@given(TREES, TREES)
def test_diff_of_trees_is_the_diff_of_their_files(old: dict[str, bytes], new: dict[str, bytes]) -> None:
    assert diff(MerkleTree.from_digests(old), MerkleTree.from_digests(new)) == naive_diff(old, new)


@given(TREES, TREES, TREES)
def test_diff_after_an_edit_is_the_edit(base: dict[str, bytes], old: dict[str, bytes], new: dict[str, bytes]) -> None:
    old, new = base | old, base | new
    assert diff(MerkleTree.from_digests(old), MerkleTree.from_digests(new)) == naive_diff(old, new)


@given(TREES, TREES)
def test_root_digests_are_equal_exactly_for_equal_files(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    equal = MerkleTree.from_digests(one).root_digest == MerkleTree.from_digests(other).root_digest
    assert equal == (one == other)


@given(TREES, st.randoms())
def test_digests_do_not_depend_on_the_order_of_files(digests: dict[str, bytes], random: object) -> None:
    shuffled = list(digests.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert MerkleTree.from_digests(dict(shuffled)).root_digest == MerkleTree.from_digests(digests).root_digest


@given(TREES, TREES, st.data())
def test_updated_tree_equals_one_from_scratch(
    old: dict[str, bytes], new: dict[str, bytes], data: st.DataObject
) -> None:
    before = MerkleTree.from_digests(old)
    digest = before.root_digest
    removed = data.draw(st.sets(st.sampled_from([*old, "nowhere/x"])))
    after = {path: digest for path, digest in old.items() if path not in removed} | new
    updated = before.updated(new, removed)
    fresh = MerkleTree.from_digests(after)
    assert updated.root_digest == fresh.root_digest
    assert sorted(updated.files_below("")) == sorted(after)
    assert diff(before, updated) == naive_diff(old, after)
    assert before.root_digest == digest == MerkleTree.from_digests(old).root_digest
    assert sorted(before.files_below("")) == sorted(old)
