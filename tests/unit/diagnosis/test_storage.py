"""Faults of the storage and of collections."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import raycontext
from raycontext.diagnosis.finding import Finding
from raycontext.diagnosis.storage import check_collections, check_embedder, check_root
from raycontext.store.manifest import FORMAT, Manifest, decode_sealed, encode_sealed

from ...s3_server import careless_server, s3_server, use_endpoint


def only(findings: Iterable[Finding]) -> Finding:
    (finding,) = findings
    assert finding.what
    assert bool(finding.advice) == finding.is_problem
    return finding


@pytest.fixture
def indexed(root: Path, source: Path) -> Iterator[Path]:
    """The newest manifest of a collection."""
    with raycontext.connect(root=root, runtime="inline", workers=2) as context:
        context.index(source)
        (source / "more.py").write_text("def more():\n    return 1\n")
        context.index(source)
    yield max((root / "shop" / "manifests").iterdir())


def test_root_that_can_be_written_is_fine_and_stays_as_it_is(root: Path) -> None:
    assert only(check_root(str(root))).level == "ok"
    assert not root.exists()
    root.mkdir()
    (root / ".trash-of-others").mkdir()
    assert only(check_root(str(root))).level == "ok"
    assert [path.name for path in root.iterdir()] == [".trash-of-others"]


def test_root_that_cannot_be_written_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert only(check_root("/proc/raycontext")).level == "fault"
    finding = only(check_root(str(tmp_path / "file")))
    assert finding.level == "fault"
    assert "cannot be reached or written: Not a directory" in finding.what


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a file system")
def test_read_only_root_is_found(tmp_path: Path) -> None:
    place = tmp_path / "mounted"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", place], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine lets no one mount")
    try:
        finding = only(check_root(str(place)))
        assert finding.level == "fault"
        assert "Read-only file system" in finding.what
    finally:
        subprocess.run(["umount", place], check=True)


def test_file_system_without_hard_links_is_found(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    finding = only(check_root(str(root)))
    assert finding.level == "fault"
    assert "no hard links" in finding.what


def test_bucket_is_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server("index") as address:
        use_endpoint(monkeypatch, address)
        assert only(check_root("s3://index/root")).level == "ok"
        assert only(check_collections("s3://index/root")).level == "ok"
        finding = only(check_root("s3://no-such-bucket/root"))
        assert finding.level == "fault"
        assert "credentials" in finding.advice


def test_bucket_without_conditional_puts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with careless_server() as address:
        use_endpoint(monkeypatch, address)
        finding = only(check_root("s3://index/root"))
        assert finding.level == "fault"
        assert "conditional put" in finding.what


def test_missing_package_for_the_cloud_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    finding = only(check_root("s3://index/root"))
    assert finding.level == "fault"
    assert "raycontext[cloud]" in finding.advice


def test_missing_package_or_model_of_an_embedder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(check_embedder(None)) == []
    assert only(check_embedder("static")).level == "ok"
    finding = only(check_embedder(f"model2vec:{tmp_path}/none"))
    assert (finding.check, finding.level) == ("embedder", "fault")
    monkeypatch.setattr("raycontext.embed.models.local.find_spec", lambda _: None)
    finding = only(check_embedder(f"onnx:{tmp_path}/other"))
    assert finding.advice == "Install: pip install 'raycontext[onnx]'"


def test_healthy_collections_are_fine(root: Path, indexed: Path) -> None:
    assert only(check_collections(str(root / "elsewhere"))).level == "ok"
    finding = only(check_collections(str(root)))
    assert finding.level == "ok"
    assert finding.what.startswith("shop: version 2, 6 files, ")


def test_damaged_newest_manifest_is_found(root: Path, indexed: Path) -> None:
    indexed.write_bytes(indexed.read_bytes()[:-20])
    finding = only(check_collections(str(root)))
    assert (finding.level, finding.advice) == ("fault", "raycontext repair shop")
    assert "version 2 is damaged; version 1 is searched" in finding.what


def test_damaged_description_is_found(root: Path, indexed: Path) -> None:
    (root / "shop" / "COLLECTION.json").write_bytes(b"{}")
    finding = only(check_collections(str(root)))
    assert (finding.level, finding.advice) == ("fault", "raycontext repair shop")


def changed(path: Path, **fields: object) -> None:
    """Another manifest in place of one, its checksum right."""
    body = decode_sealed("manifest", path.name, path.read_bytes())
    path.write_bytes(encode_sealed("manifest", {**body, **fields}))


def test_newer_format_is_found(root: Path, indexed: Path) -> None:
    changed(indexed, format=FORMAT + 1)
    finding = only(check_collections(str(root)))
    assert finding.level == "fault"
    assert f"index format {FORMAT + 1}" in finding.what


def test_older_format_is_found(root: Path, indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raycontext.diagnosis.storage.FORMAT", FORMAT + 1)
    finding = only(check_collections(str(root)))
    assert finding.level == "warning"
    assert "older index format" in finding.what


@pytest.mark.parametrize("field", ["chunker", "embedder"])
def test_other_fingerprint_is_found(root: Path, indexed: Path, field: str) -> None:
    changed(indexed, **{field: "of another version"})
    finding = only(check_collections(str(root)))
    assert finding.level == "warning"
    assert "--collection shop" in finding.advice


def test_embedder_of_a_collection_that_is_gone_is_found(
    root: Path, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Manifest.decode(indexed.name, indexed.read_bytes()).options.model_dump()
    changed(indexed, options={**options, "embedder": "model2vec:/no/such/model"})
    finding = only(check_collections(str(root)))
    assert (finding.check, finding.level) == ("embedder", "fault")
    assert "RAYCONTEXT_EMBEDDERS" in finding.advice
    monkeypatch.setenv("RAYCONTEXT_EMBEDDERS", "/no/such")
    finding = only(check_collections(str(root)))
    assert (finding.check, finding.level) == ("embedder", "fault")
    assert finding.what.startswith("shop: /no/such/model")


def test_source_that_is_gone_and_empty_collections_are_noted(root: Path, indexed: Path, source: Path) -> None:
    source.rename(source.with_name("moved"))
    assert only(check_collections(str(root))).level == "note"
    for manifest in indexed.parent.iterdir():
        manifest.unlink()
    assert only(check_collections(str(root))).level == "note"
