"""Files of the daemon: a token that ends with it, and notes of folders that were never made."""

from __future__ import annotations

from pathlib import Path

import pytest

from raycontext.daemon_client import paths
from raycontext.serve.daemon import files


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(paths, "runtime_folder", lambda: str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "")
    return str(tmp_path / "root")


def test_token_ends_with_its_daemon_and_that_of_a_later_one_stays(root: str) -> None:
    files.write_token(root)
    ours = files.read_token(root)
    files.write_token(root)
    later = files.read_token(root)
    files.remove_token(root, ours)
    assert files.read_token(root) == later
    files.remove_token(root, later)
    assert list(Path(paths.runtime_folder()).iterdir()) == []
    files.remove_token(root, later)


@pytest.mark.parametrize("last", [False, True])
def test_folders_of_a_daemon_that_was_killed_between_its_note_and_the_folder(
    root: str, tmp_path: Path, last: bool
) -> None:
    """One noted folder is not there, one is, and one that is no folder of ours stays."""
    made = tmp_path / "raycontext-made"
    (made / "session").mkdir(parents=True)
    other = tmp_path / "other"
    other.mkdir()
    note = Path(paths.folders_path(root))
    note.write_text(f"{tmp_path / 'raycontext-never-made'}\n{made}\n{other}\n")
    files.remove_left_folders(root, last=last)
    assert not made.exists()
    assert other.is_dir()
    assert note.exists() is not last
    files.remove_left_folders(root, last=last)
