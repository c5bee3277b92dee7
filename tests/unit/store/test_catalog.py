"""Collections by their source, where several make them at once."""

from __future__ import annotations

import pytest

from raycontext.store.catalog import Catalog
from raycontext.store.collection import collection_names
from raycontext.store.storage.memory import MemoryStorage


class Overtaken(MemoryStorage):
    """Another one prepares a source right after a listing."""

    def __init__(self, source: str, listing: int) -> None:
        super().__init__()
        self._source, self._left = source, listing

    def list(self, folder: str) -> list[str]:
        names = super().list(folder)
        self._left -= 1
        if self._left == 0:
            Catalog(self).prepare(self._source, None)
        return names


@pytest.mark.parametrize("listing", [1, 2, 3])
def test_one_source_has_one_collection_whoever_makes_it_first(listing: int) -> None:
    storage = Overtaken("/src/shop", listing)
    assert Catalog(storage).prepare("/src/shop", None).name == "shop"
    assert collection_names(storage) == ["shop"]


@pytest.mark.parametrize("listing", [1, 2])
def test_name_that_another_source_has_taken_meanwhile_is_left_to_it(listing: int) -> None:
    storage = Overtaken("/other/shop", listing)
    made = Catalog(storage).prepare("/src/shop", None)
    sources = {Catalog(storage).of_source(source) for source in ("/src/shop", "/other/shop")}
    assert made in sources
    assert len(sources) == len(collection_names(storage)) == 2
