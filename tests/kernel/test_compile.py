"""The kernels are compiled where a source is newer, with the compiler that is there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import compile_kernels


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the sources, without what was compiled from them."""
    folder = tmp_path / "kernel"
    shutil.copytree(compile_kernels.KERNEL, folder, ignore=shutil.ignore_patterns("*.so", "*.py", "__pycache__"))
    monkeypatch.setattr(compile_kernels, "KERNEL", folder)
    asked = compile_kernels.own_compiler
    asked.cache_clear()
    yield folder
    asked.cache_clear()


@pytest.mark.process
def test_kernels_are_compiled_where_a_source_is_newer(sources: Path) -> None:
    assert compile_kernels.is_stale()
    built = compile_kernels.compile_kernels(sources)
    assert {path.name for path in built} >= {"kernels-baseline.so", "declarations.py"}
    assert not compile_kernels.is_stale()
    assert not list(sources.glob(".*")), "unfinished files are left"
    later = max(path.stat().st_mtime for path in built) + 10
    os.utime(sources / "text.c", (later, later))
    assert compile_kernels.is_stale()


def test_named_compiler_is_taken_and_one_that_does_not_work_is_none(
    sources: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gcc = shutil.which("gcc") or pytest.skip("needs gcc")
    monkeypatch.setenv("CC", f"{gcc} -g0")
    assert compile_kernels.own_compiler() == (gcc, "-g0")
    broken = tmp_path / "gcc"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    compile_kernels.own_compiler.cache_clear()
    monkeypatch.setenv("CC", str(broken))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compile_kernels.own_compiler() is None
    assert compile_kernels.is_zig_needed(None)


def test_without_any_compiler_it_is_said_what_to_install(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_kernels, "own_compiler", lambda: None)
    monkeypatch.setattr(compile_kernels, "_has_zig", lambda: False)
    with pytest.raises(compile_kernels.CompilerMissing, match=r"tried: .*cc, gcc, clang.*pip install ziglang"):
        compile_kernels.compile_kernels(sources)
    assert not list(sources.glob("*.so"))
