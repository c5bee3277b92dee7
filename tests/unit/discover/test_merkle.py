from __future__ import annotations

import pytest

from raycontext.discover.merkle import MerkleTree

ONE, TWO = b"1" * 16, b"2" * 16


def tree(**digests: bytes) -> MerkleTree:
    return MerkleTree.from_digests({path.replace("__", "/"): digest for path, digest in digests.items()})


def test_equal_files_give_equal_digests_in_any_order() -> None:
    assert tree(a=ONE, b__c=TWO).root_digest == tree(b__c=TWO, a=ONE).root_digest
    assert len(tree().root_digest) == 16


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"a": ONE},
        {"a": ONE, "b__c": ONE},
        {"a": ONE, "b__d": TWO},
        {"a": ONE, "x__c": TWO},
        {"a": TWO, "b__c": ONE},
        {"a": ONE, "b__c__c": TWO},
        {"a": ONE, "bc": TWO},
    ],
)
def test_other_names_contents_or_places_give_another_digest(other: dict[str, bytes]) -> None:
    assert tree(**other).root_digest != tree(a=ONE, b__c=TWO).root_digest


def test_file_and_folder_of_the_same_digest_differ() -> None:
    inner = tree(a__b=ONE)
    assert tree(a=inner.digest("a")).root_digest != inner.root_digest


def test_names_and_digests_cannot_be_shifted_into_each_other() -> None:
    assert tree(ab=b"c").root_digest != tree(a=b"bc").root_digest
    two_files_in_one_name = "a\x10\0\0\0" + "1" * 16 + "fb"
    assert tree(a=ONE, b=TWO).root_digest != MerkleTree.from_digests({two_files_in_one_name: TWO}).root_digest
    assert tree(a=b"", b=b"").root_digest != tree(a=b"\x01\0\0\0b").root_digest


def test_digest_of_a_folder_depends_only_on_what_is_below() -> None:
    first, second = tree(a__x__f=ONE, b=ONE), tree(a__x__f=ONE, b=TWO)
    assert first.digest("a/x") == second.digest("a/x")
    assert first.digest("") == first.root_digest != second.root_digest
    with pytest.raises(KeyError):
        first.digest("a/y")


def test_tree_deeper_than_the_recursion_limit() -> None:
    deep = "/".join(["d"] * 3000)
    assert MerkleTree.from_digests({deep: ONE}).root_digest != MerkleTree.from_digests({deep: TWO}).root_digest
