"""The image of a node: good form, and its steps run in a plain folder, where no Docker engine is needed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import raycontext

from ..wheels import write_checksums

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKERFILE = REPOSITORY / "Dockerfile"

INSTRUCTIONS = {"FROM", "COPY", "WORKDIR", "RUN", "ENV", "USER"}


class Instruction(NamedTuple):
    """One instruction of a Dockerfile, with its lines joined."""

    name: str
    value: str


def instructions(text: str) -> list[Instruction]:
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    lines = [line.strip() for line in code.replace("\\\n", " ").splitlines() if line.strip()]
    return [Instruction(*line.split(maxsplit=1)) for line in lines]


def problems(found: list[Instruction]) -> list[str]:
    """What a linter says of a Dockerfile: rules of hadolint (their numbers) that can matter here."""
    told: list[str] = []
    names = [instruction.name for instruction in found]
    if not names or names[0] != "FROM":
        told.append("the first instruction is not FROM")
    told += [f"{name} is not an instruction that is used here" for name in names if name not in INSTRUCTIONS]
    for name, value in found:
        if name == "FROM" and not re.fullmatch(r"[\w./-]+:(?!latest)[\w.-]+(@sha256:[0-9a-f]{64})?", value):
            told.append(f"DL3006, DL3007: {value} has no tag, or the tag latest")
        if name == "WORKDIR" and not value.startswith("/"):
            told.append(f"DL3000: {value} is not absolute")
        if name == "COPY" and len(value.split()) > 2 and not value.endswith("/"):
            told.append("DL3021: several files are copied into what is no folder")
        if name == "RUN":
            told += [f"DL3004: {value}" for _ in re.findall(r"\bsudo\b", value)]
            told += [f"DL3003: {value}" for _ in re.findall(r"(?:^|&& )cd ", value)]
            told += [f"DL4006: {value}" for _ in re.findall(r"[^|]\|[^|]", value)]
            if "pip install" in value and "--no-cache-dir" not in value:
                told.append("DL3042: pip keeps a cache")
    users = [value for name, value in found if name == "USER"]
    if not users or users[-1] in ("root", "0"):
        told.append("DL3002: the last user is root, or the one of the base")
    return told


def test_dockerfile_is_in_good_form() -> None:
    assert problems(instructions(DOCKERFILE.read_text())) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("FROM ray\nUSER a", "DL3006"),
        ("FROM ray:latest\nUSER a", "DL3007"),
        ("FROM ray:2\nRUN sudo ls\nUSER a", "DL3004"),
        ("FROM ray:2\nRUN pip install x\nUSER a", "DL3042"),
        ("FROM ray:2\nRUN cd /x && ls\nUSER a", "DL3003"),
        ("FROM ray:2\nRUN curl x | sh\nUSER a", "DL4006"),
        ("FROM ray:2\nWORKDIR x\nUSER a", "DL3000"),
        ("FROM ray:2\nUSER root", "DL3002"),
        ("FROM ray:2\nADD x y\nUSER a", "ADD is not"),
    ],
)
def test_bad_form_is_found(text: str, number: str) -> None:
    assert any(number in problem for problem in problems(instructions(text)))


def test_image_gets_nothing_of_the_repository_but_the_wheels() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text().split()
    assert ignored == ["*", "!dist/SHA256SUMS", "!dist/*.whl"]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of this machine in `dist`, as `make wheels` leaves it."""
    folder = tmp_path_factory.mktemp("context")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder / "dist")]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    write_checksums(folder / "dist")
    return folder


def carried_out(context: Path, image: Path) -> subprocess.CompletedProcess[str]:
    """The last command of the Dockerfile, whose steps are carried out in a folder that stands for the image."""
    folder, environment = (
        image,
        {**os.environ, "PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_TARGET": str(image / "py")},
    )
    environment["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), environment["PATH"]))
    done = subprocess.CompletedProcess[str]([], 0, "", "")
    for name, value in instructions(DOCKERFILE.read_text()):
        if name == "COPY":
            *patterns, target = value.split()
            place = image / target.strip("/")
            place.mkdir(parents=True)
            for pattern in patterns:
                found = list(context.glob(pattern))
                assert found, pattern
                for path in found:
                    shutil.copy(path, place)
        elif name == "WORKDIR":
            folder = image / value.strip("/")
            folder.mkdir(parents=True, exist_ok=True)
        elif name == "ENV":
            variable, _, given = value.partition("=")
            environment[variable] = given
        elif name == "RUN":
            shell = ["sh", "-c", value]
            done = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                return done
    return done


@pytest.mark.process
def test_steps_install_the_wheel_from_its_file(context: Path, tmp_path: Path) -> None:
    done = carried_out(context, tmp_path)
    assert done.returncode == 0, done.stderr
    code = "import raycontext; print(raycontext.__version__, raycontext.__file__)"
    asked, environment = [sys.executable, "-c", code], {**os.environ, "PYTHONPATH": str(tmp_path / "py")}
    told = subprocess.run(asked, env=environment, cwd="/", capture_output=True, text=True, check=True)
    version, place = shlex.split(told.stdout)
    assert version == raycontext.__version__
    assert Path(place).is_relative_to(tmp_path / "py")


@pytest.mark.process
def test_steps_refuse_a_wheel_with_other_bytes(context: Path, tmp_path: Path) -> None:
    changed = tmp_path / "context"
    shutil.copytree(context, changed)
    (wheel,) = (changed / "dist").glob("*.whl")
    wheel.write_bytes(wheel.read_bytes() + b"x")
    done = carried_out(changed, tmp_path / "image")
    assert done.returncode != 0
    assert "FAILED" in done.stdout + done.stderr
    assert not (tmp_path / "image" / "py").exists()
