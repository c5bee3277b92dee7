"""Git repositories for tests, made by git itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from .conftest import write_tree

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def git(place: Path, *arguments: str) -> str:
    """Run git in a folder; returns what it prints."""
    done = subprocess.run(
        ["git", *arguments], cwd=place, env={**os.environ, **IDENTITY}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(place: Path, files: dict[str, str | bytes], message: str = "change") -> str:
    """Write files into the repository at `place`, made if need be, and commit all; returns the commit."""
    if not (place / ".git").exists():
        place.mkdir(parents=True, exist_ok=True)
        git(place, "init", "--quiet", "--initial-branch=main")
    write_tree(place, files)
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--allow-empty", f"--message={message}")
    return git(place, "rev-parse", "HEAD")
