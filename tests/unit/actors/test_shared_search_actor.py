"""An actor that owns several shards: one that is slow or deadly delays the others by one query or one restart."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from raycontext.actors import crash_note
from raycontext.actors.hybrid_search import HybridSearchActor, Shard
from raycontext.errors import RuntimeUnavailable
from raycontext.runtime.mailbox import with_mailbox
from raycontext.store.collection import Location


@pytest.fixture
def shards(tmp_path: Path) -> list[Shard]:
    return [Shard(Location(str(tmp_path), name), 0) for name in ("slow", "quick", "other")]


async def test_shards_take_turns_however_many_calls_one_of_them_has(
    shards: list[Shard], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    may_end = threading.Event()

    def refresh(self: HybridSearchActor, shard: Shard, version: int | None = None) -> int:
        may_end.wait()
        done.append(shard.location.collection)
        return 0

    monkeypatch.setattr(HybridSearchActor, "refresh", refresh)
    actor = with_mailbox(HybridSearchActor, "rc-shards/0")("rc-shards/0", *shards)
    calls = [asyncio.create_task(actor.refresh(shards[0])) for _ in range(20)]
    await asyncio.sleep(0)
    calls += [asyncio.create_task(actor.refresh(shard)) for shard in shards[1:]]
    await asyncio.sleep(0)
    may_end.set()
    await asyncio.gather(*calls)
    assert done[:3] in (["slow", "quick", "other"], ["slow", "slow", "quick"])
    assert set(done[:4]) == {"slow", "quick", "other"}
    assert len(done) == 22


def test_a_shard_that_the_process_died_of_is_not_owned_again_and_all_others_are(
    shards: list[Shard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_note, "scratch_folder", lambda: str(tmp_path))
    before = HybridSearchActor("rc-shards/0", note="note")
    assert all(before.own(shard) for shard in shards)
    with pytest.raises(SystemExit), before._search(shards[1]):
        (tmp_path / "kept").write_bytes((tmp_path / "note").read_bytes())  # as a crash leaves it
        raise SystemExit
    assert (tmp_path / "note").stat().st_mode & 0o777 == 0o600
    assert [HybridSearchActor("rc-shards/0", note="note").own(shard) for shard in shards] == [True] * 3
    (tmp_path / "note").write_bytes((tmp_path / "kept").read_bytes())
    after = HybridSearchActor("rc-shards/0", note="note")
    with pytest.raises(RuntimeUnavailable, match="does not own"):
        after.refresh(shards[0])
    assert [after.own(shard) for shard in shards] == [True, False, True]
    after.disown("other")
    assert after.owned() == [shards[0]]


def test_a_note_that_others_have_placed_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crash_note, "scratch_folder", lambda: str(tmp_path))
    (tmp_path / "mine").write_text("kept")
    (tmp_path / "note").symlink_to(tmp_path / "mine")
    crash_note.CrashNote("note").write("secret")
    assert (tmp_path / "mine").read_text() == "kept"
