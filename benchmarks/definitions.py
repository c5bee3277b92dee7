"""Definitions that universal-ctags finds and the chunker does not, and definitions to look at, by language.

    python benchmarks/definitions.py FOLDER … [--misses LANGUAGE] [--sample COUNT] [--language LANGUAGE] [--json FILE]
    python benchmarks/definitions.py FOLDER … --precision [--unconfirmed LANGUAGE]

Compared are functions, methods, classes, structs, unions, interfaces, enums, types, modules and macros: not members,
enumerators, local variables, imports, prototypes and what has no name. A definition counts as found where the chunker
reports its name anywhere in the file. `--misses` lists the missed ones of a language. `--sample` prints so many of our
definitions of each language, chosen by a hash of their place, with the line where each stands: a person reads them to
count those that are wrong. `--precision` counts how many of our definitions ctags confirms: a tag of any kind with the
same name within two lines, local variables left out, and a kind that means the same. `--unconfirmed` lists the others
of a language, which a person reads: ctags misses many that are right. All else needs `ctags` of universal-ctags
(Debian: `apt-get install universal-ctags`).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import xxhash

from raycontext.chunk.chunker import chunk_file
from raycontext.chunk.labels import Definition
from raycontext.chunk.languages.detect import detect_language

COMPARED = frozenset(
    [
        "function",
        "method",
        "class",
        "struct",
        "union",
        "interface",
        "enum",
        "type",
        "typedef",
        "module",
        "macro",
        "namespace",
        "package",
        "procedure",
        "subroutine",
        "singletonMethod",
        "trait",
        "protocol",
        "entity",
        "architecture",
        "program",
        "task",
        "record",
        "func",
        "def",
        "defmacro",
        "generator",
        "subprogram",
        "submodule",
        "classmethod",
        "role",
        "define",
    ]
)
"""Kinds of ctags that are compared."""
CALLABLES = frozenset(
    [
        "function",
        "method",
        "procedure",
        "subroutine",
        "task",
        "func",
        "subprogram",
        "singletonMethod",
        "process",
        "generator",
        "def",
    ]
)
"""Kinds of ctags whose inside is local."""
NOT_COMPARED = {
    "VHDL": ("record", "alias"),  # fields of records, other names
    "JSON": ("object",),
    "JavaScript": ("class",),  # any variable that holds an object; classes are held by the samples
    "Make": ("macro",),  # variables
    "Python": ("namespace",),  # import a as b
}
"""Kinds that mean something else in a language."""
MAX_FILE_BYTES = 1_000_000
HEAD_BYTES = 4096
CHUNK_BYTES = 1500
SHOWN_MISSES = 200


@dataclass(slots=True)
class Tally:
    """Counts of one language."""

    files: int = 0
    ours: int = 0
    theirs: int = 0
    missed: list[tuple[str, str, str, int]] = field(default_factory=list)
    """Kind, name, path and line of each definition that only ctags finds."""
    found: list[tuple[str, Definition, str]] = field(default_factory=list)
    """Path, definition and line of text of each of ours."""


def text_files(folders: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    """Yield the files below the folders that are UTF-8 text and not too large."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file() or ".git" in path.parts or path.stat().st_size > MAX_FILE_BYTES:
                continue
            data = path.read_bytes()
            try:
                data.decode()
            except UnicodeDecodeError:
                continue
            if b"\0" not in data:
                yield path, data


def tags_of(paths: Iterable[Path]) -> dict[str, list[dict[str, str]]]:
    """Return what ctags finds of the compared kinds, by path."""
    command = ["ctags", "--output-format=json", "--fields=+KlnZ", "--extras=+F", "-L", "-", "-f", "-"]
    listed = "\n".join(str(path) for path in paths)
    done = subprocess.run(command, input=listed, text=True, capture_output=True, check=True, errors="replace")
    tags: dict[str, list[dict[str, str]]] = defaultdict(list)
    for line in done.stdout.splitlines():
        try:
            tag = json.loads(line)
        except ValueError:
            continue
        if tag.get("scopeKind") in CALLABLES or tag["kind"] in NOT_COMPARED.get(tag.get("language", ""), ()):
            continue
        if tag.get("kind") in COMPARED and not tag["name"].lower().startswith(("__anon", "anonymous")):
            tags[tag["path"]].append(tag)
    return tags


SAME_KIND = {
    "function": "function prototype method procedure subroutine func subprogram task def macro generator constant "
    "variable member "
    "label target rule singletonMethod process field operator entry property event template classmethod signal",
    "method": "function prototype method member singletonMethod func procedure property accessor alias signature task "
    "constructor "
    "subroutine field methodSpec operator proc classmethod getter setter",
    "class": "class struct record entity type typedef object interface table union annotation component exception "
    "package "
    "module trait actor theorem namespace define",
    "interface": "interface trait protocol class type typedef module",
    "enum": "enum type typedef class enumeration",
    "type": "type typedef alias union class struct newtype talias interface subtype variable exception domain synonym",
    "module": "module namespace package library program project target class architecture unit object implementation "
    "category extension instance packages configuration",
    "macro": "macro define template function",
    "constant": "constant variable member field property const global var externvar key option define enumerator "
    "macro event "
    "header parameter assignment index data symbol local knob",
    "section": "section subsection chapter id selector class heading key anchor resource title subsubsection define "
    "node",
    "test": "function test method class describe",
}
"""Kinds of ctags that mean the same, by our kind."""


