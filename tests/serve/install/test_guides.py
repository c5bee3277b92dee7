"""Skills, sub-agents and rules that `raycontext install` gives to agents."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from raycontext.cli.application import application
from raycontext.cli.install.clients import ClientName, Surroundings
from raycontext.cli.install.guides import guides_in_project, guides_of_user, without_place
from raycontext.cli.install.instructions import AGENT, SKILL, TOOL_USES, Form, passage
from raycontext.serve.mcp.tools import TOOLS

from .test_install import home  # noqa: F401 - the fixture

AT = Surroundings("linux", PurePosixPath("/home/me"), {})
PLACES = {
    ClientName.CLAUDE_CODE: (".claude/skills", ".claude/agents/raycontext-explorer.md", "CLAUDE.md"),
    ClientName.CURSOR: (".cursor/skills", ".cursor/agents/raycontext-explorer.md", ".cursor/rules/raycontext.mdc"),
    ClientName.VSCODE: (".copilot/skills", "", ".github/copilot-instructions.md"),
    ClientName.COPILOT: (
        ".copilot/skills",
        ".copilot/agents/raycontext-explorer.agent.md",
        ".github/copilot-instructions.md",
    ),
    ClientName.CODEX: (".agents/skills", ".codex/agents/raycontext-explorer.toml", "AGENTS.md"),
    ClientName.GEMINI: (".gemini/skills", ".gemini/agents/raycontext-explorer.md", "GEMINI.md"),
    ClientName.WINDSURF: (".codeium/windsurf/skills", "", ".windsurf/rules/raycontext.md"),
    ClientName.ZED: (".agents/skills", "", "AGENTS.md"),
    ClientName.KIRO: (".kiro/skills", "", ".kiro/steering/raycontext.md"),
    ClientName.QWEN: (".qwen/skills", ".qwen/agents/raycontext-explorer.md", "QWEN.md"),
    ClientName.DROID: (".factory/skills", ".factory/droids/raycontext-explorer.md", "AGENTS.md"),
    ClientName.CRUSH: (".config/crush/skills", "", "AGENTS.md"),
    ClientName.LM_STUDIO: ("", "", ""),
}


def install(*arguments: str | Path) -> Result:
    return CliRunner().invoke(application, ["install", *map(str, arguments)])


def content(folder: Path) -> dict[str, Any]:
    """Every file and folder below a folder."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode) if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_every_program_has_its_places_here_or_is_known_to_have_none() -> None:
    for name in ClientName:
        skill, agent, rules = PLACES[name]
        found = {guide.kind: str(guide.path) for guide in guides_of_user(name, AT)}
        wanted = {"skill": f"{skill}/{SKILL}/SKILL.md" if skill else "", "sub-agent": agent}
        assert found == {kind: f"/home/me/{place}" for kind, place in wanted.items() if place}
        assert without_place(name, False) == [f"a {kind}" for kind, place in wanted.items() if not place]
        assert [str(guide.path) for guide in guides_in_project(name, PurePosixPath("/p"))] == [f"/p/{rules}"] * bool(
            rules
        )
        assert without_place(name, True) == ["rules"] * (not rules)
    assert sum(bool(skill) for skill, _, _ in PLACES.values()) >= 12


def test_texts_name_the_tools_that_there_are() -> None:
    tools = {str(tool["name"]) for tool in TOOLS}
    answering = {str(tool["name"]) for tool in TOOLS if tool["annotations"]["readOnlyHint"]} - {"get_indexing_status"}
    assert set(TOOL_USES) >= answering, "the texts grow with the tools"
    for form in ("skill", "agent", "agent-toml", "rules"):
        text = passage(form).body  # type: ignore[arg-type]
        named = set(re.findall(r"`(\w+)`", text)) - {"raycontext"}
        assert answering <= named <= tools
        assert "plain grep when" in text


@pytest.mark.parametrize("form", ["skill", "agent", "agent-droid", "rules-cursor", "rules-windsurf"])
def test_front_matter_is_what_programs_read(form: Form) -> None:
    written = passage(form).written(made=1)
    _, front, body = written.split("---\n", 2)
    fields = yaml.safe_load(front)
    assert 20 < len(fields["description"]) < (500 if form == "agent-droid" else 1024)
    assert fields.get("name") == {"skill": SKILL, "agent": AGENT, "agent-droid": AGENT}.get(form)
    assert len(body.splitlines()) < 100


def test_sub_agent_of_codex_is_toml() -> None:
    told = tomllib.loads(passage("agent-toml").written(made=1))
    assert set(told) == {"name", "description", "developer_instructions"}
    assert "search_code" in told["developer_instructions"]


@pytest.mark.parametrize("name", ClientName)
def test_install_and_undo_leave_a_home_as_it_was(home: Path, name: ClientName) -> None:  # noqa: F811
    before = content(home)
    shown = install(name, "--dry-run")
    assert content(home) == before
    done = install(name, "--yes")
    assert done.exit_code == 0, done.output
    written = [path for place in PLACES[name][:2] if place for path in [place]]
    for place in written:
        path = home / place if place.endswith((".md", ".toml")) else home / place / SKILL / "SKILL.md"
        assert "search_code" in path.read_text()
        assert path.stat().st_mode & 0o777 == 0o600
        assert str(path) in shown.output
    missing = without_place(name, False)
    assert (f"no documented place for {' and '.join(missing)}; left out" in done.output) == bool(missing)
    assert "configured already" in install(name, "--yes").output
    assert install(name, "--undo", "--yes").exit_code == 0
    assert {path for path, text in content(home).items() if text is not None} == set()


