"""What the MCP server offers, as plain data: names, descriptions for agents, schemas of arguments and answers.

The relay over stdio answers with it and must start quickly, so this module imports nothing. Names and arguments are
those that users of claude-context know. `find_related`, `find_usages`, `pathFilter` and `maxTokens` are additions.
"""

from __future__ import annotations

from typing import Any, Final

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

DEFAULT_LIMIT: Final = 10
DEFAULT_MAX_TOKENS: Final = 9000
LARGEST_MAX_TOKENS: Final = 24_000
"""Largest budget of an answer. Common clients cut or refuse one of 25,000 tokens."""
MAX_QUERY_CHARACTERS: Final = 2000
MAX_PATH_CHARACTERS: Final = 4096
MAX_PATTERNS: Final = 100

INSTRUCTIONS: Final = (
    "Semantic search over code on this machine. To find where something is done, defined or configured, call "
    "search_code with the absolute path of the project before you list folders, grep or read files: it returns whole "
    "definitions with path, lines and symbol. Before you change a definition, find_usages tells who uses and calls it. "
    "A project that was never searched is indexed by the first search. Use grep instead when you need every occurrence "
    "of an exact string."
)

_PATH: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": MAX_PATH_CHARACTERS}
_PATTERNS: Final[dict[str, Any]] = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 200},
    "maxItems": MAX_PATTERNS,
}
INDEX_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "include": {
        **_PATTERNS,
        "description": "Index only files that match one of these gitignore globs. The index keeps it; [] removes it.",
    },
    "exclude": {
        **_PATTERNS,
        "description": "Leave out files that match one of these gitignore globs, beyond what ignore files leave out. "
        "The index keeps it; [] removes it.",
    },
    "language_of": {
        **_PATTERNS,
        "description": "Languages of files by globs, each as GLOB=LANGUAGE, such as '*.inc=php'. The index keeps it; "
        "[] removes it; a change rebuilds the index.",
    },
    "max_file_bytes": {
        "type": "integer",
        "minimum": 1,
        "description": "Leave out files that are larger. The index keeps it; 4 MiB at first.",
    },
    "num_shards": {
        "type": "integer",
        "minimum": 1,
        "maximum": 4096,
        "description": "Number of shards, for trees of millions of files. The index keeps it; another number rebuilds "
        "it.",
    },
}
"""Options of an index run that an agent may choose.

`embedder` and `secrets` are not among them: an agent that was talked into it must not be able to send a tree to a
server, or to index keys.
"""
_LIMIT: Final[dict[str, Any]] = {
    "type": "integer",
    "minimum": 1,
    "maximum": 50,
    "default": DEFAULT_LIMIT,
    "description": "Most results to return.",
}
_MAX_TOKENS: Final[dict[str, Any]] = {
    "type": "integer",
    "minimum": 200,
    "maximum": LARGEST_MAX_TOKENS,
    "default": DEFAULT_MAX_TOKENS,
    "description": "Budget of the whole answer as it is sent, structured content included. Code is cut, then results "
    "are left out, to keep within it.",
}
_STRINGS: Final[dict[str, Any]] = {"type": "array", "items": {"type": "string"}}
_COUNT: Final[dict[str, Any]] = {"type": "integer", "minimum": 0}

_PROGRESS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "How far the indexing is.",
    "properties": {
        "state": {"enum": ["running", "done", "failed", "cancelled"]},
        "stage": {"type": "string"},
        "percent": {"type": "number", "minimum": 0, "maximum": 100},
        "filesIndexed": _COUNT,
        "filesToIndex": _COUNT,
        "megabytesPerSecond": {"type": "number", "minimum": 0},
        "secondsLeft": {"type": ["number", "null"], "description": "Expected; null while it cannot be told."},
        "error": {"type": "string"},
    },
    "required": ["state", "percent"],
}

_COMPLETENESS: Final[dict[str, Any]] = {
    "partial": {"type": "boolean", "description": "Indexing goes on, or a part did not answer: there may be more."},
    "ageSeconds": {
        "type": ["number", "null"],
        "minimum": 0,
        "description": "Age of what is known of the files: later changes may be missing. null: unknown.",
    },
    "mayMissFiles": {"type": "boolean", "description": "New or changed files may be missing."},
}

