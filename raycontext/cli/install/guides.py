"""Where each program keeps what its users tell it: skills, sub-agents, and the rules of a project.

A program without a documented place is left out. Everything here is a function of its arguments, apart from the plans,
which read the files.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from raycontext.cli.install.change import Change, read
from raycontext.cli.install.clients import ClientName, Surroundings
from raycontext.cli.install.instructions import AGENT, SKILL, Form, passage
from raycontext.cli.install.marked import NotMarked, find, with_passage, without_passage
from raycontext.errors import ConfigurationError, RootNotFound

__all__ = [
    "Guide",
    "existing_project",
    "guides_in_project",
    "guides_of_user",
    "is_changed",
    "plan_guide",
    "plan_guide_undo",
    "without_place",
]

OWNER_ONLY = 0o600
AS_OTHERS = 0o666
"""Mode of a new file in a project, before the umask: that of any file that an editor makes there."""


@dataclass(frozen=True)
class Guide:
    """A file of a program that tells its agent about raycontext."""

    kind: str
    """What it is to the user, such as "skill"."""
    path: PurePath
    form: Form
    project: PurePath | None = None
    """Project that the file has to lie in; None for a file of the user."""


Place = Callable[[Surroundings], PurePath]


def _config(at: Surroundings) -> PurePath:
    return at.folder("XDG_CONFIG_HOME", at.home / ".config")


SKILL_FOLDERS: dict[ClientName, Place] = {
    ClientName.CLAUDE_CODE: lambda at: at.folder("CLAUDE_CONFIG_DIR", at.home / ".claude") / "skills",
    ClientName.CURSOR: lambda at: at.home / ".cursor" / "skills",
    ClientName.VSCODE: lambda at: at.home / ".copilot" / "skills",
    ClientName.COPILOT: lambda at: at.folder("COPILOT_HOME", at.home / ".copilot") / "skills",
    ClientName.CODEX: lambda at: at.home / ".agents" / "skills",
    ClientName.GEMINI: lambda at: at.folder("GEMINI_CLI_HOME", at.home) / ".gemini" / "skills",
    ClientName.WINDSURF: lambda at: at.home / ".codeium" / "windsurf" / "skills",
    ClientName.ZED: lambda at: at.home / ".agents" / "skills",
    ClientName.KIRO: lambda at: at.home / ".kiro" / "skills",
    ClientName.QWEN: lambda at: at.home / ".qwen" / "skills",
    ClientName.DROID: lambda at: at.home / ".factory" / "skills",
    ClientName.CRUSH: lambda at: at.folder("CRUSH_SKILLS_DIR", _config(at) / "crush" / "skills"),
}
AGENT_FILES: dict[ClientName, tuple[Place, Form]] = {
    ClientName.CLAUDE_CODE: (
        lambda at: at.folder("CLAUDE_CONFIG_DIR", at.home / ".claude") / "agents" / f"{AGENT}.md",
        "agent",
    ),
    ClientName.CURSOR: (lambda at: at.home / ".cursor" / "agents" / f"{AGENT}.md", "agent"),
    ClientName.COPILOT: (
        lambda at: at.folder("COPILOT_HOME", at.home / ".copilot") / "agents" / f"{AGENT}.agent.md",
        "agent",
    ),
    ClientName.CODEX: (
        lambda at: at.folder("CODEX_HOME", at.home / ".codex") / "agents" / f"{AGENT}.toml",
        "agent-toml",
    ),
    ClientName.GEMINI: (
        lambda at: at.folder("GEMINI_CLI_HOME", at.home) / ".gemini" / "agents" / f"{AGENT}.md",
        "agent",
    ),
    ClientName.QWEN: (lambda at: at.home / ".qwen" / "agents" / f"{AGENT}.md", "agent"),
    ClientName.DROID: (lambda at: at.home / ".factory" / "droids" / f"{AGENT}.md", "agent-droid"),
}
RULES: dict[ClientName, tuple[str, Form]] = {
    ClientName.CLAUDE_CODE: ("CLAUDE.md", "rules"),
    ClientName.CURSOR: (".cursor/rules/raycontext.mdc", "rules-cursor"),
    ClientName.VSCODE: (".github/copilot-instructions.md", "rules"),
    ClientName.COPILOT: (".github/copilot-instructions.md", "rules"),
    ClientName.CODEX: ("AGENTS.md", "rules"),
    ClientName.GEMINI: ("GEMINI.md", "rules"),
    ClientName.WINDSURF: (".windsurf/rules/raycontext.md", "rules-windsurf"),
    ClientName.ZED: ("AGENTS.md", "rules"),
    ClientName.KIRO: (".kiro/steering/raycontext.md", "rules"),
    ClientName.QWEN: ("QWEN.md", "rules"),
    ClientName.DROID: ("AGENTS.md", "rules"),
    ClientName.CRUSH: ("AGENTS.md", "rules"),
}


def existing_project(path: Path) -> Path:
    """Return the absolute path of a project, without links. Raises `RootNotFound` when there is no such folder."""
    place = path.expanduser().resolve()
    if not place.is_dir():
        raise RootNotFound(str(place))
    return place


def guides_of_user(name: ClientName, at: Surroundings) -> list[Guide]:
    """Return the files of a user that tell a program's agent about raycontext."""
    guides = [Guide("skill", SKILL_FOLDERS[name](at) / SKILL / "SKILL.md", "skill")] if name in SKILL_FOLDERS else []
    if name in AGENT_FILES:
        place, form = AGENT_FILES[name]
        guides.append(Guide("sub-agent", place(at), form))
    return guides


