"""On Ray: shards beyond the budget share actors, which come back after a kill with all that they own."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import raycontext
from raycontext.actors.search_owners import shard_number
from raycontext.sdk.connection import Connection, settings_of

from ...conftest import write_tree

NAMES = [f"c{number}" for number in range(5)]


@pytest.mark.ray
@pytest.mark.usefixtures("local_ray")
async def test_shards_beyond_the_budget_share_actors_that_outlive_a_kill(tmp_path: Path) -> None:
    for name in NAMES:
        write_tree(tmp_path / name, {f"{name}.py": f"def convert_{name}(text):\n    return text\n"})
    async with Connection(settings_of(root=tmp_path / "root", runtime="ray", search_actors=2)) as context:
        for name in NAMES:
            await context.index(tmp_path / name, collection=name)
        before = await context.search("convert text", collections=["*"], refresh=False)
        assert (before.shards_answered, before.shards_total) == (5, 5)
        actors = {name: (await context.status(name)).actors for name in NAMES}
        owners = {
            name: [a for a in actors[name] if a.name.count("/") > 1 or a.name.startswith("rc-shards")] for name in NAMES
        }
        assert all(len(found) == 1 for found in owners.values())
        shared = {found[0].pid for found in owners.values() if found[0].name.startswith("rc-shards/")}
        assert len(shared) == 2
        assert sum(found[0].name.startswith("rc-shards/") for found in owners.values()) == 3
        for pid in shared:
            os.kill(pid, signal.SIGKILL)
        after = await context.search("convert text", collections=["*"], refresh=False)
        assert (after.shards_answered, after.shards_total, list(after)) == (5, 5, list(before))
        report = await context.index(tmp_path / NAMES[-1], collection=NAMES[-1])
        assert not report.changed
        for name in NAMES:
            await context.clear(name)
        with pytest.raises(raycontext.UnknownCollection):
            await context.search("convert text", collections=["*"], refresh=False)


def test_names_of_actors_tell_the_shard() -> None:
    assert [shard_number(name, "shop") for name in ("rc/shop/0", "rc/shop/12/1", "rc/shop", "rc/shops/0", "rc")] == [
        0,
        12,
        None,
        None,
        None,
    ]
