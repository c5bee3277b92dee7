"""The programs that `raycontext install` configures: where each keeps its configuration, and how an entry looks there.

Everything here is a function of its arguments, so that each platform can be tested on any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from typing import Any, Literal

__all__ = ["CLIENTS", "MODULE", "SERVER", "Client", "ClientName", "Surroundings", "entry_for"]

SERVER = "raycontext"
"""Name of our server in every configuration."""
MODULE = ("-P", "-m", "raycontext")
"""Arguments with which Python starts raycontext. -P: nothing is imported from the folder that a client starts it in."""


class ClientName(StrEnum):
    """Name of a program on the command line."""

    CLAUDE_CODE = "claude-code"
    CURSOR = "cursor"
    VSCODE = "vscode"
    CODEX = "codex"
    GEMINI = "gemini"
    WINDSURF = "windsurf"
    ZED = "zed"
    KIRO = "kiro"
    QWEN = "qwen"
    DROID = "droid"
    CRUSH = "crush"
    LM_STUDIO = "lm-studio"
    COPILOT = "copilot"


@dataclass(frozen=True)
class Surroundings:
    """What decides where a configuration lies: the platform, the home folder and the environment variables."""

    platform: Literal["linux", "darwin", "win32"]
    home: PurePath
    variables: Mapping[str, str]

    def folder(self, variable: str, otherwise: PurePath) -> PurePath:
        """Return the folder that an environment variable names, or `otherwise` when it is not set."""
        value = self.variables.get(variable, "")
        return type(self.home)(value) if value else otherwise


@dataclass(frozen=True)
class Client:
    """Program that can be configured."""

    name: ClientName
    title: str
    container: str
    """Key of the object, or table, that holds the servers."""
    configuration: Callable[[Surroundings], PurePath]
    """Function that returns the user's configuration file."""
    traces: Callable[[Surroundings], tuple[PurePath, ...]]
    """Function that returns files or folders. One of them exists when the program is in use."""
    format: Literal["json", "toml"] = "json"
    says_type: bool = False
    """Whether an entry names its transport."""
    more: tuple[tuple[str, Any], ...] = ()
    """Further keys of an entry, with their values."""
    afterwards: str = "Restart it, or reload its MCP servers."

    def is_ours(self, entry: object) -> bool:
        """Return whether an entry is one that `entry_for` makes, whatever keys and variables the user added."""
        if not isinstance(entry, dict):
            return False
        command, arguments = entry.get("command"), entry.get("args", [])
        return isinstance(command, str) and arguments in (["mcp"], [*MODULE, "mcp"])


