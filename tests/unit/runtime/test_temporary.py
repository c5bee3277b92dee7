"""The folder of a local Ray has a path in which Ray can bind its sockets."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from raycontext.runtime.temporary import MAX_FOLDER_BYTES, folder_for_ray


@pytest.mark.parametrize("is_long", [False, True])
def test_a_long_folder_for_temporary_files_is_not_used(
    tmp_path: Path, is_long: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = "/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T" if is_long else "/var/tmp"
    assert (len(folder) > MAX_FOLDER_BYTES) == is_long
    monkeypatch.setattr(tempfile, "tempdir", folder)
    assert folder_for_ray() == ("/tmp" if is_long else folder)
