"""Ignore rules: which files and folders of a tree are left out, as git would leave them out.

Each ignore file becomes a set of rules for the folder that it lies in. When several rules match an entry, the first
source in this list decides; within one ignore file the last matching line decides:

1. `.raycontextignore`, from the entry's folder up;
2. `.ignore`, which ripgrep and its like read too, from the entry's folder up;
3. `.gitignore`, from the entry's folder up to the top of its repository;
4. the repository's `info/exclude`, then the user's global excludes file;
5. outside of repositories of git, `.hgignore` of Mercurial, from the entry's folder up.

Entries below an ignored folder cannot be included again. In a repository inside the tree, git's rules of the outer
repository do not hold, as in git. Rules hold for tracked files as well as for untracked ones. Further working trees of
a repository inside of it are left out: they hold the same files once more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from raycontext.discover.repository import (
    common_git_folder,
    enclosing_mercurial_repository,
    enclosing_repository,
    exclude_files,
    is_inner_worktree,
    read_small_file,
)
from raycontext.discover.rules.mercurial import MercurialRules, parse_mercurial_rules
from raycontext.discover.rules.pattern import GLOB_SPECIALS, Rule, bytewise, glob_to_regex, parse_rules

__all__ = [
    "CONTROL_NAMES",
    "FolderRules",
    "IgnoreRules",
    "RuleSet",
    "is_never_indexed",
    "is_never_indexed_name",
    "rules_for_commit",
    "rules_for_root",
]

OWN_IGNORE_FILE = ".raycontextignore"
PLAIN_IGNORE_FILE = ".ignore"
GIT_IGNORE_FILE = ".gitignore"
MERCURIAL_IGNORE_FILE = ".hgignore"
CONTROL_NAMES = frozenset({OWN_IGNORE_FILE, PLAIN_IGNORE_FILE, GIT_IGNORE_FILE, MERCURIAL_IGNORE_FILE, ".git"})
"""Names of entries that change the rules of the folder that they lie in (see `IgnoreRules.entered`)."""

_VERSION_CONTROL_FOLDERS = (".git", ".hg", ".svn", ".bzr", ".jj", ".sl", "CVS", "_darcs")
_PYTHON_FOLDERS = (
    *("__pycache__", "__pypackages__", ".venv", ".tox", ".nox", ".eggs", ".mypy_cache", ".ruff_cache"),
    *(".pytest_cache", ".pytype", ".hypothesis", ".ipynb_checkpoints", ".direnv"),
)
_JAVASCRIPT_FOLDERS = (
    *("node_modules", "bower_components", ".pnpm-store", ".yarn-cache", ".parcel-cache", ".turbo", ".next"),
    *(".nuxt", ".svelte-kit", ".angular", ".sass-cache"),
)
_OTHER_FOLDERS = (".gradle", ".dart_tool", ".stack-work", ".terraform", ".idea", ".vs")
_NEVER_INDEXED_FOLDERS = frozenset((*_VERSION_CONTROL_FOLDERS, *_PYTHON_FOLDERS, *_JAVASCRIPT_FOLDERS, *_OTHER_FOLDERS))
_VIRTUAL_ENVIRONMENT_NAMES = frozenset({"venv", "env", "virtualenv"})
_VIRTUAL_ENVIRONMENT_MARK = "pyvenv.cfg"


def is_never_indexed(folder: str, name: str) -> bool:
    """Return whether a folder is left out always: version control, a cache or installed packages.

    `folder` is the full path of the folder; `name` is the last part of that path.
    """
    return is_never_indexed_name(name, lambda mark: Path(folder, mark).exists())


def is_never_indexed_name(name: str, has: Callable[[str], bool]) -> bool:
    """Return whether a folder of this name is left out always. `has` tells whether it has an entry of a name."""
    return name in _NEVER_INDEXED_FOLDERS or (name in _VIRTUAL_ENVIRONMENT_NAMES and has(_VIRTUAL_ENVIRONMENT_MARK))


_Verdicts = list[tuple[Callable[[str], re.Match[str] | None], bool]]
"""Function that matches a path, and the verdict where it does, of each rule."""


class RuleSet:
    """Rules of one ignore file. They hold for entries below the file's folder."""

    __slots__ = (
        "_base_length",
        "_every_name",
        "_for_files",
        "_for_folders",
        "_name_globs",
        "_names",
        "_path_globs",
        "_suffixes",
    )

    def __init__(self, rules: Iterable[Rule], base: str) -> None:
        """Compile the rules of an ignore file, given in the order of its lines.

        `base` is the folder of the ignore file, relative to the folder that all paths are relative to. It is empty or
        ends in "/".
        """
        ordered = list(rules)
        # The last rule decides, so it is tried first.
        self._for_folders: _Verdicts = [(re.compile(rule.regex).match, not rule.negated) for rule in reversed(ordered)]
        self._for_files: _Verdicts = [
            verdict for verdict, rule in zip(self._for_folders, reversed(ordered), strict=True) if not rule.folders_only
        ]
        self._base_length = len(bytewise(base))
        # Nearly all entries match no rule. A few sets and combined expressions, mostly over the name alone, tell
        # this much faster than trying the rules one by one (see `_may_match`).
        self._every_name = False
        names: set[str] = set()
        suffixes: set[str] = set()
        name_globs: set[str] = set()
        path_globs: set[str] = set()
        for rule in ordered:
            name_glob = _name_glob(rule)
            literal = name_glob.removeprefix("*")
            if literal in ("", "*"):
                if rule.anchored:
                    path_globs.add(rule.regex)
                else:
                    self._every_name = True
            elif literal == name_glob and GLOB_SPECIALS.isdisjoint(literal):
                names.add(literal)
            elif GLOB_SPECIALS.isdisjoint(literal):
                suffixes.add(literal)
            else:
                # A glob that cannot be translated alone becomes "", which matches any name. That only costs time.
                name_globs.add(glob_to_regex(name_glob, anchored=True) or "")
        self._names = frozenset(names)
        self._suffixes = tuple(suffixes)
        self._name_globs = _any_of(name_globs)
        self._path_globs = _any_of(path_globs)

    def file_verdict(self, path: str, name: str) -> bool | None:
        """Return True when the file is ignored, False when it is included again, None when no rule matches.

        `path` is relative to the folder that `base` is relative to. `name` is its last part. Both are results of
        `bytewise`.
        """
        return self._verdict(self._for_files, path, name)

    def folder_verdict(self, path: str, name: str) -> bool | None:
        """Return the verdict on a folder. Arguments and result are like those of `file_verdict`."""
        return self._verdict(self._for_folders, path, name)

    def _verdict(self, rules: _Verdicts, path: str, name: str) -> bool | None:
        relative = path[self._base_length :] if self._base_length else path
        if self._may_match(relative, name):
            for match, verdict in rules:
                if match(relative):
                    return verdict
        return None

    def _may_match(self, relative: str, name: str) -> bool:
        """Return False only when no rule can match. The answer True is not certain."""
        if self._every_name or name in self._names or name.endswith(self._suffixes):
            return True
        if self._name_globs is not None and self._name_globs.match(name):
            return True
        return self._path_globs is not None and self._path_globs.match(relative) is not None


