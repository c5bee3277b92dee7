"""Which actor owns a shard: own ones within the budget of the nodes, shared ones beyond it, one owner for each."""

from __future__ import annotations

from collections import Counter

from raycontext.actors.hybrid_search import search_actor_name
from raycontext.actors.ownership import SHARED_PER_NODE, SMALL_BYTES, Key, Ownership


def chosen(ownership: Ownership, count: int, nodes: int = 1, size: int = 0, replicas: int = 1) -> dict[Key, int | None]:
    """Owners of shards of so many collections; those with an actor of their own start it at once."""
    own: set[str] = set()
    found: dict[Key, int | None] = {}
    for number in range(count):
        for replica in range(replicas):
            key = Key(f"c{number}", 0, replica)
            name = search_actor_name(*key)
            found[key] = ownership.choose(key, name, size, own, nodes)
            if found[key] is None:
                own.add(name)
    return found


def test_shards_have_actors_of_their_own_within_the_budget_and_share_a_few_beyond_it() -> None:
    found = list(chosen(Ownership(8), 1000).values())
    assert found[:8] == [None] * 8
    assert Counter(found[8:]) == dict.fromkeys(range(SHARED_PER_NODE), 992 // SHARED_PER_NODE)
    assert list(chosen(Ownership(8), 24, nodes=3).values()) == [None] * 24


def test_actors_that_are_being_started_count_and_those_that_ended_do_not() -> None:
    ownership = Ownership(2)
    assert ownership.choose(Key("a", 0, 0), "rc/a/0", 0, [], 1) is None
    assert ownership.choose(Key("b", 0, 0), "rc/b/0", 0, [], 1) is None
    assert ownership.choose(Key("c", 0, 0), "rc/c/0", 0, [], 1) == 0
    ownership.choose(Key("a", 0, 0), "rc/a/0", 0, ["rc/a/0", "rc/b/0"], 1)
    assert ownership.choose(Key("d", 0, 0), "rc/d/0", 0, ["rc/a/0"], 1) is None  # b has ended
    ownership.note_failed("rc/d/0")
    assert ownership.choose(Key("e", 0, 0), "rc/e/0", 0, ["rc/a/0"], 1) is None


def test_an_owner_stays_and_comes_back_under_its_name() -> None:
    ownership = Ownership(1)
    first = chosen(ownership, 5)
    own = ["rc/c0/0"]
    again = {key: ownership.choose(key, search_actor_name(*key), 0, own, 4) for key in first}
    assert again == first


def test_large_shards_never_share() -> None:
    assert set(chosen(Ownership(1), 5, size=SMALL_BYTES + 1).values()) == {None}


def test_replicas_share_different_actors() -> None:
    found = chosen(Ownership(1), 20, nodes=2, replicas=2)
    shared = [(found[Key(f"c{n}", 0, 0)], found[Key(f"c{n}", 0, 1)]) for n in range(1, 20)]
    assert all(first != second for first, second in shared)
    assert all(number is not None and number < 2 * SHARED_PER_NODE for pair in shared for number in pair)


def test_a_shard_that_its_actor_died_of_gets_one_of_its_own_for_good() -> None:
    ownership = Ownership(1)
    found = chosen(ownership, 4)
    key = Key("c3", 0, 0)
    assert found[key] is not None
    ownership.part(key)
    assert ownership.choose(key, "rc/c3/0", 0, ["rc/c0/0"], 1) is None
    ownership.forget("c3")
    assert ownership.choose(key, "rc/c3/0", 0, ["rc/c0/0"], 1) is not None


def test_what_shared_actors_tell_is_known_to_a_new_coordinator() -> None:
    ownership = Ownership(8)
    ownership.note_shared(1, [Key("a", 0, 0), Key("b", 2, 0)])
    assert ownership.choose(Key("b", 2, 0), "rc/b/2", 0, [], 1) == 1
    assert ownership.of_collection("b") == {Key("b", 2, 0): 1}


def test_a_search_in_many_collections_leaves_the_budget_to_others() -> None:
    ownership = Ownership(8)
    assert ownership.choose(Key("a", 0, 0), "rc/a/0", 0, ["rc/a/0"], 1, shares=True) is None  # its own runs
    assert ownership.choose(Key("b", 0, 0), "rc/b/0", 0, ["rc/a/0"], 1, shares=True) == 0
    assert ownership.choose(Key("c", 0, 0), "rc/c/0", SMALL_BYTES + 1, [], 1, shares=True) is None