def guides_in_project(name: ClientName, project: PurePath) -> list[Guide]:
    """Return the files of a project that tell a program's agent about raycontext."""
    if name not in RULES:
        return []
    relative, form = RULES[name]
    return [Guide("rules", project.joinpath(*relative.split("/")), form, project)]


def without_place(name: ClientName, in_project: bool) -> list[str]:
    """Return for what a program has no documented place."""
    if in_project:
        return [] if name in RULES else ["rules"]
    return [kind for kind, known in (("a skill", SKILL_FOLDERS), ("a sub-agent", AGENT_FILES)) if name not in known]


def plan_guide(guide: Guide) -> Change:
    """Plan to write a file, or our text into it. What somebody has changed in our text stays.

    Raises `ConfigurationError` when the file cannot be read, is one of others in the place of ours, or leads out of the
    project.
    """
    path, text = _text_of(guide)
    try:
        after = with_passage(text, passage(guide.form), len(_missing(path)))
    except NotMarked as error:
        raise _refused(path, str(error)) from None
    mode = OWNER_ONLY if guide.project is None else AS_OTHERS
    return Change(path, _bytes(text), _bytes(after), mode=mode)


def plan_guide_undo(guide: Guide) -> Change:
    """Plan to take our text out again: every byte is then as it was before.

    Raises `ConfigurationError` as `plan_guide` does, and when somebody has changed our text.
    """
    path, text = _text_of(guide)
    try:
        found = None if text is None else find(text, passage(guide.form))
    except NotMarked as error:
        raise _refused(path, str(error)) from None
    if text is None or found is None:
        return Change(path, _bytes(text), _bytes(text))
    if found.is_changed:
        raise _refused(path, "somebody has changed the text between its marker lines")
    left, folders = without_passage(text, found)
    return Change(path, _bytes(text), _bytes(left), emptied=tuple(path.parents)[:folders])


def is_changed(guide: Guide) -> bool:
    """Return whether somebody has changed our text in a file. Raises `ConfigurationError`."""
    path, text = _text_of(guide)
    try:
        found = None if text is None else find(text, passage(guide.form))
    except NotMarked as error:
        raise _refused(path, str(error)) from None
    return found is not None and found.is_changed


def _text_of(guide: Guide) -> tuple[Path, str | None]:
    """Return the path of a guide and its text; None when there is no file. Raises `ConfigurationError`."""
    path = Path(guide.path)
    if guide.project is not None and not path.resolve().is_relative_to(Path(guide.project).resolve()):
        raise ConfigurationError(str(path), "a link leads out of the project", "Nothing was changed. Remove the link.")
    content = read(path)
    if content is None:
        return path, None
    text = content.decode(errors="surrogateescape")
    if "\0" in text or content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigurationError(str(path), "it is no text in UTF-8", "Nothing was changed. Save it as UTF-8.")
    return path, text


def _missing(path: Path) -> list[Path]:
    """Return the folders above a file that do not exist."""
    return [folder for folder in path.parents if not os.path.lexists(folder)]


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode(errors="surrogateescape")


def _refused(path: Path, problem: str) -> ConfigurationError:
    return ConfigurationError(str(path), problem, "Nothing was changed. Look into it, and remove it by hand.")