_RESULT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "Relative to root."},
        "startLine": {"type": "integer", "minimum": 1},
        "endLine": {"type": "integer", "minimum": 1},
        "symbol": {"type": "string"},
        "kind": {"type": "string"},
        "language": {"type": "string"},
        "score": {"type": "number"},
        "code": {"type": "string"},
        "codeCut": {"type": "boolean", "description": "The code goes on; read the file for the rest."},
        "more": {
            "type": "array",
            "description": "Further places in the file that answer, best first.",
            "items": {
                "type": "object",
                "properties": {
                    "line": {"type": "integer", "minimum": 1},
                    "symbol": {"type": "string"},
                    "score": {"type": "number"},
                },
                "required": ["line", "symbol", "score"],
            },
        },
        "fileChanged": {"type": "boolean", "description": "The file changed since; lines may have moved."},
    },
    "required": ["path", "startLine", "endLine", "symbol", "kind", "language", "score", "code", "codeCut"],
}

_RESULTS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "root": {"type": "string", "description": "Absolute path that the paths of results are relative to."},
        **_COMPLETENESS,
        "results": {"type": "array", "items": _RESULT},
        "omitted": {**_COUNT, "description": "Results left out to keep within the budget."},
        "indexing": _PROGRESS,
        "notes": _STRINGS,
    },
    "required": ["root", "partial", "results", "omitted", "notes"],
}


