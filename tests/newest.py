"""Makes an environment with the newest versions of all dependencies: `python tests/newest.py FOLDER`.

Upper bounds are left out, except those of packages beyond whose bounds it is known what breaks.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
KEPT = ("mcp", "mcp-types", "tree-sitter", "tree-sitter-language-pack")
"""Packages whose bounds stay: what lies beyond is known not to work."""


def newest(requirements: list[str]) -> list[str]:
    """Return requirements without upper bounds."""
    return [
        line if re.split(r"[\[>=<;]", line)[0] in KEPT else re.sub(r",\s*<[\d.]+", "", line) for line in requirements
    ]


def main() -> int:
    folder = Path(sys.argv[1])
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = newest([*project["dependencies"], *project["optional-dependencies"]["dev"]])
    venv.create(folder, with_pip=True, clear=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--upgrade", *wanted], check=True)
    return subprocess.run([*pip, "--no-deps", "--editable", str(REPOSITORY)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