def test_all_programs_at_once_and_each_text_is_shown_once(home: Path) -> None:  # noqa: F811
    done = install(*ClientName, "--yes")
    assert done.exit_code == 0
    assert done.output.count("+description: ") < 8
    assert "a new file with the same text as" in done.output
    assert install(*ClientName, "--undo", "--yes").exit_code == 0
    assert {path for path, text in content(home).items() if text is not None} == set()


def test_a_skill_that_another_program_reads_stays(home: Path) -> None:  # noqa: F811
    install("zed", "codex", "--yes")
    skill = home / ".agents/skills/raycontext/SKILL.md"
    told = install("zed", "--undo", "--yes")
    assert "stays, since Codex reads it too" in told.output
    assert skill.exists()
    install("codex", "--undo", "--yes")
    assert not (home / ".agents").exists()


def test_without_instructions_only_the_server_is_configured(home: Path) -> None:  # noqa: F811
    assert install("cursor", "--no-instructions", "--yes").exit_code == 0
    assert [path.name for path in (home / ".cursor").iterdir()] == ["mcp.json"]


@pytest.mark.parametrize("text", [None, "", "# Project\n", "# Project\r\n\r\nText", "no end", "ü\n\n\n"])
def test_rules_of_a_project_are_added_and_taken_out_byte_for_byte(
    home: Path,  # noqa: F811
    tmp_path: Path,
    text: str | None,
) -> None:
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    if text is not None:
        for _, _, place in PLACES.values():
            if place in ("AGENTS.md", "CLAUDE.md", "GEMINI.md", "QWEN.md"):
                (project / place).write_bytes(text.encode())
    before = content(project)
    shown = install(*ClientName, "--project", project, "--dry-run")
    assert "+- `search_code` when" in shown.output
    assert content(project) == before
    done = install(*ClientName, "--project", project, "--yes")
    assert done.exit_code == 0, done.output
    assert "LM Studio: no documented place for rules" in done.output
    assert content(home) == {}
    for _, _, place in PLACES.values():
        assert not place or "search_code" in (project / place).read_text()
    assert (project / "AGENTS.md").read_bytes().startswith((text or "").encode())
    assert install("--project", project, "--undo", "--yes").exit_code == 0
    assert content(project) == before


def test_a_source_is_never_written_to_without_project(
    home: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    assert install(*ClientName, "--yes").exit_code == 0
    assert content(tmp_path / "project") == {}


def test_what_somebody_has_changed_in_our_text_is_kept(home: Path) -> None:  # noqa: F811
    install("claude-code", "--yes")
    skill = home / ".claude/skills/raycontext/SKILL.md"
    changed = skill.read_text().replace("plain grep", "ripgrep")
    skill.write_text(changed)
    again = install("claude-code", "--yes")
    assert again.exit_code == 0
    assert "was changed by hand and stays" in again.output
    undone = install("claude-code", "--undo", "--yes")
    assert undone.exit_code == 2
    assert "somebody has changed the text" in undone.output
    assert skill.read_text() == changed


def test_a_skill_of_others_with_our_name_is_not_touched(home: Path) -> None:  # noqa: F811
    skill = home / ".claude/skills/raycontext/SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("mine\n")
    told = install("claude-code", "--yes")
    assert told.exit_code == 2
    assert "did not put there" in told.output
    assert skill.read_text() == "mine\n"
    assert (home / ".claude.json").exists()  # the others are made all the same


def test_a_link_that_leads_out_of_a_project_is_not_followed(home: Path, tmp_path: Path) -> None:  # noqa: F811
    project, outside = tmp_path / "project", tmp_path / "outside.md"
    project.mkdir()
    outside.write_text("mine\n")
    (project / "AGENTS.md").symlink_to(outside)
    (project / ".cursor").symlink_to(tmp_path)
    told = install("codex", "cursor", "--project", project, "--yes")
    assert told.exit_code == 2
    assert told.output.count("a link leads out of the project") == 2
    assert outside.read_text() == "mine\n"
    assert not (tmp_path / "rules").exists()


def test_one_file_under_two_names_is_changed_once(home: Path, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "AGENTS.md").write_text("# Mine\n")
    (tmp_path / "CLAUDE.md").symlink_to("AGENTS.md")
    assert install("codex", "claude-code", "--project", tmp_path, "--yes").exit_code == 0
    assert (tmp_path / "AGENTS.md").read_text().count("raycontext:begin") == 1
    assert (tmp_path / "CLAUDE.md").is_symlink()
    assert install("codex", "claude-code", "--project", tmp_path, "--undo", "--yes").exit_code == 0
    assert (tmp_path / "AGENTS.md").read_text() == "# Mine\n"


def test_a_write_protected_file_stays(home: Path, tmp_path: Path) -> None:  # noqa: F811
    rules = tmp_path / "AGENTS.md"
    rules.write_text("mine\n")
    rules.chmod(0o444)
    told = install("codex", "--project", tmp_path, "--yes")
    assert told.exit_code == 2
    assert "write-protected" in told.output
    assert rules.read_text() == "mine\n"


def test_a_new_file_of_a_project_has_the_mode_of_others(home: Path, tmp_path: Path) -> None:  # noqa: F811
    mask = os.umask(0o022)
    try:
        install("codex", "--project", tmp_path, "--yes")
    finally:
        os.umask(mask)
    assert (tmp_path / "AGENTS.md").stat().st_mode & 0o777 == 0o644


def test_a_project_that_is_not_there_is_exit_code_3(home: Path, tmp_path: Path) -> None:  # noqa: F811
    told = install("codex", "--project", tmp_path / "gone", "--yes")
    assert getattr(told.exception, "exit_code", told.exit_code) == 3
