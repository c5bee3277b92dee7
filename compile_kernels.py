"""Compile the kernels of `raycontext/kernel/` into libraries beside their sources.

`python compile_kernels.py [FOLDER]` writes to FOLDER, or beside the sources where they are newer. The build hook of the
package (`hatch_build.py`) uses the same functions. The machine's C compiler is taken: $CC, cc, gcc or clang; only where
none works, or for another machine, `ziglang` from the package index.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
KERNEL = ROOT / "raycontext" / "kernel"
DECLARATIONS = "declarations.py"

FLAGS = (
    *("-std=c11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden"),
    "-ffp-contract=off",  # a fused multiplication and addition rounds once: results would differ between processors
)
"""Never -march=native: a library starts on every machine of its platform."""

VARIANTS = {
    "x86_64": {"baseline": (), "avx2": ("-mavx2", "-mpopcnt")},
    "other": {"baseline": ()},
}
"""Extra flags of each variant by processor. What a processor can do is asked when the library is loaded."""

ZIG_PROCESSORS = {"baseline": "baseline", "avx2": "baseline+avx2+popcnt"}
ZIG_REQUIREMENT = "ziglang>=0.13"

PROBE = "#include <math.h>\n#include <stdint.h>\n#include <string.h>\nint probe(void) { return 0; }\n"


class CompilerMissing(Exception):
    """No C compiler works: `CompilerMissing(tried)`."""

    def __str__(self) -> str:
        return (
            f"No C compiler works here (tried: {', '.join(self.args[0])}). Install gcc or clang with the headers of "
            "the C library, or `pip install ziglang`."
        )


@functools.cache
def own_compiler() -> tuple[str, ...] | None:
    """Return the command of the machine's C compiler, the first that works; None where there is none."""
    for candidate in filter(None, (os.environ.get("CC"), "cc", "gcc", "clang")):
        command = tuple(shlex.split(candidate))
        if shutil.which(command[0]) and _works(command):
            return command
    return None


def _works(command: Sequence[str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(PROBE)
        build = [*command, *FLAGS, str(source), "-o", str(Path(folder, "probe.so"))]
        return subprocess.run(build, capture_output=True, check=False).returncode == 0


def is_zig_needed(target: str | None) -> bool:
    """Return True where `ziglang` must be the compiler: for another machine, or where no compiler works."""
    return target is not None or own_compiler() is None


def compile_kernels(folder: Path, target: str | None = None, more_flags: Sequence[str] = ()) -> list[Path]:
    """Compile all variants into `folder` and return the files, the declarations for cffi included.

    `target` is a platform as zig names it, such as `aarch64-linux-gnu.2.17`; None is this machine. Raises
    `CompilerMissing`, and `subprocess.CalledProcessError` where a source does not compile.
    """
    processor = target.partition("-")[0] if target else platform.machine().lower().replace("amd64", "x86_64")
    command = (sys.executable, "-m", "ziglang", "cc") if is_zig_needed(target) else own_compiler()
    assert command is not None
    if is_zig_needed(target) and not _has_zig():
        raise CompilerMissing([*filter(None, [os.environ.get("CC")]), "cc", "gcc", "clang", "ziglang"])
    folder.mkdir(parents=True, exist_ok=True)
    sources = [str(path) for path in sorted(KERNEL.glob("*.c"))]
    files = []
    for variant, flags in VARIANTS.get(processor, VARIANTS["other"]).items():
        if is_zig_needed(target):  # which takes this machine's processor unless it is told otherwise
            flags = (f"-mcpu={ZIG_PROCESSORS[variant]}", *(("-target", target) if target else ()), "-s")  # noqa: PLW2901
        place = folder / f"kernels-{variant}.so"
        fresh = folder / f".{place.name}.{os.getpid()}"
        build = [*command, *FLAGS, *flags, *more_flags, *sources, "-lm", "-o", str(fresh)]
        try:
            subprocess.run(build, check=True)
            fresh.replace(place)  # a process that has the old one mapped keeps it
        finally:
            fresh.unlink(missing_ok=True)
        files.append(place)
    files.append(_write_declarations(folder))
    return files


def _has_zig() -> bool:
    return subprocess.run([sys.executable, "-c", "import ziglang"], capture_output=True, check=False).returncode == 0


def _write_declarations(folder: Path) -> Path:
    """Write what cffi makes of the header: a module that needs no parser when it is imported."""
    import cffi

    lines = (KERNEL / "kernels.h").read_text().splitlines()
    builder = cffi.FFI()
    builder.cdef("\n".join(line for line in lines if not line.startswith("#")))
    builder.set_source("raycontext.kernel.declarations", None)
    place = folder / DECLARATIONS
    fresh = folder / f".{place.name}.{os.getpid()}"
    with contextlib.redirect_stdout(io.StringIO()):  # it says what it writes
        builder.emit_python_code(str(fresh))
    fresh.replace(place)
    return place


def is_stale() -> bool:
    """Return True where a source is newer than what was compiled from it, or nothing was."""
    built = [KERNEL / DECLARATIONS, KERNEL / "kernels-baseline.so"]
    sources = [*KERNEL.glob("*.[ch]"), Path(__file__)]
    return not all(path.exists() for path in built) or (
        max(path.stat().st_mtime for path in sources) > min(path.stat().st_mtime for path in built)
    )


def main() -> None:
    if sys.argv[1:]:
        compile_kernels(Path(sys.argv[1]))
    elif is_stale():
        compile_kernels(KERNEL)


if __name__ == "__main__":
    try:
        main()
    except (CompilerMissing, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
