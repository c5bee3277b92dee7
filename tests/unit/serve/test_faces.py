"""One operation has the same arguments on every interface, but for what a decision names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from raycontext.cli.application import application
from raycontext.cli.main import COMMANDS
from raycontext.sdk.context import Context
from raycontext.serve.http.calls import CALLS
from raycontext.serve.mcp.tools import TOOLS

DECISION = Path(__file__).parents[3] / "docs" / "decisions" / "one-name.md"

SHOWING = {"as_json", "json_hits", "lines", "around", "files", "show_questions", "worst", "skip"}
"""Arguments of commands that say how an answer is printed."""
CONNECTION = {"root", "address", "runtime"}
"""Arguments of commands that `connect` takes in the SDK, and that a running server has."""
OF_COMMANDS = {
    "everywhere": ("collections",),
    "place": ("path",),
    "count": ("output",),
    "no_totals": ("totals",),
    "stop": (),
    "every": (),
    "watching": (),
    "dry_run": (),
}
"""Names on the command line whose meaning has another name elsewhere. `watch --stop` is `unwatch`, `index --watch` is
`watch`, and `index --dry-run` is `estimate`."""
OF_SDK = {"source": ("path",), "on_progress": (), "on_report": ()}
OF_AGENTS = {
    "pathFilter": ("paths",),
    "symbol": ("target",),
    "context": ("before", "after"),
    "format": (),
    "relation": (),
}
"""Names of tools that users of claude-context know, or that several operations share. All others are in camel case."""
TOOLS_OF = {
    "search": "search_code",
    "related": "find_related",
    "outline": "outline",
    "grep": "grep_code",
    "index": "index_codebase",
    "status": "get_indexing_status",
    "clear": "clear_index",
    **dict.fromkeys(("usages", "callers", "callees", "impact", "path"), "find_usages"),
}
COMMANDS_OF = {"collections": "list", "watches": "watch", "unwatch": "watch", "jobs": "status"}
QUERIES = ("search", "related", "usages", "callers", "callees", "impact", "path", "outline", "map", "grep", "index")


def renamed(names: set[str], others: dict[str, tuple[str, ...]]) -> set[str]:
    return {new for name in names for new in others.get(name, (name,))}


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: f"_{found[0].lower()}", name)


def of_http(operation: str) -> set[str]:
    """The field `folder` is the current folder of a command."""
    asks = next(call.asks for call in CALLS if call.name == operation)
    return (set(asks.model_fields) if asks else set()) - {"folder"}


def of_sdk(operation: str) -> set[str]:
    return renamed(set(inspect.signature(getattr(Context, operation)).parameters) - {"self"}, OF_SDK)


def of_command(operation: str) -> set[str]:
    command = typer.main.get_command(application).commands[operation]  # type: ignore[attr-defined]
    names = {parameter.name for parameter in command.params} - SHOWING - CONNECTION
    if operation == "search":
        names |= {"collection"}  # one of `collections`
    return renamed(names, OF_COMMANDS) | ({"line"} if operation == "related" else set())


def of_agents(operation: str) -> set[str]:
    if operation not in TOOLS_OF:
        return of_http(operation)
    (tool,) = (tool for tool in TOOLS if tool["name"] == TOOLS_OF[operation])
    return {snake(name) for name in renamed(set(tool["inputSchema"]["properties"]), OF_AGENTS)}


def decided() -> dict[str, tuple[set[str], set[str]]]:
    """Return what the decision says that each face is without, and what it has besides."""
    rows = re.findall(r"^\| (SDK|command line|MCP) \| (.*) \| (.*) \|$", DECISION.read_text(), re.M)
    return {face: (set(re.findall(r"`(\w+)`", left)), set(re.findall(r"`(\w+)`", more))) for face, left, more in rows}


@pytest.mark.parametrize(
    ("face", "arguments"),
    [("SDK", of_sdk), ("command line", of_command), ("MCP", of_agents)],
    ids=["SDK", "command line", "MCP"],
)
def test_faces_differ_by_what_the_decision_names(face: str, arguments: Callable[[str], set[str]]) -> None:
    left_out: set[str] = set()
    besides: set[str] = set()
    for operation in QUERIES:
        left_out |= of_http(operation) - arguments(operation)
        besides |= arguments(operation) - of_http(operation)
    assert (left_out, besides) == decided()[face]


def test_every_operation_of_http_is_an_operation_of_the_others() -> None:
    """Savings are counted by the daemon, and the SDK awaits a run in place of a list of jobs."""
    operations = {call.name for call in CALLS}
    assert {name for name in operations if not hasattr(Context, name)} == {"jobs", "savings"}
    assert {name for name in operations if COMMANDS_OF.get(name, name) not in COMMANDS} == set()
    assert set(TOOLS_OF.values()) == {tool["name"] for tool in TOOLS}
