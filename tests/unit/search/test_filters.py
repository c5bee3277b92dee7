"""Filters act before ranking: what they let through comes, however many other files match better."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import raycontext

from ...conftest import write_tree

NOISE_FILES = 300
WANTED_FILES = 12
QUERY = "dispatch the request to a handler"


@pytest.fixture(scope="module", params=[1, 3])
def context(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[raycontext.SyncContext]:
    """A tree in which hundreds of files match the query better than those of another language, folder or kind."""
    place = tmp_path_factory.mktemp("filters") / "tree"
    write_tree(
        place,
        {
            f"noise/dispatch_{number}.py": f"def dispatch_request_{number}(request, handler):\n"
            f"    # dispatch the request to a handler\n    return handler(request)\n"
            for number in range(NOISE_FILES)
        },
    )
    for number in range(WANTED_FILES):
        weak = f"a request among {number} other things: parcels, couriers, weights, sizes, stamps"
        go = f"package parcel\n\n// {weak}\nfunc Parcel{number}() int {{ return {number} }}\n"
        function = f"def stamp_{number}():\n    # {weak}\n    return 1\n"
        kind = f"class Size{number}:\n    # {weak}\n    size = 1\n"
        write_tree(
            place,
            {f"go/parcel_{number}.go": go, f"stamps/stamp_{number}.py": function, f"sizes/size_{number}.py": kind},
        )
    with raycontext.connect(root=place.parent / "root", runtime="inline") as context:
        context.index(place, num_shards=request.param)
        yield context


def test_better_matches_take_all_places_without_a_filter(context: raycontext.SyncContext) -> None:
    hits = context.search(QUERY, collection="tree", limit=WANTED_FILES)
    assert len(hits) == WANTED_FILES
    assert all(hit.path.startswith("noise/") for hit in hits)


@pytest.mark.parametrize(
    ("filters", "folder"),
    [
        ({"languages": ["go"]}, "go/"),
        ({"paths": ["go/"]}, "go/"),
        ({"paths": ["stamps/*.py"]}, "stamps/"),
        ({"paths": ["!noise/", "!go/", "!sizes/"]}, "stamps/"),
        ({"paths": ["**/stamp_*"], "languages": ["python"]}, "stamps/"),
        ({"kinds": ["class"]}, "sizes/"),
        ({"kinds": ["class"], "languages": ["python"], "paths": ["sizes/"]}, "sizes/"),
    ],
)
def test_filter_gives_as_many_hits_as_asked_for_where_they_exist(
    context: raycontext.SyncContext, filters: dict[str, Any], folder: str
) -> None:
    for limit in (1, 10, WANTED_FILES):
        hits = context.search(QUERY, collection="tree", limit=limit, **filters)
        assert len(hits) == limit
        assert all(hit.path.startswith(folder) for hit in hits)
    everything = context.search(QUERY, collection="tree", limit=1000, **filters)
    assert len({hit.path for hit in everything}) == WANTED_FILES
    assert all(hit.path.startswith(folder) for hit in everything)


def test_kind_of_each_hit_is_the_one_asked_for(context: raycontext.SyncContext) -> None:
    hits = context.search(QUERY, collection="tree", limit=1000, kinds=["class"])
    assert {hit.kind for hit in hits} == {"class"}


@pytest.mark.parametrize(
    "filters",
    [
        {"languages": ["cobol"]},
        {"paths": ["nowhere/"]},
        {"languages": ["go"], "paths": ["stamps/"]},
        {"kinds": ["enum"]},
        {"kinds": ["class"], "languages": ["go"]},
    ],
)
def test_filter_that_lets_nothing_through_gives_no_hits(
    context: raycontext.SyncContext, filters: dict[str, Any]
) -> None:
    assert context.search(QUERY, collection="tree", **filters) == []
