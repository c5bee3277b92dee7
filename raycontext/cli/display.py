"""Output of the commands that answer queries. It imports nothing but the standard library (see `main`)."""

from __future__ import annotations

import os
import sys

from raycontext.errors.exit_codes import ExitCode
from raycontext.text.cuts import cut_line, cut_text, split_lines
from raycontext.text.safe import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, TextIO

    Hit = dict[str, Any]

__all__ = [
    "commit_lines",
    "discard",
    "interrupted",
    "output_closed",
    "place_from_here",
    "print_hits",
    "print_json",
    "say",
    "surroundings_lines",
    "unexpected",
    "with_context",
]

SNIPPET_LINES = 12
"""Largest number of lines of a hit that are printed."""
MOST_SHOWN_FILES = 8
"""Largest number of the files of a commit that are printed."""
MAX_CONTEXT_BYTES = 16 << 20
"""Number of bytes of a file in which the lines around a hit are looked for."""
MAX_CONTEXT_LINE_BYTES = 4500
"""Largest number of bytes of a line around a hit."""

SECTION = "section"
"""Kind of a part of a text below a heading."""

DIM, PATH, NAME, WARN = "2", "1;35", "1;36", "33"


def say(message: str) -> None:
    """Print a message on stderr."""
    try:
        print(message, file=sys.stderr)  # noqa: T201
    except OSError:  # whoever read messages is gone, which is no reason to fail
        discard(sys.stderr)


def print_json(value: Any) -> None:
    """Print a value as JSON on stdout."""
    import json

    # Everything is in ASCII. JSON escapes what a terminal could take for a command or cannot show.
    print(json.dumps(value, indent=2))  # noqa: T201


def interrupted() -> int:
    """Say that the command was interrupted, and return the exit code."""
    say("interrupted; what was committed stays")
    return ExitCode.INTERRUPTED


def output_closed() -> int:
    """Discard further output, since its reader has closed it, and return the exit code."""
    discard(sys.stdout)
    return ExitCode.OUTPUT_CLOSED


