"""Fetching of one commit of a git repository into a folder, by the program `git`.

History is fetched where that is asked for; submodules and files of Git LFS are not. Hooks do not run, and git
never asks a question.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from raycontext.errors import InvalidInput, SourceUnavailable
from raycontext.retrying import Retries

__all__ = ["check_repository", "stop_running", "update", "without_password"]

_URL = re.compile(r"(https?|ssh|git|file)://\S+")
_SSH_SHORT = re.compile(r"(?!-)[\w.-]+@(?!-)[\w.-]+:(?!-)[^\s:]\S*")  # git@host:path
_REF = re.compile(r"(?!.*(\.\.|//|@\{|\.lock($|/)))[\w.][\w./+@-]*")
_FETCHED_REF = "refs/raycontext/fetched"
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "credential.interactive=false",
    "gc.autoDetach=false",  # no process goes on in the background after the command has ended
    "maintenance.autoDetach=false",
    "advice.detachedHead=false",
    "init.defaultBranch=main",
    # git gives up on a server that sends nothing for a minute.
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=60",
)
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",  # answers every question with an empty line
    "SSH_ASKPASS": "true",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "LC_ALL": "C",
}
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=30"
LOCK_ATTEMPTS = 3
"""Number of tries while another git holds a lock in the folder. A git that was killed leaves its lock for ever."""
LOCK_PAUSE_SECONDS = 1.0
"""Pause between two of these tries, in seconds."""
PROBE_SECONDS = 60.0
"""Longest time to find out whether a repository can be reached, in seconds."""

_LOGIN = ("REPOSITORY_USER", "REPOSITORY_PASSWORD")
"""Variables of git's environment, which only its user can read, for a user name and a password."""
_HELPER = f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" "${_LOGIN[0]}" "${_LOGIN[1]}"; }}; f'
"""Helper that gives git the user name and the password of these variables. It is a function of the shell, and `printf`
is built into that: no command line holds what it prints, for command lines are open to every user of the machine."""

_running: dict[subprocess.Popen[str], Path] = {}
"""Running git programs that threads of this process wait for, each with the folder in which it works."""


def check_repository(url: str, ref: str) -> None:
    """Check the URL of a repository and the name of a branch, tag or commit before git sees them.

    `ref` may be empty. Raises `InvalidInput` when git could take one of them for something else, such as an option.
    """
    if not (_URL.fullmatch(url) or _SSH_SHORT.fullmatch(url)):
        raise InvalidInput(
            f"'{without_password(url)[:200]}' is not the URL of a git repository",
            "Give https://…, ssh://…, git@HOST:PATH, git://… or file:///….",
        )
    _login_of(url)
    if ref and not _REF.fullmatch(ref):
        raise InvalidInput(f"'{ref[:200]}' names no branch, tag or commit", "Give a name or a full commit hash.")


class _Login(NamedTuple):
    """User name and password for a server that speaks HTTP."""

    user: str
    password: str


def _login_of(url: str) -> _Login | None:
    """Return the user name and password in a URL of HTTP; None where it has none.

    Raises `InvalidInput` where they hold characters with which they could say more to git than that.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidInput("The URL of a git repository cannot be read", "Give https://HOST/PATH.") from error
    if parts.scheme not in ("http", "https") or "@" not in parts.netloc:
        return None
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    login = _Login(unquote(user), unquote(password))
    if any(ord(character) < 32 or character == "\x7f" for character in "".join(login)):
        raise InvalidInput(
            f"The user name or password for {without_password(url)} holds a control character", "Write it without."
        )
    return login


def without_password(url: str) -> str:
    """Return a URL without its password, so that it may be shown and stored.

    Over HTTP and the git protocol, the user name is removed too.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a URL that cannot be read"
    if "@" not in parts.netloc or parts.scheme not in ("http", "https", "git", "ssh"):
        return url
    user, _, host = parts.netloc.rpartition("@")
    shown = user.partition(":")[0] if parts.scheme == "ssh" else ""  # over HTTP the user name may be a token
    return urlunsplit(parts._replace(netloc=f"{shown}@{host}" if shown else host))


