"""The commands `usages`, `callers`, `callees`, `impact`, `path`, `outline` and `map`. The daemon answers when it is
ready; else this process does.

Nothing but the standard library is imported as long as a daemon answers (see `main`).
"""

from __future__ import annotations

import os

from raycontext.cli.display import place_from_here, print_json, say
from raycontext.cli.queries.search import answered, current_folder, given_globs
from raycontext.errors import InvalidInput
from raycontext.errors.exit_codes import ExitCode
from raycontext.files.paths import place_of, real_path
from raycontext.text.safe import safe, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Given = dict[str, Any]
    Entry = dict[str, Any]

__all__ = ["run"]

KEYS = (
    *("before", "after", "query", "limit", "offset", "languages", "kinds", "uses", "mentions", "depth"),
    *("max_tokens", "collection", "ref"),
)
"""Arguments that have the same name here and in the interface."""


def run(name: str, given: Given) -> int:
    """Answer a question about relations, print it, and return the exit code. Raises what the SDK raises, and
    `RemoteError`.
    """
    body = {key: given[key] for key in KEYS if given.get(key) is not None}
    if given.get("paths") is not None:
        body["paths"] = given_globs(given)
    for key in ("target", "start", "goal"):
        if key in given:
            body[key] = _target(text_of(given[key]), given["collection"] is not None)
    if name in ("outline", "map"):
        body["path"] = _outlined(
            text_of(given["path"] if given["path"] is not None else "."), given["collection"] is not None
        )
    elif name == "diff":
        if given["path"] is not None:
            body["path"] = real_path(text_of(given["path"]))
        elif given["collection"] is None:
            body["folder"] = current_folder()
    elif given.get("place") is not None:
        body["path"] = real_path(given["place"])
    elif given["collection"] is None:
        body["folder"] = current_folder()
    answer = answered(name, body, given)
    if given["as_json"]:
        print_json(answer)
    else:
        for line in _LINES[name](_with_places(answer, answer["source"])):
            print(line)  # noqa: T201
    _tell(name, answer)
    return 0 if _has_found(name, answer) else ExitCode.NOTHING_FOUND


def _with_places(value: Any, source: str) -> Any:
    """Return an answer, or a part of one, whose paths are relative to the current folder, as those of hits are."""
    if isinstance(value, dict):
        return {
            key: place_from_here(source, inner) if key == "path" else _with_places(inner, source)
            for key, inner in value.items()
        }
    return [_with_places(inner, source) for inner in value] if isinstance(value, list) else value


def _outlined(path: str, has_name: bool) -> str:
    """Return the path of an outline: absolute, or with the name of a collection as it is. Raises `InvalidInput`."""
    if not path:
        raise InvalidInput("The path is empty", "Give a file or folder; . is the current folder.")
    return path if has_name else os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - a link is a file


def _target(target: str, has_name: bool) -> str:
    """Return a target whose path is absolute where it is a file here. Raises `InvalidInput` for an empty one."""
    if not target.strip():
        raise InvalidInput("The name is empty", "Give a name, or PATH:LINE of a definition.")
    place = place_of(target)
    if place is None or has_name:
        return target
    path = os.path.abspath(os.path.expanduser(place[0]))  # noqa: PTH100, PTH111 - a link is a file of its own
    return f"{path}:{place[1]}" if os.path.lexists(path) else target


def _usages(answer: Entry) -> list[str]:
    """Return the lines of an answer of `usages`."""
    lines = [f"defined at {_defined(one)}" for one in answer["definitions"]]
    for use in answer["uses"]:
        inside = f"  in {use['enclosing']}" if use["enclosing"] else ""
        place = f"{use['path']}:{use['line']}:{use['column']}"
        lines.append(safe(f"{place}  {use['kind']}{_mark(use)}{inside}"))
        lines.append(safe(f"    {use['text']}"))
    return lines


def _called(answer: Entry) -> list[str]:
    """Return the lines of an answer of `callers` or `callees`."""
    lines = [f"of {_defined(one)}" for one in answer["definitions"]]
    for one in answer["called"]:
        at = ", ".join(dict.fromkeys(str(use["line"]) for use in one["calls"]))
        whom = _defined(one["definition"]) if one["definition"] else safe(f"{one['path']}  at top level")
        lines.append(f"{whom}{_mark(one)}  calls at {at}")
    return lines


