"""Code like a given chunk, on each runtime."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import raycontext
from raycontext.errors import InvalidInput, PathNotFound, UnknownCollection

from ..conftest import RUNTIMES, write_tree

RETRY = '''"""Requests to {name}."""


def fetch_{name}(session, address):
    """Ask again with a growing pause while {name} is overloaded."""
    for attempt in range(5):
        response = session.get(address)
        if response.status_code != 503:
            return response
        pause_exponentially(attempt)
    raise Overloaded("{name}")
'''
OTHER = '''"""Colours of a palette."""


def blend(first, second, share):
    """Mix two colours."""
    return tuple(round(a * share + b * (1 - share)) for a, b in zip(first, second))
'''


Tree = tuple[raycontext.SyncContext, Path, str]


@pytest.fixture(scope="module", params=RUNTIMES)
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    """A collection on each runtime for all tests, which only read it: what answers, what it is of, and its name."""
    if request.param == "ray":
        request.getfixturevalue("local_ray")
    place = tmp_path_factory.mktemp("related")
    files = {f"clients/{name}.py": RETRY.format(name=name) for name in ("weather", "maps", "news")}
    write_tree(
        place / "tree",
        {
            **files,
            "palette.py": OTHER,
            "empty.py": "",
            "notes.go": "package notes\n\ntype Note struct{ Text string }\n",
        },
    )
    with raycontext.connect(root=place / "root", runtime=request.param, workers=2) as context:
        yield context, place / "tree", context.index(place / "tree").collection


def test_similar_code_comes_first_and_the_chunk_itself_is_left_out(tree: Tree) -> None:
    context, place, _ = tree
    hits = context.related(place / "clients/weather.py", 7)
    assert {hit.path for hit in hits[:2]} == {"clients/maps.py", "clients/news.py"}
    assert ("clients/weather.py", 1) not in {(hit.path, hit.start_line) for hit in hits}
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert 1.0 >= scores[0] > 0.6
    assert scores[-1] > 0.0


def test_place_may_be_a_hit_of_a_search(tree: Tree) -> None:
    context, _, name = tree
    (hit,) = context.search("ask weather again", collection=name, limit=1)
    hits = context.related(hit.path, hit.start_line, collection=name, limit=2)
    assert {found.path for found in hits} == {"clients/maps.py", "clients/news.py"}
    beyond = context.related(hit.path, 10_000, collection=name, limit=2)
    assert beyond == hits


def test_related_code_can_be_restricted(tree: Tree) -> None:
    context, _, name = tree
    hits = context.related("clients/weather.py", 1, collection=name, paths=["!clients/news.py"])
    assert hits[0].path == "clients/maps.py"
    assert "clients/news.py" not in {hit.path for hit in hits}
    assert context.related("clients/weather.py", 1, collection=name, languages=["go"]) == []
    assert context.related("clients/weather.py", 1, collection=name, min_score=0.99) == []


def test_number_of_shards_changes_nothing(tree: Tree) -> None:
    context, *_ = tree
    source = Path(raycontext.__file__).parent / "search"
    found = []
    for shards in (1, 3):
        name = context.index(source, collection=f"shards-{shards}", num_shards=shards).collection
        hits = context.related("shard.py", 150, collection=name, limit=40)
        found.append([hit.model_dump(exclude={"collection"}) for hit in hits])
    assert found[0] == found[1]
    assert len(found[0]) > 20


def test_wrong_places_are_told(tree: Tree, tmp_path: Path) -> None:
    context, _, name = tree
    for place in ("clients/none.py", "empty.py", "../tree/palette.py", "clients"):
        with pytest.raises(InvalidInput, match="not in the index"):
            context.related(place, 1, collection=name)
    for line in (0, -1, True, 1.5):
        with pytest.raises(InvalidInput, match="line"):
            context.related("palette.py", line, collection=name)  # type: ignore[arg-type]
    with pytest.raises(PathNotFound):
        context.related(tmp_path / "elsewhere.py", 1)
    with pytest.raises(UnknownCollection):
        context.related("palette.py", 1, collection="nosuch")