def update(url: str, ref: str, tree: Path, seconds: float, history: int = 0) -> str:
    """Bring a folder to the newest state of a branch, tag or commit. Return the hash of the commit.

    `ref` is the name of the branch, tag or commit; empty means the default branch. `tree` is an existing folder that is
    empty or was filled by an earlier call. Only files that differ are written. `seconds` limits the time of all git
    commands together. `history` is the number of commits that come with their changes.
    Raises `InvalidInput` for a malformed URL or name. Raises `SourceUnavailable` when git fails. Its field `damaged` is
    true when the repository can be reached, so that a new folder may help.
    """
    check_repository(url, ref)
    git = _Git(url, tree, time.monotonic() + seconds)
    fresh = not (tree / ".git").exists()
    retries = Retries(
        (SourceUnavailable,),
        attempts=1 if fresh else LOCK_ATTEMPTS,
        pause=lambda _: LOCK_PAUSE_SECONDS,
        when=lambda error: ".lock" in error.problem,
    )
    try:
        return retries.run_blocking(lambda: _fetch(git, ref or "HEAD", history))
    except SourceUnavailable as error:
        if fresh:
            raise
        # Find out whether the repository or the folder is at fault: this raises when the repository is.
        probe = _Git(url, Path("/"), time.monotonic() + min(seconds, PROBE_SECONDS))
        probe("ls-remote", "--", probe.url, "HEAD")
        raise SourceUnavailable(error.source, error.problem, damaged=True) from error


def stop_running(work: Path) -> None:
    """End the git programs that this process runs below a folder. The calls that wait for them then fail."""
    for process, folder in list(_running.items()):
        if folder.is_relative_to(work):
            _kill(process)


def _fetch(git: _Git, ref: str, history: int) -> str:
    """Fetch `ref` and set the folder to it. Return the hash of the commit. Raises `SourceUnavailable`."""
    if not (git.folder / ".git").exists():
        git("init", "--quiet", "--template=")
    # The URL is given at each fetch. It is not stored as a remote, since it may hold a token.
    git("fetch", f"--depth={history + 1}", "--no-tags", "--progress", "--", git.url, f"+{ref}:{_FETCHED_REF}")
    commit = git("rev-parse", "--verify", "--end-of-options", f"{_FETCHED_REF}^{{commit}}").strip()
    git("reset", "--quiet", "--hard", commit)
    git("clean", "--quiet", "-ffdx")
    return commit


class _Git:
    """Runner of git commands in one folder. All commands together end by a deadline (`time.monotonic()`)."""

    def __init__(self, url: str, folder: Path, deadline: float) -> None:
        self.url = without_password(url)
        self.folder = folder
        self._login = _login_of(url)
        self._deadline = deadline

    def __call__(self, *arguments: str) -> str:
        """Run one git command and return its standard output.

        Raises `SourceUnavailable` when git is missing, fails, or does not finish by the deadline.
        """
        helper = ("credential.helper=", f"credential.helper={_HELPER}") if self._login else ()
        settings = [part for setting in (*_SETTINGS, *helper) for part in ("-c", setting)]
        login = dict(zip(_LOGIN, self._login, strict=True)) if self._login else {}
        try:
            process = subprocess.Popen(
                ["git", *settings, *arguments],
                cwd=self.folder,
                env={**_environment(), **login},
                stdin=subprocess.DEVNULL,
                # If this process is killed, nobody reads these pipes any more, and that ends git.
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            )
        except FileNotFoundError as error:
            raise self._error("the program git is not installed on this machine") from error
        except OSError as error:
            raise self._error(f"git cannot be started ({error.strerror})") from error
        _running[process] = self.folder
        try:
            stdout, stderr = process.communicate(timeout=max(self._deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired as error:
            raise self._error("git did not finish within its time limit (fetch_seconds)") from error
        finally:
            _running.pop(process)
            _kill(process)
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        if process.returncode != 0:
            raise self._error(_problem(stderr) or f"git ended with code {process.returncode}")
        return stdout

    def _error(self, problem: str) -> SourceUnavailable:
        """Make an error that shows neither a password nor a token of the URL, whatever a server has said."""
        secret = (self._login.password or self._login.user) if self._login else ""
        if secret:
            problem = problem.replace(secret, "…")
        return SourceUnavailable(self.url, problem)


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill a program and all programs that it has started, and wait for its end. Do nothing when it has ended."""
    if process.poll() is not None:
        return
    import psutil  # loaded here, since only a git that hangs is killed

    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        children = []
    process.kill()
    for child in children:
        with suppress(psutil.Error):
            child.kill()
    process.wait()


def _environment() -> dict[str, str]:
    """Return the environment for git: that of this process, without the variables that name another repository."""
    kept = ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_", "GIT_PROXY_", "GIT_CONFIG_", "GIT_TRACE")
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name.startswith(kept)
    }
    return {"GIT_SSH_COMMAND": _SSH, **inherited, **_ENVIRONMENT}


def _problem(stderr: str) -> str:
    """Return the lines in which git says what went wrong, joined by "; " and without repetitions."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", stderr)]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", "ssh:"))]
    return "; ".join(dict.fromkeys(telling or lines[-1:]))[:600].rstrip(".")