def _impact(answer: Entry) -> list[str]:
    """Return the lines of an answer of `impact`."""
    lines = [f"of {_defined(one)}" for one in answer["definitions"]]
    for title, key in (("reached from", "reached"), ("tests", "tests")):
        if answer[key]:
            lines.append(f"{title}:")
        lines.extend(
            f"  {one['depth']}  {_defined(one['definition'])}{_mark(one)}  through {safe(one['through'])}"
            for one in answer[key]
        )
    if answer["not_followed"]:
        names = ", ".join(f"{name} ({count})" for name, count in answer["not_followed"].items())
        lines.append(safe(f"not followed, since too many definitions have the name: {names}"))
    return lines


def _path(answer: Entry) -> list[str]:
    """Return the lines of an answer of `path`."""
    return [f"{number}  {_defined(one)}" for number, one in enumerate(answer["steps"], 1)]


def _outline(answer: Entry) -> list[str]:
    """Return the lines of an answer of `outline`."""
    lines: list[str] = []
    path = None
    for one in answer["definitions"]:
        if one["path"] != path:
            path = one["path"]
            lines.append(safe(path))
        indent = "  " * (one["depth"] + 1)
        told = f"  {one['documentation']}" if one["documentation"] else ""
        many = f"-{one['end_line']}" if one["end_line"] != one["line"] else ""
        lines.append(safe(f"{indent}{one['line']}{many}  {one['kind']} {one['name']}{told}"))
    return lines


def _map(answer: Entry) -> list[str]:
    """Return the definitions by file, that of the most important one first, and by line in each."""
    files: dict[str, list[Entry]] = {}
    for one in answer["definitions"]:
        files.setdefault(one["path"], []).append(one)
    lines: list[str] = []
    for path, found in files.items():
        lines.append(safe(path))
        for one in sorted(found, key=lambda one: one["line"]):
            told = f"  {one['documentation']}" if one["documentation"] else ""
            lines.append(safe(f"  {one['line']}  {one['signature'] or one['name']}{told}"))
    return lines


def _diff(answer: Entry) -> list[str]:
    """Return a line for each definition that differs: how, and its place in the later commit, if it is there."""
    mark = {"added": "+", "modified": "~", "removed": "-"}
    lines = []
    for one in answer["definitions"]:
        place = _defined(one) if one["name"] else safe(f"{one['path']}:{one['line']}")
        lines.append(f"{mark[one['change']]} {place}")
    return lines


_LINES = {
    "usages": _usages,
    "callers": _called,
    "callees": _called,
    "impact": _impact,
    "path": _path,
    "outline": _outline,
    "map": _map,
    "diff": _diff,
}


def _has_found(name: str, answer: Entry) -> bool:
    """Return whether an answer has anything. Definitions are what an outline finds, and what the others ask for."""
    keys = ("definitions",) if name in ("outline", "map", "diff") else ("uses", "called", "reached", "tests", "steps")
    return any(answer.get(key) for key in keys)


def _defined(one: Entry) -> str:
    name = f"{one['scope']} > {one['name']}" if one["scope"] else one["name"]
    return safe(f"{one['path']}:{one['line']}  {one['kind']} {name}")


def _mark(one: Entry) -> str:
    return "" if one["certainty"] == "certain" else " (possible)"


def _tell(name: str, answer: Entry) -> None:
    """Report on stderr what the reader should know about the answer."""
    if name == "usages":
        least = "" if answer["is_exact"] else "at least "
        counts = f"{least}{answer['certain']} certain and {answer['possible']} possible uses"
        say(f"{counts}; {answer['chunks']} chunks have it")
    if name == "outline":
        left = f"; {answer['constants']} constants left out (--kind constant)" if answer["constants"] else ""
        say(f"{len(answer['definitions'])} definitions shown; {answer['files']} indexed files{left}")
    if name == "map":
        shown = len(answer["definitions"])
        say(f"{shown} definitions shown; {answer['names']} different names in {answer['files']} indexed files")
    if name == "diff":
        say(f"{len(answer['definitions'])} definitions shown; {answer['files']} files differ")
    elif answer["shards_answered"] < answer["shards_total"]:
        say(f"{answer['shards_answered']} of {answer['shards_total']} shards have answered: there may be more")
    for note in answer["notes"]:
        say(safe(note))
    if answer["cut"]:
        say("cut to the limit or the budget of tokens")
    if not _has_found(name, answer):
        say("nothing found")