def confirmed(folders: Iterable[Path], language: str) -> None:
    """Print how many of our definitions ctags confirms, by language, and those of one language that it does not."""
    files = list(text_files(folders))
    command = ["ctags", "--output-format=json", "--fields=+Kn", "--kinds-all=*", "--extras=+F+q", "-L", "-", "-f", "-"]
    listed = "\n".join(str(path) for path, _ in files)
    done = subprocess.run(command, input=listed, text=True, capture_output=True, check=True, errors="replace")
    places: dict[str, dict[tuple[str, int], set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in done.stdout.splitlines():
        try:
            tag = json.loads(row)
        except ValueError:
            continue
        name = tag["name"].strip("\"'`").lower()
        for line in range(int(tag.get("line", 0)) - 2, int(tag.get("line", 0)) + 3):
            for part in (name, *(name.rpartition(sign)[2] for sign in (".", "::", ":", "#", "/"))):
                places[tag["path"]][part, line].add(tag["kind"])
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for path, data in files:
        tags = places.get(str(path))
        if tags is None:
            continue
        own = detect_language(path.as_posix(), data[:HEAD_BYTES])
        lines = data.decode().split("\n")
        for found in chunk_file(data, own, CHUNK_BYTES).definitions:
            short = short_names([found])
            kinds = {kind for name in short for kind in tags.get((name.lower(), found.line), ())}
            wanted = SAME_KIND[found.kind.value].split() if found.kind.value in SAME_KIND else []
            verdict = "confirmed" if kinds & set(wanted) else "kind" if kinds else "name"
            counts[own][verdict] += 1
            if own == language and verdict != "confirmed":
                place = f"{path}:{found.line}"
                text = lines[found.line - 1].strip()[:100]
                print(f"{verdict}\t{found.kind}\t{found.name}\t{','.join(sorted(kinds))}\t{text}\t{place}")
    print(f"{'language':<20}{'ours':>9}{'confirmed':>11}{'share':>8}{'other kind':>12}{'not named':>11}")
    for own, count in sorted(counts.items()):
        share = count["confirmed"] / count.total()
        print(f"{own:<20}{count.total():>9}{count['confirmed']:>11}{share:>8.1%}{count['kind']:>12}{count['name']:>11}")


def short_names(definitions: Iterable[Definition]) -> set[str]:
    """Return the names of definitions, whole and without what stands before their last separator."""
    names: set[str] = set()
    definitions = list(definitions)
    names.update(found.name.partition("(")[2].strip("()* ") for found in definitions)
    for found in definitions:
        names.add(found.name)
        for separator in (".", "::", ":", "#", " ", "/", "-"):
            names.add(found.name.rpartition(separator)[2])
        names.add(found.name.partition("(")[0].strip("()*"))
    return names


def tallied(folders: Iterable[Path], *, beside_ctags: bool) -> dict[str, Tally]:
    """Return the counts of each language. `beside_ctags` compares them with what ctags finds."""
    files = list(text_files(folders))
    tags = tags_of(path for path, _ in files) if beside_ctags else {}
    tallies: dict[str, Tally] = defaultdict(Tally)
    for path, data in files:
        language = detect_language(path.as_posix(), data[:HEAD_BYTES])
        definitions = chunk_file(data, language, CHUNK_BYTES).definitions
        tally = tallies[language]
        tally.files += 1
        tally.ours += len(definitions)
        names = short_names(definitions)
        folded = {name.lower() for name in names}
        lines = data.decode().split("\n")
        tally.found.extend((str(path), found, lines[found.line - 1].strip()) for found in definitions)
        for tag in tags.get(str(path), ()):
            tally.theirs += 1
            name = tag["name"].strip("\"'`")
            if not {name, name.lower(), name.rpartition(".")[2].lower()} & (names | folded):
                tally.missed.append((tag["kind"], name, str(path), int(tag.get("line", 0))))
    return tallies


def show_sample(language: str, tally: Tally, count: int) -> None:
    """Print some definitions of a language with their lines of text."""
    ordered = sorted(
        tally.found, key=lambda item: xxhash.xxh3_64_digest(f"{item[0]}:{item[1].line}:{item[1].name}".encode())
    )
    for path, found, line in ordered[:count]:
        scope = f" <{found.scope}>" if found.scope else ""
        print(f"{language}\t{found.kind}\t{found.name}{scope}\t{line[:110]}\t{path}:{found.line}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--misses", metavar="LANGUAGE")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--language")
    parser.add_argument("--precision", action="store_true")
    parser.add_argument("--unconfirmed", metavar="LANGUAGE", default="")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if not given.sample and shutil.which("ctags") is None:
        sys.exit("ctags is not installed: apt-get install universal-ctags")
    if given.precision or given.unconfirmed:
        confirmed(given.folders, given.unconfirmed)
        return
    tallies = tallied(given.folders, beside_ctags=not given.sample)
    if given.sample:
        for language in sorted(tallies):
            if given.language in (None, language):
                show_sample(language, tallies[language], given.sample)
        return
    if given.misses:
        missed = tallies[given.misses].missed
        print(dict(Counter(kind for kind, *_ in missed)))
        for miss in missed[:SHOWN_MISSES]:
            print("\t".join(map(str, miss)))
        return
    print(f"{'language':<20}{'files':>8}{'ours':>10}{'ctags':>10}{'missed':>9}{'share':>9}")
    rows = {}
    for language, tally in sorted(tallies.items()):
        if not tally.theirs:
            continue
        share = len(tally.missed) / tally.theirs
        rows[language] = {"files": tally.files, "ours": tally.ours, "ctags": tally.theirs, "missed": len(tally.missed)}
        print(f"{language:<20}{tally.files:>8}{tally.ours:>10}{tally.theirs:>10}{len(tally.missed):>9}{share:>9.1%}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
