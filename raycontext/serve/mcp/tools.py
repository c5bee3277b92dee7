"""What the MCP server offers, as plain data: names, descriptions for agents, schemas of arguments and answers.

The relay over stdio answers with it and must start quickly, so it imports only `schemas`. Names and arguments are those
that users of claude-context know. `find_related`, `find_usages`, `pathFilter` and `maxTokens` are additions.
"""

from __future__ import annotations

from typing import Any, Final

from raycontext.serve.mcp.schemas import (
    COUNT,
    DEFAULT_LIMIT,
    DEFAULT_MAX_TOKENS,
    FORMAT,
    INDEX_OPTIONS,
    LIMIT,
    MAX_QUERY_CHARACTERS,
    MAX_TOKENS,
    PATH,
    PATTERNS,
    PROGRESS,
    REF,
    STRINGS,
    about,
    arguments_of,
)

__all__ = [
    "DEFAULT_LIMIT",
    "DEFAULT_MAX_TOKENS",
    "HANDSHAKE_VERSIONS",
    "INDEX_OPTIONS",
    "INSTRUCTIONS",
    "MODERN_VERSIONS",
    "SERVER_NAME",
    "SERVER_TITLE",
    "TOOLS",
]

SERVER_NAME: Final = "raycontext"
SERVER_TITLE: Final = "Semantic code search"

