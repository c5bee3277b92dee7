"""The program git as a reader of a repository that nobody vouches for.

No configuration of the repository makes it start another program, reach a network or write: hooks, the monitor of file
systems, checks of signatures, filters, text conversions, replaced objects and the fetching of missing ones are off.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from raycontext.errors import CommitUnreadable

__all__ = ["Blob", "Git", "understood"]

GIT_SECONDS = 120.0
"""Longest time that one command of git may take, in seconds."""
MOST_PROBLEM_CHARACTERS = 600
"""Largest part of a message of git that an error repeats, in characters."""

_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.alternateRefsCommand=false",
    "core.sshCommand=false",
    "core.pager=cat",
    "credential.helper=",
    "diff.external=",
    "gpg.program=false",
    "gpg.ssh.program=false",
    "log.showSignature=false",
    "maintenance.auto=false",
    "gc.auto=0",
    "protocol.allow=never",
)
_ENVIRONMENT = {
    # Stronger than `protocol.<name>.allow` of the repository, which is stronger than `protocol.allow`.
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "LC_ALL": "C",
}


class Blob(NamedTuple):
    """Object of git. `content` is None where the repository does not have it."""

    name: str
    content: bytes | None


@contextmanager
def understood(folder: str) -> Iterator[None]:
    """Raise `CommitUnreadable` for what git has said of a repository and the block inside cannot read."""
    try:
        yield
    except (ValueError, LookupError, OverflowError) as error:
        raise CommitUnreadable(folder, f"git says of it what cannot be understood ({type(error).__name__})") from error


class Git:
    """Runner of git in one repository.

    folder: where git starts: the top of a working tree or a bare repository. git refuses one that belongs to another
    user, unless the user's `safe.directory` names it. git_folder: git's own folder, which is then not looked for, nor
    is its owner: only for a repository that git has accepted before.
    """

    def __init__(self, folder: str, git_folder: str | None = None) -> None:
        self._folder = folder
        self._git_folder = git_folder

    def run(
        self, *arguments: str, given: bytes = b"", codes: Sequence[int] = (0,), seconds: float = GIT_SECONDS
    ) -> bytes:
        """Run one command and return what it prints; empty for a code of `codes` other than 0.

        given: its standard input. seconds: longest time. Raises `CommitUnreadable` where git is missing, ends with
        another code, or does not end in time.
        """
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        place = [] if self._git_folder is None else [f"--git-dir={self._git_folder}"]
        try:
            done = subprocess.run(
                ["git", *settings, "--no-pager", "--literal-pathspecs", *place, *arguments],
                cwd=self._folder,
                env=_environment(),
                input=given,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except FileNotFoundError as error:
            raise CommitUnreadable(self._folder, "the folder is gone, or the program git is not installed") from error
        except subprocess.TimeoutExpired as error:
            raise CommitUnreadable(self._folder, f"git did not finish within {seconds:g} s") from error
        except (OSError, ValueError) as error:
            raise CommitUnreadable(self._folder, f"git cannot be started ({error})") from error
        if done.returncode not in codes:
            raise CommitUnreadable(self._folder, _problem(done.stderr) or f"git ended with code {done.returncode}")
        return done.stdout if done.returncode == 0 else b""

    def blobs(self, names: Sequence[str], seconds: float = GIT_SECONDS) -> Iterator[Blob]:
        """Yield objects by their hashes, in this order. Takes and raises what `run` does."""
        if not names:
            return
        asked = "".join(f"{name}\n" for name in names).encode()
        output = self.run("cat-file", "--batch", given=asked, seconds=seconds)
        place = 0
        for name in names:
            end = output.find(b"\n", place)
            head = output[place:end].split(b" ") if end >= 0 else []
            if len(head) == 2 and head[1] == b"missing":
                yield Blob(name, None)
                place = end + 1
                continue
            if len(head) != 3 or head[1] != b"blob" or not head[2].isdigit():
                raise CommitUnreadable(self._folder, f"git has no file under {name[:64]}")
            size = int(head[2])
            content = output[end + 1 : end + 1 + size]
            if len(content) != size:
                raise CommitUnreadable(self._folder, f"git broke off in {name[:64]}")
            yield Blob(name, content)
            place = end + 1 + size + 1


def _environment() -> dict[str, str]:
    """Return the environment for git: that of this process, without the variables that name another repository."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or (name.startswith("GIT_CONFIG_") and name != "GIT_CONFIG_PARAMETERS")
    }
    return {**inherited, **_ENVIRONMENT}


def _problem(stderr: bytes) -> str:
    """Return the lines in which git says what went wrong, joined by "; "."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return "; ".join(dict.fromkeys(telling or lines[-1:]))[:MOST_PROBLEM_CHARACTERS].rstrip(".")
