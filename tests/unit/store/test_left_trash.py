"""What interrupted removals have left goes by times of the storage, whatever clocks of machines have shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from raycontext.store.storage import local
from raycontext.store.storage.local import LocalStorage

LONG_AGO, LATER = "01000000000000000000000000", "7zzzzzzzzzzzzzzzzzzzzzzzzz"
"""Names that clocks have made which were decades behind, and ahead."""


@pytest.mark.parametrize("is_old", [False, True])
def test_age_of_trash_is_that_of_the_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_old: bool) -> None:
    if is_old:
        monkeypatch.setattr(local, "ABANDONED_SECONDS", -60.0)
    left = [tmp_path / f".trash-{name}" for name in (LONG_AGO, LATER)]
    for folder in (*left, tmp_path / ".trash-of-others"):
        folder.mkdir()
    storage = LocalStorage(tmp_path)
    storage.write("a/segments/b", {"data": b"1"})
    assert storage.remove("a/segments/b")
    assert [folder.exists() for folder in left] == [not is_old] * 2
    assert (tmp_path / ".trash-of-others").exists()
