"""`raycontext install` on temporary home folders."""

from __future__ import annotations

import json
import os
import re
import sys
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
    ClientName.ZED: '// mine\n{\n  "theme": "One Dark",\n  "context_servers": {},\n}\n',
    ClientName.KIRO: '{"mcpServers": {}}\n',
    ClientName.QWEN: "{}",
    ClientName.DROID: '{\n    "mcpServers": {\n        "files": {"command": "files"}\n    }\n}\n',
    ClientName.CRUSH: '{\n  "$schema": "https://example.org/crush.json"\n}\n',
    ClientName.LM_STUDIO: '{\n  "mcpServers": {}\n}',
    ClientName.COPILOT: '{"mcpServers": {}}\n',
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
    place.write_bytes(FILES[name].encode())
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
    assert (entry["command"], entry["args"]) == (relay_command()[0], ["mcp"])
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


def test_the_diff_cannot_steer_a_terminal(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = write(home, ClientName.CURSOR)
    place.write_text('{\n  "a": "\x1b[31m\u202e"\n}')
    # A raw control character is no JSON; one in a comment is.
    assert install("cursor", "--dry-run").exit_code == 2
    place.write_text("{ /* \x1b[31m\u202e */ }")
    monkeypatch.setenv("RAYCONTEXT_ROOT", "/a\x1b[32m\u202e")
    output = install("cursor", "--dry-run").output
    assert "\x1b" not in output
    assert "\u202e" not in output
    assert "31m" not in output  # what others wrote is not shown


ROOT_TABLES = 'mcp_servers.docs.command = "npx"\nmodel = "a"\napproval_policy = "never"\n\n[tui]\ntheme = "x"\n'


@pytest.mark.parametrize(
    "text",
    [
        ROOT_TABLES,
        ROOT_TABLES.replace("\n", "\r\n"),
        ROOT_TABLES.rstrip("\n"),
        "\ufeff" + ROOT_TABLES,
        'mcp_servers = { docs = { command = "npx", args = ["}"] } }\nmodel = "a"\n[tui]\nx = 1\n',
        "mcp_servers = {}\n[tui]\nx = 1\n",
        '[[jobs]]\nname = "one"\n\n[mcp_servers.docs]\ncommand = "npx"\n\n[[jobs]]\n[jobs.inner]\nx = nan\n',
        '[mcp_servers]\n# none yet\n\n[tui]\nnote = """\n[mcp_servers.raycontext]\n"""\n',
        "[profiles.a]\nmcp_servers.x = 1\n\n# end\n\n\n",
    ],
)
def test_every_form_of_a_toml_file_keeps_its_other_keys(home: Path, text: str) -> None:
    place = place_of(home, ClientName.CODEX)
    place.parent.mkdir()
    place.write_bytes(text.encode())
    done = install("codex", "--yes")
    assert done.exit_code == 0, done.output
    changed = place.read_bytes().decode()
    before, after = (tomllib.loads(each.removeprefix("\ufeff")) for each in (text, changed))
    assert after["mcp_servers"].pop("raycontext")["args"] == ["mcp"]
    assert repr(after) == repr({**before, "mcp_servers": before.get("mcp_servers", {})})
    if "\r\n" in text:
        assert "\n" not in changed.replace("\r\n", "")
    place.with_name(place.name + ".raycontext-backup").unlink()  # it can be taken out without the backup
    assert install("codex", "--undo", "--yes").exit_code == 0
    assert place.read_bytes().decode() == text


def test_what_others_add_below_our_entry_stays_and_parts_of_our_entry_elsewhere_go(home: Path) -> None:
    place = write(home, ClientName.CODEX)
    assert install("codex", "--yes").exit_code == 0
    place.write_text(
        place.read_text()
        + "\n# colours\n[tui]\nx = 1\n\n[mcp_servers.raycontext.tools.search_code]\napproval = true\n# the end\n"
    )
    assert install("codex", "--undo", "--yes").exit_code == 0
    assert place.read_text() == FILES[ClientName.CODEX] + "\n# colours\n[tui]\nx = 1\n# the end\n"


@pytest.mark.parametrize("name", [ClientName.CODEX, ClientName.CURSOR])
def test_a_second_install_keeps_the_keys_that_the_user_added_to_our_entry(
    home: Path, name: ClientName, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, client = write(home, name), CLIENTS[name]
    assert install(name, "--yes").exit_code == 0
    if name is ClientName.CODEX:
        mine = 'startup_timeout_sec = 30 # slow\nargs = [\n  "mcp",\n]\nenv = { TOKEN = "mine" }\n'
        place.write_text(place.read_text().replace('args = ["mcp"]\n', mine))
    else:
        place.write_text(
            place.read_text()
            .replace('["mcp"', '["mcp"')
            .replace('"raycontext": {', '"raycontext": {\n"timeout": 30, "env": {"TOKEN": "mine"},')
        )
    edited = place.read_bytes()
    monkeypatch.setenv("RAYCONTEXT_ROOT", "/elsewhere")
    again = install(name, "--yes")
    assert again.exit_code == 0, again.output
    assert "mine" not in again.output
    entry = entry_in(client, place)
    assert entry["env"] == {"TOKEN": "mine", "RAYCONTEXT_ROOT": "/elsewhere"}
    assert 30 in entry.values()
    copy = place.with_name(place.name + ".raycontext-backup-before-update")
    assert copy.name in again.output
    assert copy.read_bytes() == edited
    assert install(name, "--undo", "--yes").exit_code == 0
    assert place.read_text() == FILES[name]


def test_an_update_of_an_untouched_file_can_be_taken_back_to_the_byte(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = place_of(home, ClientName.GEMINI)
    place.parent.mkdir()
    place.write_text("{ }")
    assert install("gemini", "--yes").exit_code == 0
    monkeypatch.setenv("RAYCONTEXT_ROOT", "/elsewhere")
    assert install("gemini", "--yes").exit_code == 0
    assert install("gemini", "--undo", "--yes").exit_code == 0
    assert place.read_text() == "{ }"
    assert list(place.parent.iterdir()) == [place]


def test_a_write_protected_file_is_left_alone(home: Path) -> None:
    place = write(home, ClientName.CURSOR)
    place.chmod(0o444)
    done = install("cursor", "--yes")
    assert done.exit_code == 2
    assert "chmod u+w" in done.output
    assert place.read_text() == FILES[ClientName.CURSOR]
    assert list(place.parent.iterdir()) == [place]


def test_a_pipe_is_no_configuration(home: Path) -> None:
    place = place_of(home, ClientName.CURSOR)
    place.parent.mkdir()
    os.mkfifo(place)
    done = install("cursor", "--yes")
    assert done.exit_code == 2
    assert "not a file" in done.output


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (ClientName.CURSOR, '{"mcpServers":{"x":{"headers":{"Authorization":"Bearer s3cret"}}}}'),
        (ClientName.CURSOR, '{"mcpServers":{\n"x":{"headers":{"Authorization":"Bearer s3cret"}}\n}}'),
        (ClientName.CURSOR, '{\n"key": "s3cret" // s3cret\n}'),
        (ClientName.CURSOR, "{/* s3cret\n s3cret */ }"),
        (ClientName.CODEX, 'key = "s3cret"'),
        (ClientName.CODEX, "mcp_servers = { x = { env = { TOKEN = \"s3cret\", OTHER = 's3cret' } } }"),
        (ClientName.CODEX, 'key = """\ns3cret"""'),
    ],
)
def test_a_diff_does_not_show_what_others_keep_in_the_file(home: Path, name: ClientName, text: str) -> None:
    place = place_of(home, name)
    place.parent.mkdir()
    place.write_text(text)
    shown = install(name, "--yes").output + install(name, "--undo", "--yes").output
    assert "s3cret" not in shown
    assert relay_command()[0] in shown
    assert place.read_text() == text


def test_where_no_edit_can_be_proven_the_text_to_add_is_shown(home: Path) -> None:
    place = place_of(home, ClientName.CODEX)
    place.parent.mkdir()
    place.write_text("[[mcp_servers]]\nname = 'x'\n")
    done = install("codex", "--yes")
    assert done.exit_code == 2
    assert "    [mcp_servers.raycontext]\n" in done.output
    assert place.read_text() == "[[mcp_servers]]\nname = 'x'\n"


def test_a_module_that_was_run_by_hand_is_written_as_a_command_that_starts(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter = tmp_path / "bin" / "python"  # no `raycontext` beside it
    interpreter.parent.mkdir()
    interpreter.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))
    monkeypatch.setattr(sys, "argv", ["/somewhere/raycontext/__main__.py", "install"])
    write(home, ClientName.GEMINI)
    assert install("gemini", "--yes").exit_code == 0
    place = place_of(home, ClientName.GEMINI)
    entry = entry_in(CLIENTS[ClientName.GEMINI], place)
    assert (entry["command"], entry["args"]) == (str(interpreter), ["-P", "-m", "raycontext", "mcp"])
    assert install("gemini", "--undo", "--yes").exit_code == 0
    assert place.read_text() == FILES[ClientName.GEMINI]
