"""The wheel: everything that the package needs, nothing else."""

from __future__ import annotations

import configparser
import email
import email.message
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import raycontext

pytestmark = pytest.mark.process

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "raycontext"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(build, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.iterdir()
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert built.name == f"raycontext-{raycontext.__version__}-py3-none-{platform}.whl"
    return zipfile.ZipFile(built)


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    return wheel.read(f"raycontext-{raycontext.__version__}.dist-info/{name}").decode()


def test_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    there = {
        path.relative_to(REPOSITORY).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in {".c", ".h"}
    }
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == there
    assert "raycontext/kernel/kernels-baseline.so" in packed
    assert {"raycontext/py.typed", "raycontext/cli/main.py"} <= packed
    assert wheel.testzip() is None


def test_wheel_describes_itself(wheel: zipfile.ZipFile) -> None:
    described: email.message.Message = email.message_from_string(metadata(wheel, "METADATA"))
    assert described["Name"] == "raycontext"
    assert described["Version"] == raycontext.__version__
    assert described["Requires-Python"] == ">=3.11"
    assert described["License-Expression"] == "Apache-2.0"
    assert "Typing :: Typed" in described.get_all("Classifier", [])
    assert str(described.get_payload()).strip() == (REPOSITORY / "README.md").read_text().strip()
    needed = {
        re.split("[<>=]", str(line))[0] for line in described.get_all("Requires-Dist", []) if "extra ==" not in line
    }
    assert "ray" in needed
    assert not {"ray[default]", "aiohttp"} & needed, "what only clusters need belongs into the extra"
    assert not {"pytest", "hypothesis", "mypy", "ruff"} & needed


def test_wheel_brings_the_command(wheel: zipfile.ZipFile) -> None:
    points = configparser.ConfigParser()
    points.read_string(metadata(wheel, "entry_points.txt"))
    assert dict(points["console_scripts"]) == {"raycontext": "raycontext.cli.main:program"}