def _arguments(required: list[str], **properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a tool's arguments."""
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _about(schema: dict[str, Any], description: str) -> dict[str, Any]:
    """Return a schema with a description."""
    return {**schema, "description": description}


TOOLS: Final[list[dict[str, Any]]] = [
    {
        "name": "search_code",
        "title": "Search code by meaning",
        "description": (
            "Find the code that does something, in a folder or repository, by meaning and by name. Use it first when "
            "you do not know the file: to locate a feature, the place to change, how something works, or a definition "
            "whose name you only roughly know. Use grep instead for every occurrence of an exact string.\n"
            "A good query is a short question or description in plain words, with any identifiers that you know: "
            "'where are expired sessions removed?', 'retry with backoff in the HTTP client', 'class SessionStore'. One "
            "idea a query; search again for another.\n"
            "Returns whole definitions, best first: path, lines, symbol and code. A folder that was never indexed is "
            "indexed by this call; if that takes long, results so far come marked as partial."
        ),
        "inputSchema": _arguments(
            ["path", "query"],
            path=_about(_PATH, "Absolute path of the project, or of a folder or file in it to search only there."),
            query={
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_QUERY_CHARACTERS,
                "description": "A question or description in plain words, identifiers included.",
            },
            limit=_LIMIT,
            extensionFilter=_about(_PATTERNS, "Only files with these extensions, such as ['.ts', '.tsx']."),
            pathFilter=_about(
                _PATTERNS, "Only paths that match one of these gitignore globs; '!tests/' leaves out what matches."
            ),
            maxTokens=_MAX_TOKENS,
        ),
        "outputSchema": _RESULTS,
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
        "inputSchema": _arguments(
            ["path", "line"],
            path=_about(_PATH, "Absolute path of a file."),
            line={"type": "integer", "minimum": 1, "maximum": 10**9, "description": "Line in it, from 1."},
            limit=_LIMIT,
            maxTokens=_MAX_TOKENS,
        ),
        "outputSchema": _RESULTS,
        "annotations": {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False},
    },
    {
        "name": "find_usages",
        "title": "Find uses, callers, callees, impact",
        "description": (
            "Find every place that uses a function, method, class or constant, what calls it, what it calls, or "
            "everything that a change of it can reach, tests included. Use it before you change or remove a "
            "definition, instead of grep: comments and strings do not count, and things of the same name are told "
            "apart by scope, imports and receivers. What only types could tell is marked as possible. The project "
            "must be indexed."
        ),
        "inputSchema": _arguments(
            ["path"],
            path=_about(
                _PATH, "Absolute path of the project, of a folder in it to look only there, or of the file of `line`."
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
            limit={**_LIMIT, "maximum": 200, "default": 50},
            maxTokens=_MAX_TOKENS,
        ),
        "outputSchema": {
            "type": "object",
            "properties": {
                "root": {"type": "string", "description": "Absolute path that paths are relative to."},
                "relation": {"type": "string"},
                "symbol": {"type": "string"},
                "definitions": {"type": "array", "items": {"type": "object"}},
                "results": {"type": "array", "items": {"type": "object"}},
                **_COMPLETENESS,
                "omitted": {**_COUNT, "description": "Results left out to keep within the budget."},
                "notes": _STRINGS,
            },
            "required": ["root", "relation", "symbol", "definitions", "results", "partial", "omitted", "notes"],
        },
        "annotations": {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False},
    },
    {
        "name": "outline",
        "title": "Outline a file or folder",
        "description": (
            "List the definitions of a file or folder, nested, with kind, lines and the first line of their "
            "documentation. Use it before you read a long file, or to see what a folder holds: then read only the "
            "lines that matter. The project must be indexed."
        ),
        "inputSchema": _arguments(
            ["path"],
            path=_about(_PATH, "Absolute path of the file or folder."),
            kinds={
                **_PATTERNS,
                "description": "Only definitions of these kinds, such as 'class', 'function', 'method'.",
            },
            limit={**_LIMIT, "maximum": 1000, "default": 200},
            maxTokens=_MAX_TOKENS,
        ),
        "outputSchema": {
            "type": "object",
            "properties": {
                "root": {"type": "string", "description": "Absolute path that paths are relative to."},
                "files": {**_COUNT, "description": "Indexed files at the path."},
                "results": {"type": "array", "items": {"type": "object"}},
                **_COMPLETENESS,
                "omitted": {**_COUNT, "description": "Results left out to keep within the budget."},
                "notes": _STRINGS,
            },
            "required": ["root", "files", "results", "partial", "omitted", "notes"],
        },
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
        "inputSchema": _arguments(
            ["path"],
            path=_about(_PATH, "Absolute path of the folder."),
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
            customExtensions=_about(
                _PATTERNS, "Accepted for compatibility: every text file is indexed, whatever its extension."
            ),
            ignorePatterns=_about(
                _PATTERNS, "Adds to `exclude`, or to what the index leaves out already where `exclude` is not given."
            ),
            **INDEX_OPTIONS,
        ),
        "outputSchema": {
            "type": "object",
            "properties": {
                "root": {"type": "string"},
                "indexing": _PROGRESS,
                "notes": _STRINGS,
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
        "inputSchema": _arguments(["path"], path=_about(_PATH, "Absolute path of the folder, or of anything in it.")),
        "outputSchema": {
            "type": "object",
            "properties": {
                "root": {"type": "string"},
                "status": {"enum": ["indexed", "indexing", "failed", "not_indexed"]},
                "files": _COUNT,
                "chunks": _COUNT,
                "indexedAt": {"type": "string"},
                "runtime": {
                    "enum": ["ray", "processes", "inline"],
                    "description": "Where it is indexed and searched: on Ray, in processes of the daemon, or in the "
                    "daemon alone.",
                },
                "version": {**_COUNT, "description": "Version of the index. Each commit adds one."},
                "embedder": {"type": "string", "description": "Embedder that the vectors come from."},
                "serverVersion": {"type": "string"},
                "memoryBytes": {
                    **_COUNT,
                    "description": "Resident memory of the processes that serve this index, mapped files included.",
                },
                "bytesOnDisk": _COUNT,
                "skipped": {
                    "type": "object",
                    "additionalProperties": _COUNT,
                    "description": "Number of files that were left out, by reason.",
                },
                "indexing": _PROGRESS,
                "notes": _STRINGS,
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
        "inputSchema": _arguments(["path"], path=_about(_PATH, "Absolute path of the indexed folder.")),
        "outputSchema": {
            "type": "object",
            "properties": {"root": {"type": "string"}, "cleared": {"type": "boolean"}, "notes": _STRINGS},
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
