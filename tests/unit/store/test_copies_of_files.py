"""A file that cannot be linked is copied whole, whatever of the work the kernel takes over."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from raycontext.store.storage.local import LocalStorage

CONTENT = bytes(range(256)) * 12_000


def refuse(*_: object, **__: object) -> None:
    raise OSError(errno.EMLINK, "too many links")


@pytest.mark.parametrize("parts", [None, 0, 2])
def test_copy_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: int | None) -> None:
    """parts: calls after which the kernel copies no more, one KiB each; None: it copies all."""
    storage = LocalStorage(tmp_path / "root")
    storage.write("first/segments/a", {"x": CONTENT, "y": b""})
    monkeypatch.setattr(os, "link", refuse)
    if parts is not None:
        in_kernel, left = os.copy_file_range, parts

        def some(source: int, target: int, _: int) -> int:
            nonlocal left
            if not left:
                raise OSError(errno.EXDEV, "another file system")
            left -= 1
            return in_kernel(source, target, 1024)

        monkeypatch.setattr(os, "copy_file_range", some)
    storage.copy("first/segments/a", "second/segments/b", ["x", "y"])
    assert storage.read("second/segments/b/x") == CONTENT
    assert storage.read("second/segments/b/y") == b""
    assert not os.path.samefile(tmp_path / "root/first/segments/a/x", tmp_path / "root/second/segments/b/x")  # noqa: PTH121
