"""`raycontext verify` and `raycontext repair` as processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raycontext.store.checking.reports import DamageKind, RepairReport, VerificationReport

from ..conftest import CART, write_tree
from .conftest import Command

pytestmark = pytest.mark.process


@pytest.fixture
def indexed(command: Command, source: Path) -> Command:
    write_tree(source.parent / "other", {"cart.py": CART})
    for place in (source, source.parent / "other"):
        assert command("index", place, "--runtime", "inline").returncode == 0
    return command


def damage(root: Path) -> Path:
    """Flip a byte that only `--deep` finds."""
    (place,) = (root / "shop/segments").glob("*/vectors.arrow")
    data = bytearray(place.read_bytes())
    data[1000] ^= 1
    place.write_bytes(data)
    return place


def test_healthy_collections_are_verified(indexed: Command, source: Path) -> None:
    done = indexed("verify", "--deep")
    assert (done.returncode, done.stderr) == (0, "")
    first, compared, second, _ = done.stdout.splitlines()
    assert first.startswith("other: healthy, version 1: 1 manifests, 1 segments with 11 files (")
    assert compared == "  every file hashed; 1 indexed files compared with the source, 0 changed since"
    assert second.startswith("shop: healthy, version 1: ")
    assert "5 indexed files" in second
    shallow = indexed("verify", source / "shop")
    assert shallow.returncode == 0
    assert [line.split(":")[0] for line in shallow.stdout.splitlines()] == [
        "shop",
        "  sizes, rows and history compared; --deep hashes every file and compares with the source",
    ]


def test_damage_is_shown_with_an_exit_code_and_repaired(indexed: Command, source: Path) -> None:
    before = indexed("search", "charge a card", source)
    place = damage(indexed.root)
    searched = indexed("search", "charge a card", source)
    assert (searched.returncode, searched.stdout) == (5, "")
    assert "`raycontext repair shop`" in searched.stderr
    assert indexed("verify", "other", "--deep").returncode == 0
    done = indexed("verify", "--deep")
    assert (done.returncode, done.stderr) == (5, "")
    assert f"damaged: segments/{place.parent.name}/vectors.arrow: checksum does not match" in done.stdout
    repaired = indexed("repair", "--runtime", "inline")
    assert repaired.returncode == 0
    lines = repaired.stdout.splitlines()
    assert lines[0] == "other: healthy, version 1; nothing to do"
    assert lines[1].startswith("shop: repaired, version ")
    assert "  dropped 1 segments with 5 files" in lines
    assert lines[-1].startswith("  indexed again: 5 files added, 0 modified, 0 removed, ")
    assert indexed("verify", "--deep").returncode == 0
    assert indexed("search", "charge a card", source).stdout == before.stdout


def test_json_holds_the_reports(indexed: Command) -> None:
    place = damage(indexed.root)
    done = indexed("verify", "shop", "--deep", "--json")
    assert done.returncode == 5
    (report,) = (VerificationReport.model_validate(entry) for entry in json.loads(done.stdout))
    assert [(entry.object, entry.kind) for entry in report.damage] == [
        (f"segments/{place.parent.name}/vectors.arrow", DamageKind.DAMAGED)
    ]
    (repaired,) = json.loads(indexed("repair", "shop", "--runtime", "inline", "--json").stdout)
    assert RepairReport.model_validate(repaired).dropped_files == 5


def test_nothing_and_unknown_collections(command: Command) -> None:
    for name in ("verify", "repair"):
        options = ("--runtime", "inline") if name == "repair" else ()
        done = command(name, *options)
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == "nothing is indexed yet: raycontext index PATH\n"
        assert command(name, "nowhere", *options).returncode == 4