class MercurialRuleSet:
    """Rules of one `.hgignore` file. It is used like a `RuleSet`; none of its rules includes an entry again."""

    __slots__ = ("_base_length", "_found", "_globs")

    def __init__(self, found: MercurialRules, base: str) -> None:
        """Take the rules of an ignore file. `base` is like that of `RuleSet`."""
        self._found = found
        self._globs = RuleSet(found.rules, base)
        self._base_length = len(bytewise(base))

    def file_verdict(self, path: str, name: str) -> bool | None:
        """Return the verdict on a file. Arguments and result are like those of `RuleSet.file_verdict`."""
        return self._globs.file_verdict(path, name) or self._found.matches(path[self._base_length :]) or None

    def folder_verdict(self, path: str, name: str) -> bool | None:
        """Return the verdict on a folder. Arguments and result are like those of `RuleSet.file_verdict`."""
        return self._globs.folder_verdict(path, name) or self._found.matches(path[self._base_length :]) or None


def _any_of(regexes: set[str]) -> re.Pattern[str] | None:
    """Return one pattern that matches what any of the expressions matches; None without expressions."""
    return re.compile("|".join(sorted(regexes))) if regexes else None


def _name_glob(rule: Rule) -> str:
    """Return a glob over names alone. The name of every entry that the rule matches also matches this glob."""
    head, _, name = rule.glob.rpartition("/")
    # A slash may be escaped or stand in brackets; `foo**/bar` matches `foobar`, `a/foo**` matches `a/foo/b`.
    is_unusual = "\\" in head or "[" in head or re.search(r"[^/]\*\*", rule.glob)
    return "*" if rule.anchored and is_unusual else name


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """Immutable rules that hold in one folder of a tree. `entered` returns the rules of a subfolder."""

    prefix: str = ""
    """Path of the walk's root, relative to the top of its repository. It is empty or ends in "/"."""
    own: tuple[RuleSet, ...] = ()
    """Rules of `.raycontextignore`, innermost folder first."""
    plain: tuple[RuleSet, ...] = ()
    """Rules of `.ignore`, innermost folder first."""
    git: tuple[RuleSet, ...] = ()
    """Rules of git's own files, strongest first."""
    mercurial: tuple[MercurialRuleSet, ...] = ()
    """Rules of `.hgignore`, innermost folder first."""
    is_in_git: bool = False
    """Whether the folder lies in a repository of git, where `.hgignore` does not count."""

    @property
    def is_empty(self) -> bool:
        """True when no rule holds."""
        return not (self.own or self.plain or self.git or self.mercurial)

    def _strongest_first(self) -> Iterator[RuleSet | MercurialRuleSet]:
        return chain(self.own, self.plain, self.git, self.mercurial)

    def ignores_file(self, path: str, name: str) -> bool:
        """Return whether a file is left out. `path` is relative to the walk's root; `name` is its last part."""
        path, name = bytewise(self.prefix + path), bytewise(name)
        for rules in self._strongest_first():
            verdict = rules.file_verdict(path, name)
            if verdict is not None:
                return verdict
        return False

    def ignores_folder(self, path: str, name: str) -> bool:
        """Return whether a folder is left out. The arguments are like those of `ignores_file`."""
        path, name = bytewise(self.prefix + path), bytewise(name)
        for rules in self._strongest_first():
            verdict = rules.folder_verdict(path, name)
            if verdict is not None:
                return verdict
        return False

    def entered(self, folder: Path, path: str) -> IgnoreRules:
        """Return the rules for the entries of a folder, read from the ignore files in it.

        `folder` is the full path of the folder. `path` is relative to the walk's root ("" for the root itself).
        """
        base = f"{self.prefix}{path}/" if path else self.prefix
        git_folder = common_git_folder(folder)
        git = self.git if git_folder is None else _repository_rules(git_folder, base)
        inside = replace(self, git=git, is_in_git=self.is_in_git or git_folder is not None)
        return inside.with_files(base, lambda name: read_small_file(folder / name, follow_links=False))

    def with_files(self, base: str, read: Callable[[str], bytes | None]) -> IgnoreRules:
        """Return the rules for the entries of a folder whose ignore files `read` returns by name, None for no file.

        base: path of the folder relative to what rules are relative to, empty or with "/" at its end.
        """
        mercurial = () if self.is_in_git else _mercurial_rules_of(read(MERCURIAL_IGNORE_FILE), base) + self.mercurial
        return replace(
            self,
            own=_rules_in(read(OWN_IGNORE_FILE), base) + self.own,
            plain=_rules_in(read(PLAIN_IGNORE_FILE), base) + self.plain,
            git=_rules_in(read(GIT_IGNORE_FILE), base) + self.git,
            mercurial=mercurial,
        )


