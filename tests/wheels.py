"""Build the wheels and the source distribution into dist/, inspect them, and use the one of this machine.

`python tests/wheels.py build` (`make wheels`) builds and inspects; `python tests/wheels.py use` installs this machine's
wheel into an empty environment and runs an index and a search from it. The wheels of another processor are built and
inspected, not run.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DIST = REPOSITORY / "dist"

ELF_MACHINES = {"x86_64": 62, "aarch64": 183}
"""Numbers of processors in the header of an ELF file (e_machine)."""

VARIANTS = {"x86_64": {"baseline", "avx2"}, "aarch64": {"baseline"}}

GLIBC = "2.17"
QUESTION = "where is the next manifest created?"


def run(*command: str | Path, **variables: str) -> str:
    """Run a command in the repository and return its stdout. Ends the program where the command fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RAYCONTEXT_", "PYTHON"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=REPOSITORY,
        env=environment | variables,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\n{' '.join(map(str, command))}: exit code {done.returncode}")
    return done.stdout


def wheel_of(processor: str) -> Path:
    """Return the wheel in dist/ for a processor. Ends the program where there is not exactly one."""
    found = sorted(DIST.glob(f"*manylinux*_{processor}.whl"))
    if len(found) != 1:
        sys.exit(f"dist/ has {len(found)} wheels for {processor}. Run `make wheels`.")
    return found[0]


def build() -> None:
    """Build a source distribution, and from it a wheel for each processor."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", DIST)
    (source,) = DIST.glob("*.tar.gz")
    for processor in ELF_MACHINES:
        target = f"{processor}-linux-gnu.{GLIBC}"
        pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", DIST, source)
        run(*pip, RAYCONTEXT_KERNEL_TARGET=target)
        inspect(wheel_of(processor), processor)
    write_checksums(DIST)


def write_checksums(folder: Path) -> None:
    """Write SHA256SUMS for the files of a folder, in the form of `sha256sum`, which hosts of a cluster check."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".whl", ".gz"))
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines))


def inspect(wheel: Path, processor: str) -> None:
    """Compare the libraries of a wheel with its tag. Ends the program where they do not fit."""
    with zipfile.ZipFile(wheel) as archive:
        libraries = {name: archive.read(name) for name in archive.namelist() if name.endswith(".so")}
    expected = {f"raycontext/kernel/kernels-{variant}.so" for variant in VARIANTS[processor]}
    if set(libraries) != expected:
        sys.exit(f"{wheel.name} has the libraries {sorted(libraries)}")
    for name, content in libraries.items():
        (machine,) = struct.unpack_from("<H", content, 18)
        if content[:4] != b"\x7fELF" or machine != ELF_MACHINES[processor]:
            sys.exit(f"{wheel.name}: {name} is of another processor")
    told = " ".join(run(sys.executable, "-m", "auditwheel", "show", wheel).split())
    tag = f"manylinux_{GLIBC.replace('.', '_')}_{processor}"
    allowed = (tag, *(f"manylinux_2_{minor}_{processor}" for minor in range(5, 17)))
    if not any(f'"{name}"' in told for name in allowed):
        sys.exit(f"auditwheel does not confirm {tag}: {told}")
    print(f"{wheel.name}: {len(libraries)} libraries, confirmed by auditwheel")


def use() -> None:
    """Install this machine's wheel into an empty environment; index and search with it, without any compiler."""
    wheel = wheel_of(platform.machine())
    with tempfile.TemporaryDirectory(prefix="rcw-") as folder:
        python = Path(folder, "environment/bin/python")
        run(sys.executable, "-m", "venv", python.parents[1])
        run(python, "-m", "pip", "install", "--quiet", wheel)
        variables = {"RAYCONTEXT_ROOT": f"{folder}/root", "RAYCONTEXT_DAEMON": "off", "PATH": str(python.parent)}
        source = Path(folder, "source")
        shutil.copytree(REPOSITORY / "raycontext", source)
        command = python.parent / "raycontext"
        report = json.loads(run(command, "index", source, "--json", **variables))
        hits = json.loads(run(command, "search", QUESTION, source, "--json-hits", **variables))
        packages = run(python, "-m", "pip", "list")
    if report["files"] < 100 or "store/writer.py" not in [hit["path"] for hit in hits]:
        sys.exit("The search does not find the writer.")
    if any(name in packages.split() for name in ("numba", "llvmlite")):
        sys.exit("The installation brings a compiler.")
    print(f"{wheel.name}: {report['files']} files indexed, {hits[0]['path']} found first")


if __name__ == "__main__":
    {"build": build, "use": use}[sys.argv[1]]()