def entry_for(client: Client, command: Sequence[str], variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the entry in the configuration of `client` for our server.

    command: the program `raycontext` and what it needs before its own arguments.
    """
    program, *arguments = *command, "mcp"
    entry: dict[str, Any] = {"type": "stdio"} if client.says_type else {}
    entry |= {**dict(client.more), "command": program, "args": arguments}
    return entry | ({"env": dict(variables)} if variables else {})


def _claude(at: Surroundings) -> PurePath:
    return at.folder("CLAUDE_CONFIG_DIR", at.home) / ".claude.json"


def _vscode(at: Surroundings) -> PurePath:
    if at.platform == "win32":
        settings = at.folder("APPDATA", at.home / "AppData" / "Roaming")
    elif at.platform == "darwin":
        settings = at.home / "Library" / "Application Support"
    else:
        settings = at.folder("XDG_CONFIG_HOME", at.home / ".config")
    return settings / "Code" / "User" / "mcp.json"


def _codex(at: Surroundings) -> PurePath:
    return at.folder("CODEX_HOME", at.home / ".codex") / "config.toml"


def _gemini(at: Surroundings) -> PurePath:
    return at.folder("GEMINI_CLI_HOME", at.home) / ".gemini" / "settings.json"


def _parent_of(configuration: Callable[[Surroundings], PurePath]) -> Callable[[Surroundings], tuple[PurePath, ...]]:
    return lambda at: (configuration(at).parent,)


def _cursor(at: Surroundings) -> PurePath:
    return at.home / ".cursor" / "mcp.json"


def _windsurf(at: Surroundings) -> PurePath:
    return at.home / ".codeium" / "windsurf" / "mcp_config.json"


def _zed(at: Surroundings) -> PurePath:
    if at.platform == "win32":
        return at.folder("APPDATA", at.home / "AppData" / "Roaming") / "Zed" / "settings.json"
    settings = at.home / ".config" if at.platform == "darwin" else at.folder("XDG_CONFIG_HOME", at.home / ".config")
    return settings / "zed" / "settings.json"


def _kiro(at: Surroundings) -> PurePath:
    return at.home / ".kiro" / "settings" / "mcp.json"


def _qwen(at: Surroundings) -> PurePath:
    return at.home / ".qwen" / "settings.json"


def _droid(at: Surroundings) -> PurePath:
    return at.home / ".factory" / "mcp.json"


def _crush(at: Surroundings) -> PurePath:
    configuration = at.folder("XDG_CONFIG_HOME", at.home / ".config") / "crush"
    return at.folder("CRUSH_GLOBAL_CONFIG", configuration) / "crush.json"


def _copilot(at: Surroundings) -> PurePath:
    return at.folder("COPILOT_HOME", at.home / ".copilot") / "mcp-config.json"


def _lm_studio(at: Surroundings) -> PurePath:
    return at.home / ".lmstudio" / "mcp.json"


CLIENTS: dict[ClientName, Client] = {
    client.name: client
    for client in (
        Client(
            ClientName.CLAUDE_CODE,
            "Claude Code",
            "mcpServers",
            _claude,
            lambda at: (_claude(at), at.folder("CLAUDE_CONFIG_DIR", at.home / ".claude")),
            says_type=True,
            afterwards="Start a new session; /mcp shows the server.",
        ),
        Client(ClientName.CURSOR, "Cursor", "mcpServers", _cursor, _parent_of(_cursor), says_type=True),
        Client(
            ClientName.VSCODE,
            "VS Code",
            "servers",
            _vscode,
            _parent_of(_vscode),
            says_type=True,
            afterwards="Start the server with the command 'MCP: List Servers'.",
        ),
        Client(
            ClientName.CODEX,
            "Codex",
            "mcp_servers",
            _codex,
            _parent_of(_codex),
            format="toml",
            afterwards="Start a new session; /mcp shows the server.",
        ),
        Client(
            ClientName.GEMINI,
            "Gemini CLI",
            "mcpServers",
            _gemini,
            _parent_of(_gemini),
            afterwards="Start a new session; /mcp shows the server.",
        ),
        Client(
            ClientName.WINDSURF,
            "Windsurf",
            "mcpServers",
            _windsurf,
            _parent_of(_windsurf),
            afterwards="Refresh the MCP servers in Cascade's settings.",
        ),
        Client(ClientName.ZED, "Zed", "context_servers", _zed, _parent_of(_zed), afterwards="It is started at once."),
        Client(ClientName.KIRO, "Kiro", "mcpServers", _kiro, lambda at: (at.home / ".kiro",)),
        Client(ClientName.QWEN, "Qwen Code", "mcpServers", _qwen, _parent_of(_qwen)),
        Client(ClientName.DROID, "Factory Droid", "mcpServers", _droid, _parent_of(_droid), says_type=True),
        Client(ClientName.CRUSH, "Crush", "mcp", _crush, _parent_of(_crush), says_type=True),
        Client(ClientName.LM_STUDIO, "LM Studio", "mcpServers", _lm_studio, _parent_of(_lm_studio)),
        Client(
            ClientName.COPILOT,
            "Copilot CLI",
            "mcpServers",
            _copilot,
            _parent_of(_copilot),
            more=(("type", "local"), ("tools", ["*"])),
            afterwards="Start a new session; /mcp shows the server.",
        ),
    )
}
