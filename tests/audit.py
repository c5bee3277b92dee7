"""Looks for known vulnerabilities of what an environment holds: `python tests/audit.py PYTHON FOLDER`.

`pip-audit` is installed in FOLDER, an environment of its own. Exit code 1 where something is known; where the database,
or `pip-audit` itself, cannot be had, it says why and ends with 0: no change of ours could mend that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

SECONDS = 300.0
"""Time that the database has for its answer."""


def main() -> int:
    python, folder = sys.argv[1], Path(sys.argv[2])
    own = folder / "bin" / "python"
    if not own.exists():
        venv.create(folder, with_pip=True)
    try:
        made = run(str(own), "-m", "pip", "install", "--quiet", "pip-audit")
        if made.returncode != 0:
            print(f"not audited: pip-audit cannot be installed: {last_line(made.stderr)}")
            return 0
        frozen = run(python, "-m", "pip", "freeze", "--exclude-editable").stdout
        listed = folder / "installed.txt"
        listed.write_text(frozen)
        options = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json")
        done = run(str(own), "-m", "pip_audit", *options, "--requirement", str(listed))
    except subprocess.TimeoutExpired:
        print(f"not audited: no answer within {SECONDS:g} s")
        return 0
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"not audited: the database of vulnerabilities cannot be asked: {last_line(done.stderr)}")
        return 0
    return told(packages)


def told(packages: list[dict[str, Any]]) -> int:
    """Print what is known of each package and return the exit code. Packages that were skipped count as not audited."""
    skipped = [package["skip_reason"] for package in packages if "skip_reason" in package]
    found = [package for package in packages if package.get("vulns")]
    for package in found:
        for known in package["vulns"]:
            mended = ", ".join(known["fix_versions"]) or "no version"
            print(f"{package['name']} {package['version']}: {known['id']}, mended in {mended}")
    print(
        f"{len(packages) - len(skipped)} of {len(packages)} packages audited, {len(found)} with known vulnerabilities"
    )
    if skipped:
        print(f"not audited: {len(skipped)} packages, such as: {skipped[0]}")
    return 1 if found else 0


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and keep what it says."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)


def last_line(text: str) -> str:
    """Return the last line of a text that is not blank."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no reason was given")


if __name__ == "__main__":
    sys.exit(main())
