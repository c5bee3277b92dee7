"""Make judged questions of two kinds from packages: stack traces, and error messages as a program prints them.

    python training/fetch_packages.py WORK --packages benchmarks/mined_packages.toml
    python benchmarks/mine_traces.py WORK
    python benchmarks/quality.py WORK/traces WORK/trace_corpus

Writes WORK/trace_corpus/PACKAGE, the files of each package, WORK/traces/PACKAGE.json and WORK/messages/PACKAGE.json, in
the form of `raycontext.evaluation`. A trace has the form of its language's runtime: some frames of other installations
(paths that are not in the tree), and frames of the package at absolute paths of another machine. Its target is the
place in the package where it was raised. A message is a text of a `raise`, `throw` or `panic` whose placeholders are
filled with other words; its target is the statement. Choices are by hash, so the same packages give the same questions.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.append(str(Path(__file__).parents[1] / "training"))  # scripts there read archives

from archives import Package, packages
from mine_pairs import bare_name, chosen, excluded_names

from raycontext.chunk.chunker import chunk_file
from raycontext.evaluation.mined_docs import CHUNK_BYTES, gives_questions
from raycontext.models import ChunkKind

MOST_QUESTIONS = 20
"""Largest number of questions of one kind from one package."""
MOST_FILES = 4000
"""Largest number of files of a package that is used."""
FRAMES = 3
"""Number of frames of the package in a trace."""


class Frame(NamedTuple):
    """Line of a file, in a function."""

    path: str
    line: int
    function: str
    text: str
    """The line itself."""


class Form(NamedTuple):
    """How a runtime prints a trace."""

    write: Callable[[Frame], str]
    """Returns the text of one frame."""
    foreign: tuple[str, ...]
    """Frames of other installations, which called the package."""
    head: str = "{error}: {message}"
    innermost_first: bool = True


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _java(frame: Frame) -> str:
    folder = re.sub(r"^.*?(?:src/(?:main/|test/)?java/|src/)", "", frame.path).rsplit("/", 1)[0].replace("/", ".")
    return f"\tat {folder}.{_stem(frame.path)}.{frame.function}({frame.path.rsplit('/', 1)[-1]}:{frame.line})"


def _csharp(frame: Frame) -> str:
    path = frame.path.replace("/", "\\")
    return rf"   at App.{_stem(frame.path)}.{frame.function}(String name) in C:\work\{path}:line {frame.line}"


FORMS = {
    "python": Form(
        lambda frame: (
            f'  File "/opt/venv/lib/python3.12/site-packages/{frame.path}", line {frame.line}, in {frame.function}\n'
            f"    {frame.text.strip()}"
        ),
        ('  File "/srv/app/worker.py", line 88, in run\n    return handler(job)',),
        head="Traceback (most recent call last):",
        innermost_first=False,
    ),
    "javascript": Form(
        lambda frame: f"    at {frame.function} (/home/ci/app/node_modules/{frame.path}:{frame.line}:17)",
        ("    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",),
    ),
    "go": Form(
        lambda frame: f"main.{frame.function}(0xc00001c0a8, 0x2)\n\t/go/src/{frame.path}:{frame.line} +0x1d4",
        ("runtime.main()\n\t/usr/local/go/src/runtime/proc.go:250 +0x207",),
        head="panic: {error}\n\ngoroutine 1 [running]:",
    ),
    "rust": Form(
        lambda frame: f"  12: app::{frame.function}\n             at /build/{frame.path}:{frame.line}:9",
        ("  30: core::ops::function::FnOnce::call_once\n             at /rustc/90b35a6/core/src/function.rs:250:5",),
        head="thread 'main' panicked at 'called `Option::unwrap()` on a `None` value'\nstack backtrace:",
    ),
    "ruby": Form(
        lambda frame: f"\tfrom /var/lib/gems/3.1.0/gems/{frame.path}:{frame.line}:in `{frame.function}'",
        ("\tfrom bin/app:12:in `<main>'",),
    ),
    "php": Form(
        lambda frame: f"#1 /var/www/html/vendor/{frame.path}({frame.line}): {frame.function}(Object(Closure))",
        ("#9 /var/www/html/index.php(12): require('/var/www/html/b...')", "#10 {{main}}"),
        head="PHP Fatal error:  Uncaught {error}\nStack trace:",
    ),
    "java": Form(
        _java, ("\tat java.base/java.lang.Thread.run(Thread.java:833)",), head='Exception in thread "main" {error}'
    ),
    "csharp": Form(_csharp, ("   at App.Program.Main(String[] args)",), head="Unhandled exception. {error}"),
}
FORMS["typescript"] = FORMS["javascript"]
FORMS["kotlin"] = FORMS["java"]

ERRORS = ("ValueError: bad value", "TypeError: unexpected state", "RuntimeError: it failed", "Error: operation failed")
_MESSAGE = re.compile(
    r"(?:\braise\b|\bthrow\b|panic!?|[eE]rror[sf]?(?:\.New)?|bail!|Exception|\bfail)\b[^\"'`]{0,60}"
    r"[\"'`]([^\"'`]{16,160})[\"'`]"
)
_PLACEHOLDER = re.compile(r"%[-+#]?[\w.]*[sdrvqxfT]|\$?\{[^}]*\}|#\{[^}]*\}|\\[nt]")
FILLED = ("alpha", "17", "'main'", "/tmp/x1", "None", "<42>")
"""Words that stand for placeholders."""


def number_of(*parts: object) -> int:
    """Return a number that depends on the parts alone."""
    return int.from_bytes(hashlib.md5("\0".join(map(str, parts)).encode()).digest()[:4], "big")


def frames_of(path: str, data: bytes, language: str) -> Iterator[Frame]:
    """Yield a frame in each function of a file: a line behind its first one."""
    lines = data.decode(errors="replace").split("\n")
    for chunk in chunk_file(data, language, CHUNK_BYTES).chunks:
        if chunk.kind not in (ChunkKind.FUNCTION, ChunkKind.METHOD) or not chunk.symbol:
            continue
        inner = [row for row in range(chunk.start_line, chunk.end_line - 1) if len(lines[row].strip()) > 12]
        if inner:
            row = inner[number_of(path, chunk.start_line) % len(inner)]
            yield Frame(path, row + 1, chunk.symbol.rsplit(" ", 1)[-1], lines[row])


def trace_of(frames: list[Frame], language: str) -> str:
    """Return the trace whose first frame is the innermost one."""
    form = FORMS[language]
    error = ERRORS[number_of(frames[0]) % len(ERRORS)]
    blocks = [*(form.write(frame) for frame in frames), *form.foreign]
    kind, message = error.split(": ")
    head = form.head.format(error=error, message=message) if "{message}" not in form.head else f"{kind}: {message}"
    if form.innermost_first:
        return "\n".join([head, *blocks])
    return "\n".join([head, *reversed(blocks), error])


def messages_of(path: str, data: bytes) -> Iterator[tuple[str, int]]:
    """Yield the messages of a file as a program prints them, each with its line."""
    for number, line in enumerate(data.decode(errors="replace").split("\n"), 1):
        found = _MESSAGE.search(line)
        if found is None:
            continue
        left = _PLACEHOLDER.sub(" ", found[1])
        if len(re.findall(r"\b[a-z]{3,}\b", left)) >= 3 and len(left.split()) >= 4 and "[" not in left:
            filled = FILLED[number_of(path, number) % len(FILLED)]
            yield _PLACEHOLDER.sub(lambda _, word=filled: word, found[1]), number


def judged(text: str, path: str, first: int, last: int, category: str) -> dict[str, Any]:
    """Return a question whose answer is some lines of a file."""
    return {"query": text, "targets": [{"path": path, "start_line": first, "end_line": last}], "category": category}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    work: Path = parser.parse_args().work.resolve()
    excluded = excluded_names()
    for _, package in packages(work / "archives", set()):
        if bare_name(package.name) in excluded or not 0 < len(package.files) <= MOST_FILES:
            continue
        name = package.name.replace("/", "+")
        traces, messages = questions_of(package, excluded)
        print(f"{package.registry} {package.name}: {len(traces)} traces, {len(messages)} messages", flush=True)
        if not traces and not messages:
            continue
        for path, data in package.files:
            target = (work / "trace_corpus" / name / path).resolve()
            if target.is_relative_to(work):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        for folder, questions in (("traces", traces), ("messages", messages)):
            if questions:
                (work / folder).mkdir(exist_ok=True)
                content = {"name": name, "queries": questions}
                (work / folder / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def questions_of(package: Package, excluded: frozenset[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the traces and the messages of a package."""
    frames: dict[str, list[Frame]] = {}
    messages: dict[str, tuple[str, int]] = {}
    for path, data, language in chosen(package.files, excluded):
        if not gives_questions(path, language):
            continue
        unified = data.replace(b"\r\n", b"\n")
        if language in FORMS:
            frames.setdefault(language, []).extend(frames_of(path, unified, language))
        for text, line in messages_of(path, unified):
            messages[text] = ("", 0) if text in messages else (path, line)  # a text at two places has no one answer
    asked = []
    for language, some in frames.items():
        some.sort(key=number_of)
        for first in range(0, len(some) - FRAMES, FRAMES):
            mine = some[first : first + FRAMES]
            asked.append(judged(trace_of(mine, language), mine[0].path, mine[0].line, mine[0].line, "trace"))
    told = [judged(text, path, line, line, "message") for text, (path, line) in messages.items() if path]
    told.sort(key=lambda question: number_of(question["query"]))
    return asked[:MOST_QUESTIONS], told[:MOST_QUESTIONS]


if __name__ == "__main__":
    main()
