"""What agents are told about raycontext: when to use which tool, and when plain grep is better.

A skill is loaded by an agent when its description fits the task; a sub-agent is a second agent that explores and
answers; rules stand in a file of a project. All say the same, so that one text serves every program.
"""

from __future__ import annotations

import json
from typing import Literal

from raycontext.cli.install.marked import Passage
from raycontext.serve.mcp.tools import TOOLS

__all__ = ["AGENT", "SKILL", "TOOL_USES", "Form", "passage"]

SKILL = "raycontext"
"""Name of the skill, and of its folder."""
AGENT = "raycontext-explorer"
"""Name of the sub-agent, and of its file."""

Form = Literal["skill", "agent", "agent-toml", "agent-droid", "rules", "rules-cursor", "rules-windsurf"]
"""Kind of a text, and of the file that holds it."""

TOOL_USES = {
    "search_code": "you do not know the file: a feature, the place to change, how something works, a half-known name",
    "find_usages": "you are about to change or remove a definition: who uses it, who calls it, what a change reaches",
    "outline": "you want to know what a file or folder holds before you read it",
    "find_related": "you have one piece of code and want others like it: copies, other ways to do the same",
    "grep_code": "you look for every place of an exact text or a regular expression in the indexed files",
}
"""When to use a tool that answers from the index, as the end of a sentence that begins with "when".

The texts name those that the server has.
"""

DESCRIPTION = (
    "Finds code by meaning and by name in an indexed repository: where something is done, who uses or calls a "
    "definition, what a file holds, similar code. Use it before reading files one after the other or running many "
    "greps, when the file or the exact name is not known."
)
AGENT_DESCRIPTION = (
    "Explores a code base and answers where and how something is done, with paths and lines. Use it for questions "
    "that would take many searches and file reads."
)


def passage(form: Form) -> Passage:
    """Return the text of one form."""
    description, agent = json.dumps(DESCRIPTION), json.dumps(AGENT_DESCRIPTION)  # texts of JSON are those of YAML, TOML
    if form == "rules":
        return Passage(_guide())
    if form == "agent-toml":
        text = f'name = "{AGENT}"\ndescription = {agent}\ndeveloper_instructions = """\n{_agent()}"""\n'
        return Passage(text, is_whole_file=True, comment="# ")
    droid = 'model: inherit\ntools: read-only\nmcpServers: ["raycontext"]\n'
    front, body = {
        "skill": (f"name: {SKILL}\ndescription: {description}\n", _guide()),
        "agent": (f"name: {AGENT}\ndescription: {agent}\n", _agent()),
        "agent-droid": (f"name: {AGENT}\ndescription: {agent}\n{droid}", _agent()),
        "rules-cursor": (f"description: {description}\nalwaysApply: false\n", _guide()),
        "rules-windsurf": (f"trigger: model_decision\ndescription: {description}\n", _guide()),
    }[form]
    return Passage(body, f"---\n{front}---\n\n", is_whole_file=True)


def _guide() -> str:
    """Return when to use which tool, as Markdown."""
    there = {str(tool["name"]) for tool in TOOLS}
    uses = "".join(f"- `{tool}` when {use}.\n" for tool, use in TOOL_USES.items() if tool in there)
    return f"""## Code search with raycontext

The MCP server `raycontext` has an index of the code. Its answers hold paths and lines, so read only those.

{uses}
Use plain grep when you look for every place of an exact text that is no identifier, such as a message, a URL or a
number; for files that were written in this minute by a program; and when you know the file: then read it.

How to ask: one question or idea a search, in plain words, with the identifiers that you know. Pass the absolute path of
the project. A small project is indexed by its first search; for a large one call `index_codebase` first. An answer that
is marked as partial gets better: ask again later. Where the first results do not fit, say it in other words before you
fall back to grep.
"""


def _agent() -> str:
    """Return the instructions of the sub-agent, as Markdown."""
    return f"""You explore a code base and report what you have found. You change nothing.

Answer with the places that matter, each as path:line with one sentence, then with how they work together. Say what you
did not find.

{_guide()}"""
