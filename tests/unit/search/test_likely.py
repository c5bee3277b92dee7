"""Texts that come with the candidates: the same answers with any number of shards, and fewer calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import raycontext
from raycontext.runtime.inline import InlineRuntime, _InlineActor
from raycontext.sdk.connection import settings_of
from raycontext.sdk.context import Context
from raycontext.search.ranking import likely
from raycontext.search.ranking.likely import likely_hits

from ...conftest import settle, write_tree

SHARDS = (1, 2, 5)
QUERIES = ("charge a card at the bank", "charge_card", "balance of a ledger", "sum of the entries", "nothing like it")

PARTS = '''
def charge_card_{number}(card, amount):
    """Charge a card of bank {number} with an amount."""
    return card.bank.transfer(amount, {number})


class Ledger{number}:
    """The ledger of branch {number}."""

    def balance(self):
        return sum(entry.amount for entry in self.entries_{number})
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("likely")
    files = {
        f"d{number % 5}/bank_{number}.py": "\n\n".join(PARTS.format(number=number * 10 + part) for part in range(4))
        for number in range(30)
    }
    write_tree(folder / "source", files)
    settle(folder / "source")
    with raycontext.connect(root=folder / "root", runtime="inline") as context:
        for number in SHARDS:
            context.index(folder / "source", collection=f"in-{number}", num_shards=number)
    return folder


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each method of an actor was called."""
    seen: Counter[str] = Counter()
    send = _InlineActor.send

    async def counted(self: Any, method: str, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        seen[method] += 1
        return await send(self, method, arguments, named)

    monkeypatch.setattr(_InlineActor, "send", counted)
    return seen


async def found(place: Path, number: int, **asked: Any) -> list[list[Any]]:
    runtime = InlineRuntime(1)
    context = Context(str(place / "root"), runtime, settings_of(root=place / "root"))
    try:
        answers = [await context.search(q, collection=f"in-{number}", refresh=False, **asked) for q in QUERIES]
        assert all((hits.shards_answered, hits.shards_total) == (number, number) for hits in answers)
        return [[hit.model_dump(exclude={"collection"}) for hit in hits] for hits in answers]
    finally:
        await context._close()
        await runtime.close()


@pytest.mark.parametrize(
    "asked", [{}, {"limit": 1}, {"limit": 40, "diversity": 0.0}, {"explain": True, "limit": 3}], ids=str
)
@pytest.mark.parametrize("guess", ["all", "share", "one"])
async def test_hits_with_their_texts_and_further_places_do_not_depend_on_shards_and_guesses(
    place: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], guess: str
) -> None:
    if guess != "share":
        monkeypatch.setattr(likely, "likely_hits", lambda hits, shards: hits if guess == "all" else 1)
    whole, *others = [await found(place, number, **asked) for number in SHARDS]
    assert any(hit["more"] for hits in whole for hit in hits)
    for other in others:
        assert other == whole


async def test_few_hits_need_a_third_round(place: Path, calls: Counter[str]) -> None:
    await found(place, 5, limit=10)
    assert calls["statistics"] == calls["candidates"] == 5 * len(QUERIES)
    assert calls["describe"] <= len(QUERIES)


def test_share_of_a_shard() -> None:
    assert [likely_hits(10, shards) for shards in (1, 2, 4, 100)] == [10, 7, 5, 3]
    assert likely_hits(1, 4) == 1
