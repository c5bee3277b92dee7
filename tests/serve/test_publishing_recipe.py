"""The recipe for CI in docs/how-to/share-an-index.md, as a shell runs it: main publishes, branches pull."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import CART, PAYMENT, write_tree

PAGE = Path(__file__).parents[2] / "docs/how-to/share-an-index.md"


def run(script: str, tree: Path, root: Path, target: Path, branch: str) -> str:
    """Run the recipe as a CI machine with a root of its own would, and return what it prints."""
    environment = os.environ | {
        "BRANCH": branch,
        "TARGET": str(target),
        "RAYCONTEXT_ROOT": str(root),
        "RAYCONTEXT_DAEMON": "off",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(["sh", "-c", script], cwd=tree, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.process
def test_recipe_publishes_on_main_and_pulls_on_branches(tmp_path: Path) -> None:
    (script,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    main, branch, target = tmp_path / "main", tmp_path / "branch", tmp_path / "target"
    sessions = "def store_session(session):\n    return session\n"
    write_tree(main, {"cart.py": CART, "pay/payment.py": PAYMENT, "sessions.py": sessions})
    shutil.copytree(main, branch)
    (branch / "refund.py").write_text("def refund(booking):\n    return -booking\n")
    first = run(script, main, tmp_path / "first", target, "main")
    assert "published 'ci', version 1, as number 1" in first
    told = run(script, branch, tmp_path / "second", target, "feature")
    assert "3 files taken over" in told
    assert "sessions.py" in told
    shutil.copy(branch / "refund.py", main)
    again = run(script, main, tmp_path / "third", target, "main")
    assert "as number 2" in again