def rules_for_root(root: Path) -> IgnoreRules:
    """Return the rules that folders above `root` and git's global files impose on it.

    `root` is absolute and resolved. The ignore files in `root` itself are not read. Inside a repository, the rules
    come from the folders above `root`, up to the top of the repository. If those rules ignore `root` itself, they are
    dropped: a user who names an ignored folder wants its contents.
    """
    outside = IgnoreRules(git=_repository_rules(None, ""))
    if common_git_folder(root) is not None:
        return outside
    top = enclosing_repository(root) or enclosing_mercurial_repository(root)
    if top is None:
        return outside
    rules = IgnoreRules().entered(top, "")
    folder, path = top, ""
    for name in root.relative_to(top).parts:
        folder, path = folder / name, f"{path}/{name}" if path else name
        if is_never_indexed(str(folder), name) or rules.ignores_folder(path, name):
            return outside
        if folder != root:
            rules = rules.entered(folder, path)
    return replace(rules, prefix=f"{path}/")


class _ReadIn(NamedTuple):
    """Reader of the files of one folder by their names."""

    by_path: Callable[[str], bytes | None]
    folder: str
    """Path of the folder, with "/" at its end."""

    def read(self, name: str) -> bytes | None:
        return self.by_path(self.folder + name)

    def has(self, name: str) -> bool:
        return self.read(name) is not None


