"""`raycontext install` on temporary home folders."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from raycontext.cli.application import application
from raycontext.cli.install.change import plan_install, plan_undo
from raycontext.cli.install.clients import CLIENTS, Client, ClientName, Surroundings
from raycontext.cli.install.command import relay_command
from raycontext.errors import ConfigurationError

ENTRY: dict[str, Any] = {"command": "/opt/raycontext", "args": ["mcp"]}
FILES = {
    ClientName.CLAUDE_CODE: '{\n  "numStartups": 7,\n  "mcpServers": {},\n  "account": {"token": "t0ps3cret"}\n}\n',
    ClientName.CURSOR: '{\n  // mine\n  "mcpServers": {\n    "files": {"command": "files"},\n  }\n}\n',
    ClientName.VSCODE: '{\n\t"inputs": [],\n\t/* none yet */\n}\n',
    ClientName.CODEX: '# my settings\nmodel = "o9"   # the big one\n\n[mcp_servers.files]\ncommand = "files"\n',
    ClientName.GEMINI: '{"theme":"dark"}',
    ClientName.WINDSURF: "",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("RAYCONTEXT_", "XDG_", "CLAUDE_", "CODEX_", "GEMINI_")):
            monkeypatch.delenv(name)
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("USERPROFILE", str(place))
    return place


def place_of(home: Path, name: ClientName) -> Path:
    return Path(CLIENTS[name].configuration(Surroundings("linux", home, {})))


def write(home: Path, name: ClientName) -> Path:
    place = place_of(home, name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(FILES[name])
    return place


def install(*arguments: str) -> Result:
    return CliRunner().invoke(application, ["install", *arguments])


def entry_in(client: Client, place: Path) -> dict[str, Any]:
    if client.format == "toml":
        return dict(tomllib.loads(place.read_text())[client.container]["raycontext"])
    lines = [line for line in place.read_text().splitlines() if not line.strip().startswith(("//", "/*"))]
    strict = re.sub(r",(\s*[}\]])", r"\1", "\n".join(lines))
    return dict(json.loads(strict)[client.container]["raycontext"])


@pytest.mark.parametrize("name", ClientName)
def test_install_puts_the_relay_in_and_undo_restores_every_byte(home: Path, name: ClientName) -> None:
    place = write(home, name)
    place.chmod(0o640)
    done = install(name, "--yes")
    assert done.exit_code == 0, done.output
    entry = entry_in(CLIENTS[name], place)
    assert (entry["command"], entry["args"]) == (relay_command(), ["mcp"])
    assert Path(entry["command"]).is_absolute()
    assert place.stat().st_mode & 0o777 == 0o640
    backup = place.with_name(place.name + ".raycontext-backup")
    assert backup.read_text() == FILES[name]
    assert backup.name in done.output

    changed = place.read_bytes()
    again = install(name, "--yes")
    assert again.exit_code == 0
    assert "configured already" in again.output
    assert place.read_bytes() == changed

    assert install(name, "--undo", "--yes").exit_code == 0
    assert place.read_text() == FILES[name]
    assert [path for path in place.parent.iterdir() if path.is_file()] == [place]
    assert "nothing of ours" in install(name, "--undo", "--yes").output


@pytest.mark.parametrize("name", ClientName)
def test_a_file_that_was_not_there_is_gone_after_undo(home: Path, name: ClientName) -> None:
    place = place_of(home, name)
    assert install(name, "--yes").exit_code == 0
    assert place.stat().st_mode & 0o777 == 0o600
    assert install(name, "--undo", "--yes").exit_code == 0
    assert not place.exists()


@pytest.mark.parametrize("name", ClientName)
def test_undo_keeps_what_others_have_written_since(home: Path, name: ClientName) -> None:
    client, place = CLIENTS[name], write(home, name)
    plan_install(client, place, ENTRY).apply()
    text = place.read_text()
    place.write_text(text.replace("files", "documents") + "\n\n")
    plan_undo(client, place).apply()
    left = place.read_text()
    assert "raycontext" not in left
    assert left.rstrip() == FILES[name].replace("files", "documents").rstrip() or name is ClientName.WINDSURF
    assert place.with_name(place.name + ".raycontext-backup").read_text() == FILES[name]


def test_an_entry_of_ours_is_brought_up_to_date_and_undo_still_restores_the_first_state(home: Path) -> None:
    client, place = CLIENTS[ClientName.VSCODE], write(home, ClientName.VSCODE)
    plan_install(client, place, ENTRY).apply()
    plan_install(client, place, {**ENTRY, "command": "/new/raycontext"}).apply()
    assert entry_in(client, place)["command"] == "/new/raycontext"
    plan_undo(client, place).apply()
    assert place.read_text() == FILES[ClientName.VSCODE]


def test_without_names_those_that_are_found_are_configured(home: Path) -> None:
    nothing = install("--yes")
    assert nothing.exit_code == 2
    assert "Claude Code" in nothing.output
    write(home, ClientName.CURSOR)
    place_of(home, ClientName.GEMINI).parent.mkdir()
    assert install("--yes").exit_code == 0
    assert {path.relative_to(home).parts[0] for path in home.rglob("*") if path.is_file()} == {".cursor", ".gemini"}


def test_a_dry_run_shows_the_change_and_makes_none(home: Path) -> None:
    place = write(home, ClientName.CURSOR)
    done = install("cursor", "--dry-run")
    assert done.exit_code == 0
    assert f"--- {place}" in done.output
    assert '+    "raycontext": {' in done.output
    assert place.read_text() == FILES[ClientName.CURSOR]
    assert list(place.parent.iterdir()) == [place]


def test_without_a_terminal_nothing_is_changed_unasked(home: Path) -> None:
    place = write(home, ClientName.CURSOR)
    done = install("cursor")
    assert done.exit_code == 2
    assert "--yes" in done.output
    assert place.read_text() == FILES[ClientName.CURSOR]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (ClientName.CURSOR, '{"mcpServers": '),
        (ClientName.CURSOR, "[]"),
        (ClientName.CURSOR, '{"mcpServers": []}'),
        (ClientName.CURSOR, '{"mcpServers": {"raycontext": {"command": "docker", "args": ["run", "x"]}}}'),
        (ClientName.CURSOR, '{"mcpServers": {"raycontext": "x"}}'),
        (ClientName.CODEX, "model = \n"),
        (ClientName.CODEX, 'mcp_servers = "none"\n'),
        (ClientName.GEMINI, b"\xff\xfe{}"),
    ],
)
def test_what_cannot_be_changed_safely_is_refused(home: Path, name: ClientName, content: str | bytes) -> None:
    place = write(home, name)
    place.write_bytes(content.encode() if isinstance(content, str) else content)
    before = place.read_bytes()
    good = write(home, ClientName.WINDSURF)
    done = install(name, "windsurf", "--yes")
    assert done.exit_code == 2
    assert str(place) in done.output
    assert place.read_bytes() == before
    assert "raycontext" in good.read_text()  # the others are configured all the same


def test_a_file_that_changed_meanwhile_is_left_alone(home: Path) -> None:
    client, place = CLIENTS[ClientName.GEMINI], write(home, ClientName.GEMINI)
    change = plan_install(client, place, ENTRY)
    place.write_text('{"theme":"light"}')
    with pytest.raises(ConfigurationError, match="changed by another program"):
        change.apply()
    assert place.read_text() == '{"theme":"light"}'
    assert list(place.parent.iterdir()) == [place]


def test_a_link_stays_a_link(home: Path) -> None:
    place = place_of(home, ClientName.CURSOR)
    place.parent.mkdir()
    kept = home / "dotfiles.json"
    kept.write_text("{}")
    place.symlink_to(kept)
    plan_install(CLIENTS[ClientName.CURSOR], place, ENTRY).apply()
    assert place.is_symlink()
    assert json.loads(kept.read_text())["mcpServers"]["raycontext"] == ENTRY


def test_settings_of_the_shell_go_with_the_entry(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYCONTEXT_ROOT", "~/indexes")
    monkeypatch.setenv("RAYCONTEXT_EMBEDDER", "static")
    place = write(home, ClientName.GEMINI)
    assert install("gemini", "--yes").exit_code == 0
    assert entry_in(CLIENTS[ClientName.GEMINI], place)["env"] == {
        "RAYCONTEXT_ROOT": str(home / "indexes"),
        "RAYCONTEXT_EMBEDDER": "static",
    }


def test_the_diff_cannot_steer_a_terminal(home: Path) -> None:
    place = write(home, ClientName.CURSOR)
    place.write_text('{\n  "a": "\x1b[31m\u202e"\n}')
    # A raw control character is no JSON; one in a comment is.
    assert install("cursor", "--dry-run").exit_code == 2
    place.write_text("{\n  // \x1b[31m\u202e\n}")
    output = install("cursor", "--dry-run").output
    assert "\x1b" not in output
    assert "\u202e" not in output
    assert "\\x1b[31m" in output
