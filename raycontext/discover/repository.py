"""Reader of git's own files: which repository a folder belongs to, and which exclude files hold for it.

Git itself is not run. Files that are missing, unreadable or broken count as absent. See gitrepository-layout(5) and
git-config(1).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from raycontext.discover.opening import open_flags, open_real

__all__ = [
    "common_git_folder",
    "enclosing_mercurial_repository",
    "enclosing_repository",
    "exclude_files",
    "is_bare_repository",
    "is_inner_worktree",
    "own_git_folder",
    "read_small_file",
    "remote_urls",
]

MAX_CONFIG_BYTES = 1 << 20
"""Largest file that `read_small_file` reads, in bytes."""
MAX_INCLUDE_DEPTH = 10
"""Largest depth of nested `include.path` settings; git has the same limit."""

_CONFIG_ENTRY = re.compile(
    r"""
      [\#;][^\n]*
    | \[[ \t]*(?P<section>[-.\w]+)(?:[ \t]+"(?P<subsection>(?:[^"\\\n]|\\.)*)")?[ \t]*\]
    | (?P<key>[A-Za-z][-A-Za-z0-9]*)[ \t]*
      (?:=[ \t]*(?P<value>(?:"(?:[^"\\\n]|\\.)*"|\\.|[^"\\\#;\n])*))?
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTING = re.compile(r'\\(.)|"', re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", "\n": ""}


def read_small_file(path: Path, *, follow_links: bool = True) -> bytes | None:
    """Return the content of a regular file of at most `MAX_CONFIG_BYTES` bytes, else None.

    None also means that the file is missing or cannot be read, or, without `follow_links`, that its path holds a link.
    """
    flags = open_flags("O_NONBLOCK")
    try:
        descriptor = os.open(path, flags) if follow_links else open_real(str(path), flags)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_CONFIG_BYTES:
            return None
        with open(descriptor, "rb", closefd=False) as file:  # it refuses a folder, and would leave it open
            return file.read(MAX_CONFIG_BYTES)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def common_git_folder(folder: Path) -> Path | None:
    """Return the git folder of the repository whose top is `folder`; None when `folder` is not the top of one.

    The git folder holds `config` and `info/exclude`. `.git` may be a file that points elsewhere (submodule, worktree).
    All worktrees of a repository share one git folder.
    """
    git_folder = own_git_folder(folder)
    if git_folder is None:
        return None
    common = _read_text(git_folder / "commondir")
    return git_folder if common is None else git_folder / common.strip()


def is_bare_repository(folder: Path) -> bool:
    """Return whether a folder looks like git's own folder of a repository, as that of a bare one does."""
    return _read_text(folder / "HEAD") is not None and (folder / "objects").is_dir()


def own_git_folder(folder: Path) -> Path | None:
    """Return the git folder of the working tree whose top is `folder`, which holds its `HEAD`; None when it is none."""
    dot_git = folder / ".git"
    pointer = _read_text(dot_git)
    if pointer is None:
        git_folder = dot_git
    elif pointer.startswith("gitdir:"):
        git_folder = folder / pointer.removeprefix("gitdir:").strip()
    else:
        return None
    return None if _read_text(git_folder / "HEAD") is None else git_folder


def is_inner_worktree(folder: Path, root: Path) -> bool:
    """Return whether a folder is a further working tree of the repository that it lies in (git-worktree(1)).

    root: root of the walk; `folder` is below it. Only repositories whose top is `root`, or lies below it, count: a user
    who indexes a folder of working trees wants them. A bare repository has no working tree of its own. A submodule and
    a repository of its own are no further working trees.
    """
    pointer = _read_text(folder / ".git")
    if pointer is None or not pointer.startswith("gitdir:"):
        return False
    named = Path(os.path.normpath(folder / pointer.removeprefix("gitdir:").strip()))
    if named.parent.name != "worktrees":
        return False
    for top in folder.parents:
        git_folder = common_git_folder(top)
        if git_folder is not None and _has_working_tree(git_folder):
            own = git_folder / "worktrees"
            if os.path.realpath(named.parent) == os.path.realpath(own) or (own / named.name).is_dir():
                return True
        if top == root:
            break
    return False


def remote_urls(git_folder: Path) -> frozenset[str]:
    """Return the URLs of the remotes of a repository, as its configuration spells them."""
    text = _read_text(git_folder / "config")
    urls = set()
    section = ""
    for entry in _CONFIG_ENTRY.finditer((text or "").replace("\r\n", "\n")):
        if entry["section"] is not None:
            section = entry["section"].lower() if entry["subsection"] is not None else ""
        elif section == "remote" and entry["value"] and entry["key"].lower() == "url":
            urls.add(_QUOTING.sub(lambda quoted: _unquoted(quoted[1]), entry["value"].rstrip()))
    return frozenset(urls)


def _has_working_tree(git_folder: Path) -> bool:
    """Return whether a repository is not bare."""
    values = [value for key, value in _settings(git_folder / "config", depth=0) if key == "core.bare"]
    return not values or values[-1].lower() not in ("true", "yes", "on", "1")


def enclosing_repository(folder: Path) -> Path | None:
    """Return the nearest folder above `folder` that is the top of a repository; None when there is none."""
    return next((parent for parent in folder.parents if common_git_folder(parent) is not None), None)


def enclosing_mercurial_repository(folder: Path) -> Path | None:
    """Return the nearest folder above `folder` that is the top of a repository of Mercurial; None: there is none."""
    return next((parent for parent in folder.parents if (parent / ".hg" / "requires").is_file()), None)


def exclude_files(git_folder: Path | None) -> list[Path]:
    """Return the paths of the exclude files for a whole repository, the strongest first.

    These are `info/exclude` in the git folder and then the user's global file. `git_folder` None means that there is
    no repository: only the global file is returned. The files need not exist.
    """
    files = [] if git_folder is None else [git_folder / "info" / "exclude"]
    global_file = _global_excludes_file(git_folder)
    return files if global_file is None else [*files, global_file]


def _global_excludes_file(git_folder: Path | None) -> Path | None:
    """Return the path of the user's global exclude file.

    It is `core.excludesFile` of the last configuration file that sets it, else the default path. None means that the
    setting is not an absolute path, or that the user has no home.
    """
    chosen: str | None = None
    for config in _config_files(git_folder):
        for key, value in _settings(config, depth=0):
            if key == "core.excludesfile":
                chosen = value
    if chosen is not None:
        path = _expanded(chosen)
        return path if path.is_absolute() else None
    user_folder = _user_config_folder()
    return None if user_folder is None else user_folder / "git" / "ignore"


def _config_files(git_folder: Path | None) -> Iterator[Path]:
    """Yield the paths of git's configuration files. A later file overrides an earlier one."""
    if os.environ.get("GIT_CONFIG_NOSYSTEM", "").lower() not in ("1", "true", "yes", "on"):
        yield Path(os.environ.get("GIT_CONFIG_SYSTEM", "/etc/gitconfig"))
    if "GIT_CONFIG_GLOBAL" in os.environ:
        yield Path(os.environ["GIT_CONFIG_GLOBAL"])
    else:
        user_folder = _user_config_folder()
        if user_folder is not None:
            yield user_folder / "git" / "config"
        if home := _home():
            yield Path(home) / ".gitconfig"
    if git_folder is not None:
        yield git_folder / "config"


def _user_config_folder() -> Path | None:
    """Return the folder of the user's configuration files; None when the user has no home."""
    if configured := os.environ.get("XDG_CONFIG_HOME"):
        return Path(configured)
    home = _home()
    return Path(home) / ".config" if home else None


def _home() -> str | None:
    """Return the user's home folder as git determines it, also on Windows; None when it is not set."""
    return os.environ.get("HOME") or (os.environ.get("USERPROFILE") if os.name == "nt" else None)


def _expanded(value: str) -> Path:
    """Return the path with a leading `~` or `~name` replaced by that user's home."""
    try:
        return Path(value).expanduser()
    except RuntimeError:  # `~name` of an unknown user
        return Path(value)


def _settings(config: Path, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the settings of a configuration file in order, as pairs of lower-case `section.key` and value.

    An `include.path` setting yields the settings of that file in its place. Sections with a subsection are skipped,
    since no setting that is needed here has one.
    """
    text = _read_text(config)
    if text is None or depth > MAX_INCLUDE_DEPTH:
        return
    section = ""
    for entry in _CONFIG_ENTRY.finditer(text.replace("\r\n", "\n")):
        if entry["section"] is not None:
            section = entry["section"].lower() if entry["subsection"] is None else ""
        elif entry["key"] is not None and entry["value"] is not None and section:
            name = f"{section}.{entry['key'].lower()}"
            value = _QUOTING.sub(lambda quoted: _unquoted(quoted[1]), entry["value"].rstrip())
            if name == "include.path":
                yield from _settings(config.parent / _expanded(value), depth + 1)
            else:
                yield name, value


def _unquoted(escaped: str | None) -> str:
    """Return the character that an escape stands for. None stands for a quotation mark, which disappears."""
    return "" if escaped is None else _ESCAPES.get(escaped, escaped)


def _read_text(path: Path) -> str | None:
    """Return the content of a small regular file as text; None when it cannot be read."""
    content = read_small_file(path)
    return None if content is None else os.fsdecode(content)
