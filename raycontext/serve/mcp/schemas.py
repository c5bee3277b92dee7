"""Pieces of the schemas of the MCP tools, as plain data. It imports nothing, since the relay must start quickly."""

from __future__ import annotations

from typing import Any, Final

__all__ = [
    "COUNT",
    "DEFAULT_LIMIT",
    "DEFAULT_MAX_TOKENS",
    "FORMAT",
    "INDEX_OPTIONS",
    "LARGEST_MAX_TOKENS",
    "LIMIT",
    "MAX_QUERY_CHARACTERS",
    "MAX_TOKENS",
    "PATH",
    "PATTERNS",
    "PROGRESS",
    "REF",
    "STRINGS",
    "about",
    "arguments_of",
]

DEFAULT_LIMIT: Final = 10
DEFAULT_MAX_TOKENS: Final = 9000
LARGEST_MAX_TOKENS: Final = 24_000
"""Largest budget of an answer. Common clients cut or refuse one of 25,000 tokens."""
MAX_QUERY_CHARACTERS: Final = 2000
MAX_PATH_CHARACTERS: Final = 4096
MAX_PATTERNS: Final = 100

PATH: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": MAX_PATH_CHARACTERS}
REF: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 1000}
PATTERNS: Final[dict[str, Any]] = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 200},
    "maxItems": MAX_PATTERNS,
}
INDEX_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "include": {
        **PATTERNS,
        "description": "Index only files that match one of these gitignore globs. The index keeps it; [] removes it.",
    },
    "exclude": {
        **PATTERNS,
        "description": "Leave out files that match one of these gitignore globs, beyond what ignore files leave out. "
        "The index keeps it; [] removes it.",
    },
    "language_of": {
        **PATTERNS,
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
LIMIT: Final[dict[str, Any]] = {
    "type": "integer",
    "minimum": 1,
    "maximum": 50,
    "default": DEFAULT_LIMIT,
    "description": "Most results to return.",
}
MAX_TOKENS: Final[dict[str, Any]] = {
    "type": "integer",
    "minimum": 200,
    "maximum": LARGEST_MAX_TOKENS,
    "default": DEFAULT_MAX_TOKENS,
    "description": "Budget of the whole answer as it is sent. Code is cut, then results "
    "are left out, to keep within it.",
}
STRINGS: Final[dict[str, Any]] = {"type": "array", "items": {"type": "string"}}
COUNT: Final[dict[str, Any]] = {"type": "integer", "minimum": 0}

PROGRESS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "How far the indexing is.",
    "properties": {
        "state": {"enum": ["running", "done", "failed", "cancelled"]},
        "stage": {"type": "string"},
        "percent": {"type": "number", "minimum": 0, "maximum": 100},
        "filesIndexed": COUNT,
        "filesToIndex": COUNT,
        "megabytesPerSecond": {"type": "number", "minimum": 0},
        "secondsLeft": {"type": ["number", "null"], "description": "Expected; null while it cannot be told."},
        "error": {"type": "string"},
    },
    "required": ["state", "percent"],
}

FORMAT: Final[dict[str, Any]] = {
    "enum": ["text", "json"],
    "default": "text",
    "description": "text: for reading. json: structured content with verbatim code, and one line of text.",
}


def arguments_of(required: list[str], **properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a tool's arguments."""
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def about(schema: dict[str, Any], description: str) -> dict[str, Any]:
    """Return a schema with a description."""
    return {**schema, "description": description}
