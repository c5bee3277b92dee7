"""Sums of what answers cost beside reading the files that they name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raycontext.serve import savings
from raycontext.serve.savings import Saved, Savings, files_named, read_sums


def answer(source: Path, *paths: str) -> dict[str, object]:
    """An answer as it goes over the wire, with content."""
    return {"hits": [{"source": str(source), "path": path, "text": "secret = 1"} for path in paths]}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    place = tmp_path / "shop"
    place.mkdir()
    (place / "cart.py").write_bytes(b"x" * 700)
    (place / "pay.py").write_bytes(b"x" * 350)
    return place


async def test_each_file_counts_once_an_answer(shop: Path, tmp_path: Path) -> None:
    counted = Savings(tmp_path / "sums.json")
    await counted.count(answer(shop, "cart.py", "cart.py", "pay.py"), 100)
    await counted.count(answer(shop, "cart.py"), 50)
    saved = counted.of(str(shop))
    assert saved is not None
    assert (saved.answers, saved.answer_bytes, saved.file_bytes) == (2, 150, 1750)


async def test_an_answer_without_files_of_this_machine_is_not_counted(shop: Path, tmp_path: Path) -> None:
    counted = Savings(tmp_path / "sums.json")
    (shop / "folder").mkdir()
    (shop / "link.py").symlink_to(shop / "cart.py")
    for paths in ((), ("gone.py",), ("folder",), ("link.py",), ("nul\0.py",)):
        await counted.count(answer(shop, *paths), 100)
    assert counted.of(str(shop)) is None


async def test_an_answer_about_several_folders_is_shared_out(shop: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.py").write_bytes(b"y" * 10)
    counted = Savings(tmp_path / "sums.json")
    both = {"hits": [*answer(shop, "cart.py", "pay.py")["hits"], *answer(other, "a.py")["hits"]]}  # type: ignore[misc]
    await counted.count(both, 300)
    told = [counted.of(str(place)) for place in (shop, other)]
    assert [(one.answer_bytes, one.file_bytes) for one in told if one] == [(200, 1050), (100, 10)]


def test_paths_are_relative_to_the_folder_around_them() -> None:
    nested = {"root": "/p", "results": [{"path": "a.py"}, {"path": "b.py", "source": "/q"}], "path": ""}
    assert set(files_named(nested)) == {("/p", "a.py"), ("/q", "b.py")}
    assert list(files_named({"path": "a.py"})) == []


async def test_sums_outlive_the_daemon_and_hold_no_content(shop: Path, tmp_path: Path) -> None:
    kept = tmp_path / "state" / "sums.json"
    counted = Savings(kept)
    await counted.count(answer(shop, "cart.py"), 100)
    await counted.write()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert set(json.loads(kept.read_text())) == {str(shop)}
    assert "cart" not in kept.read_text()
    assert "secret" not in kept.read_text()
    again = Savings(kept)
    assert again.of(str(shop)) == counted.of(str(shop))
    again.forget(str(shop))
    await again.write()
    assert json.loads(kept.read_text()) == {}
    assert [path.name for path in kept.parent.iterdir()] == ["sums.json"]


async def test_only_so_many_folders_are_kept(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(savings, "MAX_SOURCES", 2)
    counted = Savings(tmp_path / "sums.json")
    for name in ("one", "two", "one", "three"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "a.py").write_text("x")
        await counted.count(answer(tmp_path / name, "a.py"), 10)
    assert [counted.of(str(tmp_path / name)) is not None for name in ("one", "two", "three")] == [True, False, True]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"/p": 1}', '{"/p": {"since": "x"}}', '{"/p": {"since": "x", "answers": -1, "answer_bytes": 1}}'],
)
def test_a_damaged_file_begins_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "sums.json").write_text(text)
    assert read_sums(tmp_path / "sums.json") == {}
    assert Savings(tmp_path / "sums.json").of("/p") is None


async def test_what_is_switched_off_counts_nothing(shop: Path) -> None:
    off = Savings(None)
    await off.count(answer(shop, "cart.py"), 100)
    assert (off.of(str(shop)), off.counts) == (None, False)


async def test_a_place_that_cannot_be_written_stops_no_answer(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    counted = Savings(tmp_path / "file" / "sums.json")
    await counted.count(answer(shop, "cart.py"), 100)
    await counted.write()
    assert counted.of(str(shop)) == Saved(counted.of(str(shop)).since, 1, 100, 700)  # type: ignore[union-attr]
