"""A root on an object store, from indexing to answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import raycontext
from raycontext.errors import InvalidInput, StorageError, UnsafeStorage

from ..conftest import PAYMENT, settle, write_tree
from ..property.test_incremental_index import answers
from ..s3_server import careless_server, s3_server, use_endpoint


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server("index") as address:
        yield address


@pytest.fixture
def cloud(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A root of its own for each test."""
    use_endpoint(monkeypatch, server)
    monkeypatch.setenv("RAYCONTEXT_CACHE", str(tmp_path / "cache"))
    return f"s3://index/{tmp_path.name}/root"


def test_collection_on_an_object_store_is_as_in_a_folder(cloud: str, source: Path, root: Path) -> None:
    settle(source)
    with raycontext.connect(root=cloud, runtime="inline", workers=2) as context:
        first = context.index(source)
        assert (first.version, first.changed, first.files) == (1, True, 5)
        assert context.search("charge a card", collection="shop")[0].path == "shop/payment.py"
        write_tree(source, {"shop/discount.py": PAYMENT.replace("charge_card", "grant_discount")})
        (source / "README.md").unlink()
        second = context.index(source)
        assert (second.added, second.removed, second.files) == (1, 1, 5)
    with raycontext.connect(root=root, runtime="inline", workers=2) as local:
        local.index(source)
        expected = answers(local, "shop")
    with raycontext.connect(root=f"{cloud}/", runtime="inline", workers=2) as again:  # nothing in memory of the first
        assert not again.index(source).changed
        assert answers(again, "shop") == expected
        status = again.status("shop")
        assert (status.files, status.bytes_on_disk > 0) == (5, True)
        (report,) = again.verify(deep=True)
        assert not report.damage
        again.clear("shop")
        assert again.collections() == []


def test_another_machine_reads_what_one_indexed(
    cloud: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raycontext.connect(root=cloud, runtime="inline", workers=2) as context:
        context.index(source)
    assert not (tmp_path / "elsewhere").exists()
    program = "from raycontext.cli.main import main; main()"
    command = [sys.executable, "-c", program, "search", "UrlRouter", "--root", cloud, "--json-hits"]
    environment = {**os.environ, "RAYCONTEXT_CACHE": str(tmp_path / "elsewhere"), "RAYCONTEXT_RUNTIME": "inline"}
    arguments = [*command, "--collection", "shop"]
    done = subprocess.run(arguments, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["path"] == "web/router.js"
    assert list((tmp_path / "elsewhere").iterdir())
    assert not (tmp_path / "s3:").exists()


def test_cache_is_that_of_who_connected(
    cloud: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raycontext.connect(root=cloud, runtime="inline", workers=2) as context:
        monkeypatch.setenv("RAYCONTEXT_CACHE", str(tmp_path / "late"))
        context.index(source, collection="shop")
        assert context.search("charge a card", collection="shop")[0].path == "shop/payment.py"
        assert not context.verify("shop")[0].damage
    assert list((tmp_path / "cache").iterdir())
    assert not (tmp_path / "late").exists()


def test_root_of_the_environment_is_taken_as_it_is(cloud: str, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYCONTEXT_ROOT", cloud)
    with raycontext.connect(runtime="inline", workers=2) as context:
        context.index(source)
    with raycontext.connect(root=cloud, runtime="inline") as context:
        assert [summary.name for summary in context.collections()] == ["shop"]


def test_unsafe_storage_is_refused_before_anything_is_indexed(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with careless_server() as address:
        use_endpoint(monkeypatch, address)
        with (
            raycontext.connect(root="s3://careless/root", runtime="inline", workers=2) as context,
            pytest.raises(UnsafeStorage, match="conditional put"),
        ):
            context.index(source, collection="shop")


def test_bucket_that_is_missing_is_named(cloud: str, source: Path) -> None:
    with (
        raycontext.connect(root="s3://missing/root", runtime="inline", workers=2) as context,
        pytest.raises(StorageError, match="s3://missing/root"),
    ):
        context.index(source)


def test_roots_that_are_no_storage_are_refused() -> None:
    with pytest.raises(InvalidInput, match="names no storage"):
        raycontext.connect(root="ftp://host/root")
    with pytest.raises(InvalidInput, match="inline runtime"):
        raycontext.connect(root="memory://root", runtime="ray")


def test_root_in_memory_lasts_as_long_as_its_connection(source: Path) -> None:
    with raycontext.connect(root="memory://shop", runtime="inline", workers=2) as context:
        context.index(source)
        assert context.search("charge a card", collection="shop")[0].path == "shop/payment.py"
        with raycontext.connect(root="memory://shop", runtime="inline") as second:
            assert [summary.name for summary in second.collections()] == ["shop"]
        assert [summary.name for summary in context.collections()] == ["shop"]
    with raycontext.connect(root="memory://shop", runtime="inline") as context:
        assert context.collections() == []
