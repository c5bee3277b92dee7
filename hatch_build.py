"""Build hook: compiles the kernels into each wheel, and beside their sources for an editable installation."""

from __future__ import annotations

import importlib.util
import os
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLATFORMS = {
    "x86_64-linux-gnu.2.17": "manylinux_2_17_x86_64.manylinux2014_x86_64",
    "aarch64-linux-gnu.2.17": "manylinux_2_17_aarch64.manylinux2014_aarch64",
}
"""Targets of `make wheels`, as zig names them, with the tag of a wheel for each."""

TARGET = "RAYCONTEXT_KERNEL_TARGET"
"""Environment variable that names a target other than this machine."""


def _compiling() -> Any:
    spec = importlib.util.spec_from_file_location("compile_kernels", Path(__file__).with_name("compile_kernels.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class KernelHook(BuildHookInterface):
    """The hook that hatchling calls for the targets that pyproject.toml names."""

    def dependencies(self) -> list[str]:
        """Return what this build needs besides `build-system.requires`: a compiler where the machine has none."""
        compiling = _compiling()
        needed: list[str] = [compiling.ZIG_REQUIREMENT] if compiling.is_zig_needed(os.environ.get(TARGET)) else []
        return needed

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and name the platform: the libraries need no particular Python."""
        compiling, target = _compiling(), os.environ.get(TARGET)
        if version == "editable":
            compiling.compile_kernels(compiling.KERNEL)
        else:
            self._folder = tempfile.TemporaryDirectory()
            for path in compiling.compile_kernels(Path(self._folder.name), target):
                build_data["force_include"][str(path)] = f"raycontext/kernel/{path.name}"
        own = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{PLATFORMS[target] if target else own}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was compiled for the wheel alone."""
        if version != "editable":
            self._folder.cleanup()
