"""What we write is for its owner alone, whatever the umask is, unless the user says that a root is shared."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import raycontext
from raycontext.files.user_records import record
from raycontext.serve.daemon import __main__ as daemon
from raycontext.serve.daemon import files
from raycontext.sources.workplace import Origin, bring
from raycontext.store.storage.object_cache import ObjectCache

from ..conftest import write_tree


@pytest.fixture(params=[0o000, 0o022], ids=["umask 000", "umask 022"])
def _careless(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """What others may read, write or enter, of a folder that was made and all below it."""
    found = [folder, *folder.rglob("*")]
    assert len(found) > 1
    return [f"{path} {path.stat().st_mode & 0o777:o}" for path in found if path.stat().st_mode & 0o077]


@pytest.mark.usefixtures("_careless")
def test_index_is_for_its_owner_alone(tmp_path: Path, source: Path) -> None:
    root = tmp_path / "deep" / "root"
    with raycontext.connect(root=root, runtime="inline", workers=1) as context:
        context.index(source, collection="shop")
        (source / "more.py").write_text("def more():\n    return 1\n")
        context.index(source, collection="shop")
        assert context.search("total price", collection="shop")
    assert open_to_others(tmp_path / "deep") == []
    assert {path.stat().st_mode & 0o777 for path in root.rglob("*")} == {0o700, 0o600}


@pytest.mark.usefixtures("_careless")
def test_collection_that_others_could_enter_is_closed_by_the_next_run(root: Path, source: Path) -> None:
    with raycontext.connect(root=root, runtime="inline", workers=1) as context:
        context.index(source, collection="shop")
    (root / "shop").chmod(0o755)
    (source / "more.py").write_text("def more():\n    return 1\n")
    with raycontext.connect(root=root, runtime="inline", workers=1) as context:
        context.index(source, collection="shop")
    assert open_to_others(root) == []


def test_umask_decides_in_a_shared_root(root: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYCONTEXT_SHARED_ROOT", "true")
    before = os.umask(0o007)
    try:
        with raycontext.connect(root=root, runtime="inline", workers=1) as context:
            context.index(source, collection="shop")
        (root / "shop").chmod(0o2775)
        (source / "more.py").write_text("def more():\n    return 1\n")
        with raycontext.connect(root=root, runtime="inline", workers=1) as context:
            context.index(source, collection="shop")
    finally:
        os.umask(before)
    assert (root / "shop").stat().st_mode & 0o7777 == 0o2775
    below = {path.stat().st_mode & 0o777 for path in (root / "shop").rglob("*")}
    assert below == {0o770, 0o660}


@pytest.mark.usefixtures("_careless")
def test_caches_logs_and_records_are_for_their_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = ObjectCache(tmp_path / "a" / "cache", 1000)
    cache.add("key", [b"content"])
    write_tree(tmp_path / "packed", {"cart.py": "cart = 1\n"})
    tar = tmp_path / "packed.tar"
    assert os.system(f"tar -C {tmp_path / 'packed'} -cf {tar} cart.py") == 0
    bring(str(tmp_path / "a" / "sources" / "work"), "packed", Origin("archive", str(tar)))
    for folder in (tmp_path / "a", tmp_path / "a" / "cache", tmp_path / "a" / "sources", tmp_path / "a/sources/work"):
        assert folder.stat().st_mode & 0o777 == 0o700, folder
    assert open_to_others(tmp_path / "a" / "cache") == []

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert record("test", {"name": "value"})
    monkeypatch.setattr(daemon, "LOG_BYTES", 10)
    monkeypatch.setattr(logging, "basicConfig", lambda *, handlers, **_: logs.extend(handlers))
    logs: list[logging.Handler] = []
    daemon.write_log(str(tmp_path / "state" / "deep" / "daemon.log"))
    for number in range(3):
        logs[0].emit(logging.LogRecord("test", logging.INFO, "", 1, f"line {number}", None, None))
    logs[0].close()
    assert len(list((tmp_path / "state" / "deep").iterdir())) == 3  # the log was begun anew
    assert open_to_others(tmp_path / "state") == []

    monkeypatch.setattr(files.paths, "watches_path", lambda root: f"{root}/made/watches.json")
    files.write_watches(str(tmp_path / "watches"), {})
    assert open_to_others(tmp_path / "watches") == []