def rules_for_commit(git_folder: Path, folder: str, read: Callable[[str], bytes | None]) -> IgnoreRules:
    """Return the rules for the entries of a folder in the tree of a commit, as a walk of a checkout begins with them.

    git_folder: git's own folder, which all working trees share. folder: path in the tree, "" for its top. read: returns
    an ignore file by its path in the tree; None where there is none.
    """
    top = IgnoreRules(git=_repository_rules(git_folder, ""), is_in_git=True).with_files("", read)
    if not folder:
        return top
    outside = IgnoreRules(git=_repository_rules(None, ""))
    rules, path = top, ""
    for name in folder.split("/"):
        path = f"{path}/{name}" if path else name
        inside = _ReadIn(read, f"{path}/")
        if is_never_indexed_name(name, inside.has) or rules.ignores_folder(path, name):
            return outside.with_files("", _ReadIn(read, f"{folder}/").read)
        rules = rules.with_files(inside.folder, inside.read)
    return replace(rules, prefix=f"{folder}/")


def _repository_rules(git_folder: Path | None, base: str) -> tuple[RuleSet, ...]:
    """Return the rules for a whole repository whose top is `base`, the strongest first.

    `git_folder` None means that there is no repository: only the user's global file counts. Links are followed, as git
    follows them here.
    """
    return tuple(rules for file in exclude_files(git_folder) for rules in _rules_in(read_small_file(file), base))


def _rules_in(content: bytes | None, base: str) -> tuple[RuleSet, ...]:
    """Return the rules of an ignore file; empty when it is None, for one that cannot be read, or has no rule."""
    rules = parse_rules(content) if content else []
    return (RuleSet(rules, base),) if rules else ()


def _mercurial_rules_of(content: bytes | None, base: str) -> tuple[MercurialRuleSet, ...]:
    """Return the rules of an `.hgignore` file; empty when it is None, for one that cannot be read, or has no rule."""
    found = parse_mercurial_rules(content) if content else None
    return (MercurialRuleSet(found, base),) if found is not None and (found.rules or found.expressions) else ()


class FolderRules:
    """Cache of the rules inside single folders of a tree, for look-ups without a walk.

    `root` is absolute and resolved.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, IgnoreRules | None] = {}

    def inside(self, folder: str) -> IgnoreRules | None:
        """Return the rules for the entries of a folder; None when it, or a folder above it, is ignored.

        `folder` is a path relative to the root ("" is the root). The folder need not exist.
        """
        if folder not in self._known:
            self._known[folder] = self._found(folder)
        return self._known[folder]

    def forget(self) -> None:
        """Drop all cached rules. Call this after an ignore file has changed."""
        self._known.clear()

    def _found(self, folder: str) -> IgnoreRules | None:
        """Read the rules for a folder. Arguments and result are like those of `inside`."""
        if not folder:
            return rules_for_root(self._root).entered(self._root, "")
        parent, _, name = folder.rpartition("/")
        above = self.inside(parent)
        place = self._root / folder
        if above is None or is_never_indexed(str(place), name) or above.ignores_folder(folder, name):
            return None
        if is_inner_worktree(place, self._root):
            return None
        return above.entered(place, folder)
