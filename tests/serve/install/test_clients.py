"""Where each program keeps its configuration, on every platform."""

from __future__ import annotations

from pathlib import PurePath, PurePosixPath, PureWindowsPath

import pytest

from raycontext.cli.install.clients import CLIENTS, ClientName, Surroundings, entry_for

LINUX = Surroundings("linux", PurePosixPath("/home/me"), {})
MACOS = Surroundings("darwin", PurePosixPath("/Users/me"), {})
WINDOWS = Surroundings("win32", PureWindowsPath("C:/Users/me"), {"APPDATA": "C:/Users/me/AppData/Roaming"})

PLACES = {
    ClientName.CLAUDE_CODE: (".claude.json",) * 3,
    ClientName.CURSOR: (".cursor/mcp.json",) * 3,
    ClientName.VSCODE: (
        ".config/Code/User/mcp.json",
        "Library/Application Support/Code/User/mcp.json",
        "AppData/Roaming/Code/User/mcp.json",
    ),
    ClientName.CODEX: (".codex/config.toml",) * 3,
    ClientName.GEMINI: (".gemini/settings.json",) * 3,
    ClientName.WINDSURF: (".codeium/windsurf/mcp_config.json",) * 3,
    ClientName.ZED: (".config/zed/settings.json", ".config/zed/settings.json", "AppData/Roaming/Zed/settings.json"),
    ClientName.KIRO: (".kiro/settings/mcp.json",) * 3,
    ClientName.QWEN: (".qwen/settings.json",) * 3,
    ClientName.DROID: (".factory/mcp.json",) * 3,
    ClientName.CRUSH: (".config/crush/crush.json",) * 3,
    ClientName.LM_STUDIO: (".lmstudio/mcp.json",) * 3,
    ClientName.COPILOT: (".copilot/mcp-config.json",) * 3,
}


def test_every_client_has_its_places_here() -> None:
    assert set(PLACES) == set(CLIENTS) == set(ClientName)


@pytest.mark.parametrize("name", ClientName)
@pytest.mark.parametrize(("number", "at"), [(0, LINUX), (1, MACOS), (2, WINDOWS)])
def test_place_of_the_configuration(name: ClientName, number: int, at: Surroundings) -> None:
    assert CLIENTS[name].configuration(at) == at.home / PLACES[name][number]
    assert all(trace.is_relative_to(at.home) and trace != at.home for trace in CLIENTS[name].traces(at))


@pytest.mark.parametrize(
    ("name", "variable", "value", "place"),
    [
        (ClientName.CLAUDE_CODE, "CLAUDE_CONFIG_DIR", "/c", "/c/.claude.json"),
        (ClientName.VSCODE, "XDG_CONFIG_HOME", "/x", "/x/Code/User/mcp.json"),
        (ClientName.CODEX, "CODEX_HOME", "/y", "/y/config.toml"),
        (ClientName.GEMINI, "GEMINI_CLI_HOME", "/g", "/g/.gemini/settings.json"),
        (ClientName.CRUSH, "CRUSH_GLOBAL_CONFIG", "/r", "/r/crush.json"),
        (ClientName.COPILOT, "COPILOT_HOME", "/o", "/o/mcp-config.json"),
    ],
)
def test_variables_move_a_configuration(name: ClientName, variable: str, value: str, place: str) -> None:
    at = Surroundings("linux", PurePosixPath("/home/me"), {variable: value})
    assert CLIENTS[name].configuration(at) == PurePath(place)


def test_an_entry_starts_the_relay_and_says_its_transport_where_that_is_asked_for() -> None:
    assert entry_for(CLIENTS[ClientName.GEMINI], ["/bin/raycontext"], {}) == {
        "command": "/bin/raycontext",
        "args": ["mcp"],
    }
    assert entry_for(CLIENTS[ClientName.VSCODE], ["/bin/raycontext"], {"RAYCONTEXT_ROOT": "/r"}) == {
        "type": "stdio",
        "command": "/bin/raycontext",
        "args": ["mcp"],
        "env": {"RAYCONTEXT_ROOT": "/r"},
    }
