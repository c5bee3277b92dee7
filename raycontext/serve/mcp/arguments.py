"""Check of a tool's arguments against its schema. Errors tell an agent what to pass instead."""

from __future__ import annotations

import difflib
import os
import re
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from raycontext.errors import InvalidInput
from raycontext.files.foreign_json import read_json
from raycontext.index.request import run_options
from raycontext.serve.mcp.tools import INDEX_OPTIONS, TOOLS

__all__ = ["checked_arguments"]

SHOWN_CHARACTERS = 80
"""Number of characters of a value that an error message shows."""
LARGEST_SHOWN = 10**18
"""Largest number that an error message shows."""

EXTENSIONS = ("extensionFilter", "customExtensions")
"""Arguments that hold extensions, which have no commas."""

_SCHEMAS: dict[str, dict[str, Any]] = {tool["name"]: tool["inputSchema"] for tool in TOOLS}
_VALIDATORS = {name: Draft202012Validator(schema) for name, schema in _SCHEMAS.items()}
_TYPES = {"string": "a string", "integer": "a whole number", "boolean": "true or false", "array": "a list"}


def checked_arguments(tool: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `tool` with defaults filled in. null counts as not given, 10.0 as 10.

    Models often write a number, true or false as text, and a list of one as its only entry: "5" counts as 5, and ".py"
    as [".py"]. Raises `InvalidInput` that names the first argument that cannot be used.
    """
    schemas: dict[str, dict[str, Any]] = _SCHEMAS[tool]["properties"]
    arguments = {
        name: _understood(name, value, schemas.get(name, {}).get("type"))
        for name, value in given.items()
        if value is not None
    }
    if tool == "index_codebase":  # the message is then that of every other interface
        run_options(**{name: arguments[name] for name in INDEX_OPTIONS if name in arguments})
    error = min(_VALIDATORS[tool].iter_errors(arguments), key=lambda found: list(map(str, found.path)), default=None)
    if error is not None:
        raise InvalidInput(*_explained(tool, error))
    for name, value in arguments.items():
        _refuse_unusable_text(name, value)
    path = arguments["path"]
    if not os.path.isabs(path):  # noqa: PTH117
        raise InvalidInput(
            f"path must be absolute, and {_shown(path)} is not",
            "Relative paths and ~ mean nothing here: pass the full path of the project, such as /home/me/project.",
        )
    for name, schema in _SCHEMAS[tool]["properties"].items():
        if "default" in schema:
            arguments.setdefault(name, schema["default"])
    return arguments


def _understood(name: str, value: object, kind: str | None) -> Any:
    """Return a value as the kind that a schema asks for, where that is plainly meant; else as it is."""
    if isinstance(value, float) and value.is_integer():
        return int(value)  # JSON does not tell 10.0 from 10
    if not isinstance(value, str):
        return value
    text = value.strip()
    if kind == "integer" and re.fullmatch(r"[+-]?[0-9]{1,18}(\.0*)?", text):
        return int(text.partition(".")[0])
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return _entries(name, text) if kind == "array" and text else value


def _entries(name: str, text: str) -> Any:
    """Return a list that is given as text: as JSON, as its only entry, or, of extensions, separated by commas."""
    if text.startswith("["):
        try:
            return read_json(text)
        except ValueError:
            pass  # a glob may begin like this, too
    if name in EXTENSIONS:
        return [part.strip() for part in text.split(",") if part.strip()] or text
    return [text]


def _refuse_unusable_text(name: str, value: object) -> None:
    """Raise `InvalidInput` for text that is blank or cannot be encoded."""
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str):
            if "\0" in text:
                raise InvalidInput(f"{name} contains a NUL character", "Leave it out.")
            if not text.strip():
                raise InvalidInput(f"{name} is empty", "Pass some text.")
            try:
                text.encode()
            except UnicodeEncodeError:
                raise InvalidInput(f"{name} contains half of a surrogate pair", "Pass valid Unicode.") from None


def _explained(tool: str, error: ValidationError) -> tuple[str, str]:
    """Return what is wrong and what to do. Little of a value is shown, since it can be of any size."""
    name = str(error.path[0]) if error.path else ""
    limit: Any = error.validator_value
    if error.validator == "required":
        missing = next(argument for argument in limit if argument not in error.instance)
        return f"{missing} is missing", f"{tool} needs {' and '.join(limit)}."
    if error.validator == "additionalProperties":
        known = list(_SCHEMAS[tool]["properties"])
        unknown = next(argument for argument in error.instance if argument not in known)
        close = difflib.get_close_matches(unknown[:SHOWN_CHARACTERS], known, 1, 0.5)
        meant = f"Did you mean {close[0]}? " if close else ""
        return f"{tool} has no argument {_shown(unknown)}", f"{meant}It has {', '.join(known)}."
    if error.validator == "type":
        where = f"each of {name}" if len(error.path) > 1 else name
        return f"{where} must be {_TYPES[limit]}, not {_shown(error.instance)}", "Call again with that."
    return f"{name} {_bound(str(error.validator), limit)}", "Call again within that."


def _bound(validator: str, limit: Any) -> str:
    if validator == "enum":
        return f"must be one of {', '.join(limit)}"
    return {
        "minimum": f"must be at least {limit}",
        "maximum": f"must be at most {limit}",
        "minLength": "must not be empty",
        "maxLength": f"must not be longer than {limit} characters",
        "maxItems": f"must not have more than {limit} entries",
    }[validator]


def _shown(value: object) -> str:
    """Return a value as a short text."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and abs(value) > LARGEST_SHOWN:
        return "a huge number"
    text = repr(value[: SHOWN_CHARACTERS + 1] if isinstance(value, str) else value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
