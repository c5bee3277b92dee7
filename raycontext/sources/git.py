"""One commit of a git repository as a folder, by the program `git`: without history, prompts, hooks or submodules."""

from __future__ import annotations

import os
import re
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil

from raycontext.errors import InvalidInput, SourceUnavailable

__all__ = ["check_repository", "stop_running", "update", "without_password"]

_URL = re.compile(r"(https?|ssh|git|file)://\S+")
_SSH_SHORT = re.compile(r"[\w.-]+@[\w.-]+:[^\s:]\S*")  # git@host:path
_REF = re.compile(r"(?!.*(\.\.|//|@\{|\.lock($|/)))[\w.][\w./+@-]*")
_FETCHED = "refs/raycontext/fetched"
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "credential.interactive=false",
    "gc.autoDetach=false",  # nothing goes on once the command has ended
    "maintenance.autoDetach=false",
    "advice.detachedHead=false",
    "init.defaultBranch=main",
    # A server that has stopped sending is given up.
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=60",
)
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",  # answers every question with nothing
    "SSH_ASKPASS": "true",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "LC_ALL": "C",
}
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=30"
LOCK_ATTEMPTS = 3
LOCK_PAUSE_SECONDS = 1.0
"""Another git that works in the same folder is waited for; one that was killed leaves its lock for ever."""
PROBE_SECONDS = 60.0

_running: dict[subprocess.Popen[str], Path] = {}
"""Programs that threads of this process wait for, and where they work."""


def check_repository(url: str, ref: str) -> None:
    """Raises `InvalidInput` where git would not take these for a repository and a branch, tag or commit."""
    if not (_URL.fullmatch(url) or _SSH_SHORT.fullmatch(url)):
        raise InvalidInput(
            f"'{without_password(url)[:200]}' is no URL of a git repository",
            "Give https://…, ssh://…, git@HOST:PATH, git://… or file:///….",
        )
    if ref and not _REF.fullmatch(ref):
        raise InvalidInput(f"'{ref[:200]}' names no branch, tag or commit", "Give a name or a full commit hash.")


def without_password(url: str) -> str:
    """The URL as it may be shown and kept."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a URL that cannot be read"
    if "@" not in parts.netloc or parts.scheme not in ("http", "https", "git", "ssh"):
        return url
    user, _, host = parts.netloc.rpartition("@")
    shown = user.partition(":")[0] if parts.scheme == "ssh" else ""  # over HTTP the name may be the token
    return urlunsplit(parts._replace(netloc=f"{shown}@{host}" if shown else host))


def update(url: str, ref: str, tree: Path, seconds: float) -> str:
    """Make `tree` the newest state of a branch, tag or commit (empty: of the default branch); returns its commit.

    `tree` is an existing folder: empty, or one that an earlier call has filled, of which only what differs is written.
    Raises `SourceUnavailable`; with `damaged` set where the repository can be reached, so that a fresh folder helps.
    """
    check_repository(url, ref)
    git = _Git(url, tree, time.monotonic() + seconds)
    fresh = not (tree / ".git").exists()
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            return _fetched(git, ref or "HEAD")
        except SourceUnavailable as error:
            if fresh:
                raise
            if ".lock" in error.problem and attempt < LOCK_ATTEMPTS:
                time.sleep(LOCK_PAUSE_SECONDS)
                continue
            # Is it the repository over there, or what lies here?
            probe = _Git(url, Path("/"), time.monotonic() + min(seconds, PROBE_SECONDS))
            probe("ls-remote", "--", url, "HEAD")
            raise SourceUnavailable(error.source, error.problem, damaged=True) from error
    raise AssertionError("unreachable")


def stop_running(work: Path) -> None:
    """End what works below a folder for threads of this process; their calls fail."""
    for process, folder in list(_running.items()):
        if folder.is_relative_to(work):
            _end(process)


def _fetched(git: _Git, ref: str) -> str:
    if not (git.folder / ".git").exists():
        git("init", "--quiet", "--template=")
    # The URL is given each time, not kept as a remote: it may hold a token.
    git("fetch", "--depth=1", "--no-tags", "--progress", "--", git.url, f"+{ref}:{_FETCHED}")
    commit = git("rev-parse", "--verify", "--end-of-options", f"{_FETCHED}^{{commit}}").strip()
    git("reset", "--quiet", "--hard", commit)
    git("clean", "--quiet", "-ffdx")
    return commit


class _Git:
    """Runs git in a folder until a deadline."""

    def __init__(self, url: str, folder: Path, deadline: float) -> None:
        self.url = url
        self.folder = folder
        self._deadline = deadline

    def __call__(self, *arguments: str) -> str:
        """What it prints. Raises `SourceUnavailable`."""
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        try:
            process = subprocess.Popen(
                ["git", *settings, *arguments],
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                # Pipes that no one reads any more end git, should this process be killed.
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            )
        except FileNotFoundError as error:
            raise self._failed("the program git is not installed on this machine") from error
        except OSError as error:
            raise self._failed(f"git cannot be started ({error.strerror})") from error
        _running[process] = self.folder
        try:
            stdout, stderr = process.communicate(timeout=max(self._deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired as error:
            raise self._failed("git did not end within the time that it is given (fetch_seconds)") from error
        finally:
            _running.pop(process)
            _end(process)
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        if process.returncode != 0:
            raise self._failed(_reason(stderr) or f"git ended with code {process.returncode}")
        return stdout

    def _failed(self, problem: str) -> SourceUnavailable:
        shown = without_password(self.url)
        return SourceUnavailable(shown, problem.replace(self.url, shown))


def _end(process: subprocess.Popen[str]) -> None:
    """Kill it with the programs that it has started, where it still runs."""
    if process.poll() is not None:
        return
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
    """Of this process, without what names another repository."""
    kept = ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_", "GIT_PROXY_", "GIT_CONFIG_", "GIT_TRACE")
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name.startswith(kept)
    }
    return {"GIT_SSH_COMMAND": _SSH, **inherited, **_ENVIRONMENT}


def _reason(stderr: str) -> str:
    """The lines in which git says what is wrong, in one."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", stderr)]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", "ssh:"))]
    return "; ".join(dict.fromkeys(telling or lines[-1:]))[:600].rstrip(".")
