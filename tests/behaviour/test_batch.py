"""Many sources as one job: what fails stops nothing else, what is done is not done again."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

import raycontext
from raycontext import BatchEntry, BatchList, EntryOutcome
from raycontext.batch import run as batch_run
from raycontext.sdk.connection import Connection

from ..conftest import CART, LEDGER, PAYMENT, write_tree
from ..repositories import commit


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    place = tmp_path / "shop"
    commit(place, {"shop/cart.py": CART, "shop/payment.py": PAYMENT})
    return place


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    write_tree(tmp_path / "ledger", {"core/ledger.go": LEDGER})
    return tmp_path / "ledger"


def states(report: raycontext.BatchReport) -> dict[str, str]:
    return {outcome.collection: outcome.state for outcome in report.outcomes}


async def test_batch_indexes_what_it_can_and_reports_the_rest(
    connection: Connection, shop: Path, ledger: Path, tmp_path: Path
) -> None:
    archive = shutil.make_archive(str(tmp_path / "books"), "gztar", ledger)
    batch = BatchList(
        sources=(
            BatchEntry(git=(tmp_path / "broken").as_uri()),
            BatchEntry(git=shop.as_uri(), ref="main", subfolder="shop"),
            BatchEntry(folder=str(ledger), shards=2, priority=9),
            BatchEntry(folder=str(tmp_path / "vanished")),
            BatchEntry(archive=archive),
        )
    )
    told: list[EntryOutcome] = []
    async with connection as context:
        report = await context.batch(batch, on_outcome=told.append)
        expected = {
            "ledger": "indexed",
            "broken": "failed",
            "shop": "indexed",
            "vanished": "failed",
            "books": "indexed",
        }
        assert states(report) == expected
        assert next(iter(states(report))) == "ledger"
        assert (report.succeeded, report.run, report.interrupted) == ("some", 1, False)
        assert {outcome.collection: outcome for outcome in told} == {o.collection: o for o in report.outcomes}
        by_name = {outcome.collection: outcome for outcome in report.outcomes}
        assert by_name["broken"].error_type == "SourceUnavailable"
        assert by_name["vanished"].error_type == "RootNotFound"
        assert by_name["shop"].revision
        assert (await context.status("ledger")).num_shards == 2
        hits = await context.search("where is a credit card charged?", collection="shop", limit=1)
        assert hits[0].path == "payment.py"
        hits = await context.search("AppendBooking", collection="books", limit=1)
        assert hits[0].path == "core/ledger.go"

        commit(shop, {"shop/refund.py": "def refund_everything():\n    return 1\n"})
        again = await context.batch(batch)
        assert states(again) == {**expected, "ledger": "unchanged", "books": "unchanged"}
        assert again.run == 2
        assert by_name["shop"].revision != {o.collection: o for o in again.outcomes}["shop"].revision
        assert (await context.search("refund_everything", collection="shop", limit=1))[0].path == "refund.py"
    assert raycontext.BatchReport.model_validate_json(report.model_dump_json()) == report


async def test_batch_indexes_only_what_an_entry_includes(root: Path, shop: Path) -> None:
    first = BatchList(sources=(BatchEntry(folder=str(shop), exclude=("payment.py",)),))
    second = BatchList(sources=(BatchEntry(folder=str(shop), include=("payment.py",), exclude=()),))
    async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        await context.batch(first)
        assert {hit.path for hit in await context.search("card", collection="shop")} == {"shop/cart.py"}
        await context.batch(second)
        assert {hit.path for hit in await context.search("card", collection="shop")} == {"shop/payment.py"}


async def test_folder_that_vanishes_between_runs_keeps_its_index(root: Path, ledger: Path) -> None:
    batch = BatchList(sources=(BatchEntry(folder=str(ledger)),))
    async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        await context.batch(batch)
        shutil.rmtree(ledger)
        report = await context.batch(batch)
        assert (report.succeeded, states(report)) == ("none", {"ledger": "failed"})
        assert await context.search("AppendBooking", collection="ledger")


async def test_stopped_batch_reports_and_goes_on_where_it_was(root: Path, tmp_path: Path) -> None:
    for number in range(6):
        write_tree(tmp_path / f"part{number}", {"a.py": f"def handler_{number}():\n    return {number}\n"})
    sources = tuple(BatchEntry(folder=str(tmp_path / f"part{number}"), priority=number) for number in range(6))
    batch, stop, told = BatchList(sources=sources, concurrency=1), asyncio.Event(), []

    def tell(outcome: EntryOutcome) -> None:
        told.append(outcome.collection)
        if len(told) == 2:
            stop.set()

    async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        report = await context.batch(batch, on_outcome=tell, stop=stop)
        assert report.interrupted
        assert report.succeeded == "some"
        finished = [outcome.collection for outcome in report.outcomes if outcome.succeeded]
        assert finished[:2] == ["part5", "part4"]
        assert set(states(report).values()) == {"indexed", "interrupted"}
    async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        resumed = await context.batch(batch)
        assert (resumed.run, resumed.succeeded, resumed.interrupted) == (report.run, "all", False)
        assert [outcome.collection for outcome in resumed.outcomes if outcome.earlier] == finished
        assert (await context.batch(batch)).run == report.run + 1


async def test_two_batches_at_once_share_the_work(root: Path, tmp_path: Path) -> None:
    for number in range(8):
        write_tree(tmp_path / f"part{number}", {"a.py": f"def handler_{number}():\n    return {number}\n"})
    batch = BatchList(sources=tuple(BatchEntry(folder=str(tmp_path / f"part{number}")) for number in range(8)))

    async with (
        raycontext.connect(root=root, runtime="inline", workers=2) as first,
        raycontext.connect(root=root, runtime="inline", workers=2) as second,
    ):
        reports = await asyncio.gather(first.batch(batch), second.batch(batch))
    assert [(report.run, report.succeeded) for report in reports] == [(1, "all"), (1, "all")]
    alone = [{o.collection for o in report.outcomes if not o.earlier} for report in reports]
    assert alone[0] | alone[1] == {f"part{number}" for number in range(8)}
    async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        assert {summary.files for summary in await context.collections()} == {1}
        assert not any(report.damage for report in await context.verify(deep=True))


async def test_damaged_record_counts_as_absent(root: Path, ledger: Path) -> None:
    batch = BatchList(sources=(BatchEntry(folder=str(ledger)), BatchEntry(folder=str(ledger.parent / "gone"))))
    async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        await context.batch(batch)
        (report,) = (root / ".batch").glob("*/00000001/REPORT")
        report.write_bytes(report.read_bytes()[:-3])
        (done,) = (root / ".batch").glob("*/00000001/done/ledger")
        done.write_bytes(b"{}")
        again = await context.batch(batch)
        assert (again.run, states(again)) == (1, {"ledger": "unchanged", "gone": "failed"})


async def test_old_runs_are_removed(root: Path, ledger: Path) -> None:
    batch = BatchList(sources=(BatchEntry(folder=str(ledger)),))
    async with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        for _ in range(13):
            await context.batch(batch)
    kept = sorted(path.name for path in (root / ".batch" / batch.identity(str(root))).iterdir())
    assert kept == [f"{number:08d}" for number in range(4, 14)]


def test_blocking_form_and_errors_of_the_list(root: Path, ledger: Path) -> None:
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        assert context.batch(BatchList(sources=(BatchEntry(folder=str(ledger)),))).succeeded == "all"


def test_cluster_needs_a_working_folder_where_the_root_is_a_url() -> None:
    batch = BatchList(sources=(BatchEntry(git="https://example.org/x"),))
    with pytest.raises(raycontext.InvalidInput, match="--work"):
        batch_run.work_folder(batch, "s3://bucket/prefix", joined=True)
    assert batch_run.work_folder(batch.model_copy(update={"work": "/w"}), "s3://bucket/prefix", joined=True) == "/w"
    assert batch_run.work_folder(batch, "s3://bucket/prefix", joined=False)
    assert batch_run.work_folder(batch, "/root", joined=True) == "/root/.sources"