HANDSHAKE_VERSIONS: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Revisions of the protocol that begin with `initialize`, oldest first."""
MODERN_VERSIONS: Final = ("2026-07-28",)
"""Revisions in which every request carries its own envelope."""

INSTRUCTIONS: Final = (
    "Semantic search over code on this machine. To find where something is done, defined or configured, call "
    "search_code with the absolute path of the project before you list folders, grep or read files: it returns whole "
    "definitions with path, lines and symbol, and what stands around them. Before you change a definition, find_usages "
    "tells who uses and calls it. outline with map: true shows a project that you do not know. "
    "A project that was never searched is indexed by the first search. Use grep_code when you need every occurrence "
    "of an exact string."
)

TOOLS: Final[list[dict[str, Any]]] = [
    {
        "name": "search_code",
        "title": "Search code by meaning",
        "description": (
            "Find the code that does something, in a folder or repository, by meaning and by name. Use it first when "
            "you do not know the file: to locate a feature, the place to change, how something works, or a definition "
            "whose name you only roughly know. Use grep_code for every occurrence of an exact string.\n"
            "A good query is a short question or description in plain words, with any identifiers that you know: "
            "'where are expired sessions removed?', 'retry with backoff in the HTTP client', 'class SessionStore'. One "
            "idea a query; search again for another.\n"
            "Returns whole definitions, best first: path, lines, symbol, code; then signatures of what they call and "
            "who calls them, and what else their files define, so that you need not read the files. A folder that was "
            "never indexed is indexed by this call; if that takes long, results so far come marked as partial."
        ),
        "inputSchema": arguments_of(
            ["path", "query"],
            path=about(PATH, "Absolute path of the project, or of a folder or file in it to search only there."),
            query={
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_QUERY_CHARACTERS,
                "description": "A question or description in plain words, identifiers included.",
            },
            ref=about(REF, "Branch, tag or commit to search, instead of the files as they are now."),
            changed=about(REF, "Two of them as A..B: only code that B has and A has not."),
            commits={
                "type": "boolean",
                "default": False,
                "description": "Find commits of the git history instead of code: why and when something changed.",
            },
            limit=LIMIT,
            extensionFilter=about(PATTERNS, "Only files with these extensions, such as ['.ts', '.tsx']."),
            pathFilter=about(
                PATTERNS, "Only paths that match one of these gitignore globs; '!tests/' leaves out what matches."
            ),
            grep={
                "type": "string",
                "maxLength": 2000,
                "description": "Regular expression (ripgrep's): only code with a line that it matches is ranked.",
            },
            maxTokens=MAX_TOKENS,
            format=FORMAT,
        ),
        "annotations": {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False},
    },
    {
        "name": "find_related",
        "title": "Find code like this",
        "description": (
            "Find code that resembles the code at a line of a file: other implementations of the same idea, copies "
            "that need the same change. Use it with a result of search_code or with code that you are looking at. "
            "The file must be in an indexed folder."
        ),
        "inputSchema": arguments_of(
            ["path", "line"],
            path=about(PATH, "Absolute path of a file."),
            line={"type": "integer", "minimum": 1, "maximum": 10**9, "description": "Line in it, from 1."},
            limit=LIMIT,
            maxTokens=MAX_TOKENS,
            format=FORMAT,
        ),
        "annotations": {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False},
    },
    {
        "name": "find_usages",
        "title": "Find uses, callers, callees, impact",
        "description": (
            "Find every place that uses a function, method, class or constant, what calls it, what it calls, or "
            "everything that a change of it can reach, tests included. Use it before you change or remove a "
            "definition, instead of grep: comments and strings do not count, and things of the same name are told "
            "apart by scope, imports and receivers. What only types could tell is marked as possible."
        ),
        "inputSchema": arguments_of(
            ["path"],
            path=about(
                PATH, "Absolute path of the project, of a folder in it to look only there, or of the file of `line`."
            ),
            symbol={
                "type": "string",
                "minLength": 1,
                "maxLength": 500,
                "description": "Name of the definition, alone or with its type or module: 'load', 'SessionStore.load'.",
            },
            line={
                "type": "integer",
                "minimum": 1,
                "maximum": 10**9,
                "description": "Instead of symbol: a line of the definition in the file at path.",
            },
            relation={
                "enum": ["usages", "callers", "callees", "impact", "path"],
                "default": "usages",
                "description": "usages: all places; callers, callees: definitions; impact: all that reaches it; path: "
                "a shortest chain of calls from it to goal.",
            },
            goal={
                "type": "string",
                "minLength": 1,
                "maxLength": 500,
                "description": "For path alone: name of the definition that the chain ends at.",
            },
            ref=about(REF, "Branch, tag or commit to ask, instead of the files as they are now."),
            limit={**LIMIT, "maximum": 200, "default": 50},
            maxTokens=MAX_TOKENS,
            format=FORMAT,
        ),
        "annotations": {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False},
    },
    {
        "name": "outline",
        "title": "Outline a file or folder",
        "description": (
            "List the definitions of a file or folder, nested, with kind, lines and the first line of their "
            "documentation. Use it before you read a long file, or to see what a folder holds: then read only the "
            "lines that matter. With map: true and the path of a project that you do not know yet, it lists the most "
            "important definitions instead, ranked by who uses them."
        ),
        "inputSchema": arguments_of(
            ["path"],
            path=about(PATH, "Absolute path of the file or folder."),
            kinds={
                **PATTERNS,
                "description": "Only definitions of these kinds, such as 'class', 'function', 'method'.",
            },
            map={
                "type": "boolean",
                "default": False,
                "description": "The most important definitions, with signatures, instead of all.",
            },
            ref=about(REF, "Branch, tag or commit to ask, instead of the files as they are now."),
            limit={**LIMIT, "maximum": 1000, "default": 200},
            maxTokens=MAX_TOKENS,
            format=FORMAT,
        ),
        "annotations": {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False},
    },
    {
        "name": "grep_code",
        "title": "Search by regular expression",
        "description": (
            "List every line of the indexed files that matches a regular expression (ripgrep's syntax), with the exact "
            "number of lines and files. Use it for exact text: strings, messages, keys, names in comments. It searches "
            "what is indexed, by path and line; search_code ranks by meaning instead."
        ),
        "inputSchema": arguments_of(
            ["path", "pattern"],
            path=about(PATH, "Absolute path of the project, or of a folder or file in it to look only there."),
            pattern={
                "type": "string",
                "maxLength": 2000,
                "description": "Regular expression of one line: 'fn \\w+_init', 'open|close', '^import '.",
            },
            ignoreCase={"type": "boolean", "default": False, "description": "Case does not matter."},
            word={"type": "boolean", "default": False, "description": "A match begins and ends where a word does."},
            fixedString={"type": "boolean", "default": False, "description": "The pattern is a text."},
            output={
                "enum": ["lines", "files", "counts"],
                "default": "lines",
                "description": "lines; files: paths alone; counts: paths with their numbers of lines.",
            },
            context={
                "type": "integer",
                "minimum": 0,
                "maximum": 20,
                "default": 0,
                "description": "Lines to show before and after each line.",
            },
            extensionFilter={**PATTERNS, "description": "Only files with these extensions, such as '.py'."},
            pathFilter={**PATTERNS, "description": "Gitignore globs relative to the project; '!' excludes."},
            hidden={"type": "boolean", "default": False, "description": "Also names that begin with a dot."},
            ref=about(REF, "Branch, tag or commit to ask, instead of the files as they are now."),
            limit={**LIMIT, "maximum": 500, "default": 100},
            maxTokens=MAX_TOKENS,
            format=FORMAT,
        ),
        "annotations": {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False},
    },
    {
        "name": "index_codebase",
        "title": "Index a folder",
        "description": (
            "Index a folder, or bring its index up to date, in the background. search_code does this itself where it "
            "is needed: call this to prepare a large project ahead of time, or with force after a search has "
            "reported a damaged or outdated index. Watch it with get_indexing_status. Nothing leaves this machine."
        ),
        "inputSchema": arguments_of(
            ["path"],
            path=about(PATH, "Absolute path of the folder."),
            ref=about(REF, "Branch, tag or commit of its git repository to index, without a checkout."),
            force={
                "type": "boolean",
                "default": False,
                "description": "Build the index anew; the old one answers until then.",
            },
            splitter={
                "type": "string",
                "maxLength": 100,
                "description": "Accepted for compatibility: code is always split at definitions.",
            },
            customExtensions=about(
                PATTERNS, "Accepted for compatibility: every text file is indexed, whatever its extension."
            ),
            ignorePatterns=about(
                PATTERNS, "Adds to `exclude`, or to what the index leaves out already where `exclude` is not given."
            ),
            **INDEX_OPTIONS,
        ),
        "outputSchema": {
            "type": "object",
            "properties": {
                "root": {"type": "string"},
                "indexing": PROGRESS,
                "notes": STRINGS,
            },
            "required": ["root", "indexing", "notes"],
        },
        "annotations": {
            "readOnlyHint": False,
            "destructiveHint": False,
            "idempotentHint": True,
            "openWorldHint": False,
        },
    },
    {
        "name": "get_indexing_status",
        "title": "Status of an index",
        "description": (
            "Say whether a folder is indexed, how much of it, what was left out and why, its version and memory, where "
            "its work runs, and, while it is being indexed, how far that is: percentage, rate, expected time."
        ),
        "inputSchema": arguments_of(["path"], path=about(PATH, "Absolute path of the folder, or of anything in it.")),
        "outputSchema": {
            "type": "object",
            "properties": {
                "root": {"type": "string"},
                "status": {"enum": ["indexed", "indexing", "failed", "not_indexed"]},
                "files": COUNT,
                "chunks": COUNT,
                "indexedAt": {"type": "string"},
                "runtime": {
                    "enum": ["ray", "processes", "inline"],
                    "description": "Where it is indexed and searched: on Ray, in processes of the daemon, or in the "
                    "daemon alone.",
                },
                "version": {**COUNT, "description": "Version of the index. Each commit adds one."},
                "embedder": {"type": "string", "description": "Embedder that the vectors come from."},
                "serverVersion": {"type": "string"},
                "memoryBytes": {
                    **COUNT,
                    "description": "Resident memory of the processes that serve this index, mapped files included.",
                },
                "bytesOnDisk": COUNT,
                "skipped": {
                    "type": "object",
                    "additionalProperties": COUNT,
                    "description": "Number of files that were left out, by reason.",
                },
                "indexing": PROGRESS,
                "notes": STRINGS,
            },
            "required": ["root", "status", "files", "chunks", "serverVersion", "notes"],
        },
        "annotations": {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False},
    },
    {
        "name": "clear_index",
        "title": "Remove an index",
        "description": (
            "Remove the index of a folder. The folder itself is not touched; the next search indexes it again. Only on "
            "the user's request."
        ),
        "inputSchema": arguments_of(["path"], path=about(PATH, "Absolute path of the indexed folder.")),
        "outputSchema": {
            "type": "object",
            "properties": {"root": {"type": "string"}, "cleared": {"type": "boolean"}, "notes": STRINGS},
            "required": ["root", "cleared", "notes"],
        },
        "annotations": {
            "readOnlyHint": False,
            "destructiveHint": True,
            "idempotentHint": True,
            "openWorldHint": False,
        },
    },
]