def discard(stream: TextIO) -> None:
    """Discard what is written to a stream from now on."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, stream.fileno())
    os.close(sink)


def unexpected(error: BaseException) -> int:
    """Report an error that the program did not expect, and return the exit code.

    An error of the system says what happened to which path. The text of any other error may hold a part of a file, so
    only its class and its place are printed; `python -X dev -m raycontext …` prints all of it.
    """
    if sys.flags.dev_mode:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, OSError) and error.strerror:
        paths = "".join(f" {name}" for name in (error.filename, error.filename2) if isinstance(name, str))
        say(f"error: {safe(error.strerror + (f':{paths}' if paths else ''))}. `raycontext doctor` looks for causes.")
        return ExitCode.OTHER_ERROR
    trace, place = error.__traceback__, ""
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.startswith("raycontext"):
            place = f" in {module}, line {trace.tb_lineno}"
        trace = trace.tb_next
    say(
        f"error: {type(error).__name__}{place}, which was not expected. Please report it with what "
        "`python -X dev -m raycontext …` prints for the same command."
    )
    return ExitCode.OTHER_ERROR


def print_hits(hits: list[Hit], *, files: bool, first: int = 1, lines: int | None = SNIPPET_LINES) -> None:
    """Print hits as lines that a terminal makes clickable, or only the paths of their files.

    first: rank of the first hit. lines: largest number of lines of code of a hit; None for all.
    """
    style = _Style(_is_terminal())
    if files:
        for path, hit in {_place(hit): hit for hit in reversed(hits)}.items().__reversed__():
            print(style.link(path, hit, 1))  # noqa: T201
        return
    for rank, hit in enumerate(hits, first):
        for line in _lines(rank, hit, style, lines):
            print(line)  # noqa: T201


def commit_lines(commits: Iterable[Hit], first: int = 1) -> Iterator[str]:
    """Yield the lines that show commits: hash, date, subject, and the first of the files that they touched.

    first: rank of the first commit.
    """
    style = _Style(_is_terminal())
    for rank, commit in enumerate(commits, first):
        day = commit["date"].partition("T")[0]
        yield f"{rank}. {style(PATH, commit['commit'][:12])}  {day}  {safe(commit['subject'])}"
        shown = commit["files"][:MOST_SHOWN_FILES]
        more = commit["files_total"] - len(shown)
        if shown:
            yield f"   {safe(', '.join(shown))}{f' and {more:,} more' if more else ''}"


def with_context(hits: Iterable[Hit], lines: int) -> list[Hit]:
    """Return the hits with `before` and `after`: up to `lines` lines around each, when its file has not changed."""
    return [{**hit, **dict(zip(("before", "after"), _around(hit, lines), strict=True))} for hit in hits]


def _around(hit: Hit, lines: int) -> tuple[list[str], list[str]]:
    """Return the lines before and after a hit; two empty lists when its file has changed or cannot be read."""
    from raycontext.discover.decoding import decoded_as
    from raycontext.discover.opening import open_below, open_flags
    from raycontext.discover.secrets.redaction import redacted, secret_spans

    if hit["freshness"] != "unchanged":
        return [], []
    try:
        with os.fdopen(open_below(hit["source"], hit["path"], open_flags("O_NONBLOCK")), "rb") as opened:
            data = decoded_as(opened.read(MAX_CONTEXT_BYTES), hit["encoding"])
    except (OSError, ValueError, LookupError):
        return [], []
    if hit["redactions"]:
        data = redacted(data, secret_spans(data))
    text = split_lines(data.decode(errors="replace"))
    begin = hit["start_line"] - 1
    before, after = text[max(begin - lines, 0) : begin], text[hit["end_line"] : hit["end_line"] + lines]
    return [_beginning(line) for line in before], [_beginning(line) for line in after]


def _beginning(line: str) -> str:
    return cut_text(line, MAX_CONTEXT_LINE_BYTES).text


def _title(hit: Hit, line: str) -> tuple[str, str]:
    """Return the kind and the name of the definition that matches best, in its scope, with the number of other ones.

    line: where the name stands. A chunk of several definitions has one kind, which is that of this one where the line
    says so; else the kind is "".
    """
    own, *others = _names(hit)
    name = cut_line(" > ".join(part for part in (hit["scope"], own) if part))
    if not others:
        return hit["kind"], name
    return hit["kind"] if hit["kind"] in line.split() else "", f"{name} (+{len(others)})"


def _names(hit: Hit) -> list[str]:
    """Return the names of the definitions of a hit, the best first. A heading is one name, with its blanks."""
    if hit["kind"] != SECTION:
        return hit["symbol"].split() or [""]
    words = hit["symbol"].split()
    for line in split_lines(hit["text"]):
        heading = [word for word in line.split() if any(map(str.isalnum, word))]
        if heading and heading == words[: len(heading)]:
            return [" ".join(heading)]
    return [hit["symbol"]]


def _short(hit: Hit, symbol: str) -> str:
    """Return what stands behind a further place in the file of a hit: a blank and a name, or nothing."""
    return f" {safe(cut_line(symbol if hit['kind'] == SECTION else symbol.partition(' ')[0]))}".rstrip()


def _line_of_name(hit: Hit, lines: list[str]) -> int:
    """Return the index of the first line with the name in the title; 0 where none has it."""
    own = hit["symbol"].partition(" ")[0]
    if not own or hit["kind"] == SECTION:
        return 0
    return next((index for index, line in enumerate(lines) if own in _words(line)), 0)


def _words(line: str) -> list[str]:
    return "".join(char if char.isalnum() or char in "_$" else " " for char in line).split()


def _lines(rank: int, hit: Hit, style: _Style, most: int | None) -> Iterator[str]:
    """Yield the lines that show a hit."""
    place = style.link(f"{_place(hit)}:{hit['start_line']}", hit, hit["start_line"]) + f"-{hit['end_line']}"
    stale = {"changed": "  [changed since it was indexed]", "deleted": "  [deleted since it was indexed]"}
    lines = split_lines(hit["text"])
    first = _line_of_name(hit, lines)
    kind, title = _title(hit, lines[first] if lines else "")
    named = " ".join(part for part in (kind, style(NAME, safe(title))) if part)
    yield f"{rank}. {place}  {named}".rstrip() + style(WARN, stale.get(hit["freshness"], ""))
    if hit["explanation"]:
        scores = f"score {hit['score']:.3f} (lexical {hit['lexical']:.2f}, vector {hit['vector']:.2f})"
        yield style(DIM, f"    {scores}")
    for entry in hit["explanation"]:
        yield f"    {entry['contribution']:+.3f}  {entry['feature']}"
    for line in hit.get("before", ()):
        yield style(DIM, f"    {safe(cut_line(line))}")
    begin = first if most is not None and first >= most else 0  # so that the lines show what the title names
    shown = lines[begin : begin + most] if most is not None else lines
    match = hit.get("match", 0) - sum(len(line) + 1 for line in lines[:begin])
    if begin:
        yield style(DIM, f"    … {begin} lines, from {hit['start_line']}")
    for line in shown:
        yield f"    {safe(cut_line(line, max(match, 0)))}"
        match = max(match - len(line) - 1, 0)
    if left := len(lines) - len(shown) - begin:
        yield style(
            DIM, f"    … {left} more line{'s' if left > 1 else ''}, up to {hit['end_line']} (--lines 0 shows all)"
        )
    if hit["text_cut"]:
        yield style(DIM, "    … only a part of the text is shown")
    for line in hit.get("after", ()):
        yield style(DIM, f"    {safe(cut_line(line))}")
    if hit.get("more"):
        further = (
            style.link(f"{_place(hit)}:{place['line']}", hit, place["line"]) + _short(hit, place["symbol"])
            for place in hit["more"]
        )
        yield f"    {style(DIM, 'also here:')} {' · '.join(further)}"
    yield ""


def _place(hit: Hit) -> str:
    return place_from_here(hit["source"], hit["path"])


def place_from_here(source: str, path: str) -> str:
    """Return the path of a file, relative to the current folder when that is shorter. Terminals can open both.

    path: relative to the folder `source`.
    """
    whole = f"{source.rstrip('/')}/{path}"
    try:
        relative = os.path.relpath(whole)
    except OSError:  # the current folder is gone
        return safe(whole)
    return safe(relative if len(relative) < len(whole) else whole)


class _Style:
    """Style of the output: colours and links when they are wanted, else plain text."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted

    def __call__(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._wanted and text else text

    def link(self, text: str, hit: Hit, line: int) -> str:
        """Return text as a link to a line of a hit's file, in the colour of paths."""
        if not self._wanted:
            return text
        from urllib.parse import quote

        whole = f"{hit['source'].rstrip('/')}/{hit['path']}".encode(errors="surrogateescape")
        return f"\x1b]8;;file://{quote(whole)}#{line}\x1b\\{self(PATH, text)}\x1b]8;;\x1b\\"


def _is_terminal() -> bool:
    """Return whether colours and links are wanted: stdout is a terminal and the environment allows them."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def joined_counts(counts: dict[str, int]) -> str:
    """Return counts as text, such as "python 3, rust 1"."""
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def surroundings_lines(surroundings: list[dict[str, Any]]) -> list[str]:
    """Return the lines that show the definitions around hits: by what they are, each with its place and signature."""
    lines: list[str] = []
    title = ""
    for one in surroundings:
        of = {"callee": f"{one['of']} calls:", "caller": f"{one['of']} is called by:"}.get(one["relation"], "")
        if (heading := of or f"also in {one['path']}:") != title:
            title = heading
            lines.append(safe(heading))
        place = f"{one['path']}:{one['line']}" if of else str(one["line"])
        lines.append(safe(f"  {place}  {one['signature'] or one['name']}"))
    return lines
