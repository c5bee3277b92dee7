"""The command `grep`: lines of indexed files that match a regular expression, printed as ripgrep prints them.

Nothing but the standard library is imported as long as a daemon answers (see `main`).
"""

from __future__ import annotations

from raycontext.cli.display import place_from_here, print_json, say
from raycontext.cli.queries.search import answered, current_folder, given_globs
from raycontext.errors import InvalidInput
from raycontext.errors.exit_codes import ExitCode
from raycontext.files.paths import real_path
from raycontext.text.cuts import cut_line
from raycontext.text.safe import safe, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Given = dict[str, Any]
    Entry = dict[str, Any]

__all__ = ["run"]

KEYS = (
    *("ignore_case", "word", "fixed_string", "hidden", "limit", "offset", "languages", "max_tokens", "collection"),
    *("before", "after", "ref"),
)
"""Arguments that have the same name here and in the interface."""


def run(name: str, given: Given) -> int:
    """Search, print the answer, and return the exit code. Raises what the SDK raises, and `RemoteError`."""
    if given["files"] and given["count"]:
        raise InvalidInput("--files and --count exclude each other", "Give one of them.")
    body = {key: given[key] for key in KEYS if given.get(key) is not None}
    if given["context"]:
        body["before"] = max(body["before"], given["context"])
        body["after"] = max(body["after"], given["context"])
    body["pattern"] = text_of(given["pattern"])
    body["output"] = "files" if given["files"] else "counts" if given["count"] else "lines"
    body["totals"] = not given["no_totals"]
    if given.get("paths") is not None:
        body["paths"] = given_globs(given)
    if given.get("path") is not None:
        body["path"] = real_path(text_of(given["path"]))
    elif given["collection"] is None:
        body["folder"] = current_folder()
    answer = answered(name, body, given)
    if given["as_json"]:
        print_json(answer)
    else:
        for line in _shown(answer, given):
            print(line)  # noqa: T201
    _tell(answer)
    return 0 if answer["lines"] or answer["files"] else ExitCode.NOTHING_FOUND


def _shown(answer: Entry, given: Given) -> Iterator[str]:
    """Yield the lines of an answer. Context lines stand once, and `--` stands where lines are left out.

    Paths are relative to the current folder, as those of all results are.
    """
    source = answer["source"]
    for file in answer["files"]:
        place = place_from_here(source, file["path"])
        yield f"{place}:{file['lines']}" if given["count"] else place
    places = {line["path"]: place_from_here(source, line["path"]) for line in answer["lines"]}
    matching = {(line["path"], line["line"]) for line in answer["lines"]}
    has_context = any(line["before"] or line["after"] for line in answer["lines"])
    last: tuple[str, int] | None = None
    for line in answer["lines"]:
        path, number = line["path"], line["line"]
        around = [(number - len(line["before"]) + place, text) for place, text in enumerate(line["before"])]
        around.append((number, line["text"]))
        around.extend((number + place, text) for place, text in enumerate(line["after"], 1))
        for at, text in around:
            if last is not None and last[0] == path and at <= last[1]:
                continue
            is_match = (path, at) in matching
            if is_match and at != number:
                break  # the lines from here on come with the next match
            if has_context and last is not None and last != (path, at - 1):
                yield "--"
            mark = ":" if is_match else "-"
            yield f"{places[path]}{mark}{at}{mark}{safe(cut_line(text))}"
            last = (path, at)


def _tell(answer: Entry) -> None:
    """Report on stderr what the reader should know about the answer."""
    about = "" if answer["is_exact"] else "at least "
    lines = f"{answer['matching_lines']} lines in " if answer["matching_lines"] else ""
    say(
        f"{about}{lines}{answer['matching_files']} files match; {answer['read_files']} of "
        f"{answer['searched_files']} files were read"
    )
    if answer["not_indexed"]:
        counts = ", ".join(f"{reason} {count}" for reason, count in answer["not_indexed"].items())
        say(f"not in the index, so not searched: {counts}")
    if answer["shards_answered"] < answer["shards_total"]:
        say(f"{answer['shards_answered']} of {answer['shards_total']} shards have answered: there may be more")
    for note in answer["notes"]:
        say(safe(note))
    if answer["cut"]:
        say("cut to the limit or the budget of tokens")
