"""Environment of CI: exactly the distributions whose hashes stand in requirements-ci.txt.

    python tests/pinned.py install FOLDER    makes or completes the environment FOLDER
    python tests/pinned.py lock FOLDER       resolves anew and writes the file; `uv` is installed in FOLDER

The file is for one version of Python on one kind of machine (`PYTHON`, `SYSTEM`, `PROCESSOR`). Elsewhere nothing is
installed and the program says so: `make` then installs what pyproject.toml allows.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
REQUIREMENTS = REPOSITORY / "requirements-ci.txt"
PYTHON, SYSTEM, PROCESSOR = "3.11", "Linux", "x86_64"
UV_PLATFORM = "x86_64-manylinux_2_28"
"""Platform whose wheels must exist, in the words of `uv`."""

BUILD = ("editables",)
"""What an editable installation needs besides pyproject.toml: hatchling asks for it only while it builds."""

MARKS = ("installed", "installed-dev")
"""Files by which the Makefile knows what an environment holds."""

HEAD = """\
# What CI installs: versions and the hashes of all their files, without the address of an index.
# Made by `make lock`, which resolves pyproject.toml anew; install with `pip install --require-hashes`.
"""


def is_suitable() -> bool:
    """Return True where the hashes are for this interpreter and this machine."""
    here = (".".join(platform.python_version_tuple()[:2]), platform.system(), platform.machine())
    return here == (PYTHON, SYSTEM, PROCESSOR) and platform.python_implementation() == "CPython"


def install(folder: Path) -> None:
    """Install all distributions of the file and this project. Raises `CalledProcessError` where a hash differs."""
    if not is_suitable():
        print(f"not pinned: {REQUIREMENTS.name} is for CPython {PYTHON} on {SYSTEM} and {PROCESSOR}")
        return
    if all((folder / mark).exists() for mark in MARKS):
        return
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--require-hashes", "--requirement", str(REQUIREMENTS)], check=True)
    # What builds the project is among them, but for a compiler. Where there is none, pip fetches one for the build.
    compiles = any(map(shutil.which, ("cc", "gcc", "clang")))
    own = ["--no-build-isolation"] if compiles else []
    subprocess.run([*pip, "--no-deps", *own, "--editable", str(REPOSITORY)], check=True)
    for mark in MARKS:
        (folder / mark).touch()


def lock(folder: Path) -> None:
    """Write the file anew, with the newest versions that pyproject.toml allows."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "uv"], check=True)
    made = folder / "requirements.txt"
    made.unlink(missing_ok=True)  # its versions would be kept
    build = folder / "build.in"
    build.write_text("\n".join(BUILD) + "\n")
    options = ["--extra", "dev", "--generate-hashes", "--no-annotate", "--no-header", "--no-emit-index-url", "--quiet"]
    place = ["--python-version", PYTHON, "--python-platform", UV_PLATFORM, "--output-file", str(made)]
    command = [
        str(python),
        "-m",
        "uv",
        "pip",
        "compile",
        "--system-certs",
        *options,
        *place,
        "pyproject.toml",
        str(build),
    ]
    subprocess.run(command, check=True, cwd=REPOSITORY)
    REQUIREMENTS.write_text(HEAD + made.read_text())


def main() -> int:
    actions = {"install": install, "lock": lock}
    if len(sys.argv) != 3 or sys.argv[1] not in actions:
        sys.exit(__doc__)
    try:
        actions[sys.argv[1]](Path(sys.argv[2]))
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
