"""Tools that know the uses of a definition by its type: jedi, clangd and tsserver, each asked in the same form.

A tool draws the definitions that are asked for, so that the choice does not depend on what raycontext finds, and tells
the lines that use each. It also tells which files and lines it has not looked at, such as branches that the
preprocessor leaves out: what stands there says nothing about an answer.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar, Protocol

FREE, MEMBERS = "functions and types", "methods"
SAMPLED_FILES = 60
"""Number of files whose definitions clangd and tsserver are asked for."""

Place = tuple[str, int]
"""Path below the source, and line from 1."""


@dataclass(frozen=True)
class Asked:
    """Definition whose uses are asked for."""

    group: str
    path: str
    line: int
    column: int  # from 0
    name: str


class Tool(Protocol):
    """Tool that knows the definitions and the uses of a source."""

    def definitions(self) -> list[Asked]:
        """Return definitions to draw from."""

    def uses(self, asked: list[Asked]) -> Iterator[set[Place] | None]:
        """Yield the lines that use or declare each definition; None where the tool fails."""

    def has_seen(self, place: Place) -> bool:
        """Return whether the tool has looked at a line."""


def order(key: str) -> bytes:
    """Return what orders candidates in a way that depends on nothing but their names."""
    return hashlib.sha256(key.encode()).digest()


def drawn(found: list[Asked], count: int) -> list[Asked]:
    """Return `count` definitions of each group, the same ones in each run."""
    ordered = sorted(found, key=lambda one: order(f"{one.path}:{one.name}:{one.line}"))
    return [one for group in (FREE, MEMBERS) for one in [each for each in ordered if each.group == group][:count]]


class Jedi:
    """Jedi, in the interpreter of an environment of its own."""

    ASKING = """
import json, sys, jedi
source, asked = sys.argv[1], json.load(sys.stdin)
project = jedi.Project(source)
for path, line, column in asked:
    try:
        found = jedi.Script(path=f"{source}/{path}", project=project).get_references(line, column)
        places = {(str(one.module_path), one.line) for one in found if one.module_path}
        lines = sorted({(name.removeprefix(source + "/"), row) for name, row in places if name.startswith(source)})
    except Exception as error:
        lines = None
    print(json.dumps(lines), flush=True)
"""

    def __init__(self, source: Path, interpreter: str) -> None:
        self._source = source
        self._interpreter = interpreter

    def definitions(self) -> list[Asked]:
        return list(self._definitions())

    def _definitions(self) -> Iterator[Asked]:
        for file in sorted(self._source.rglob("*.py")):
            try:
                text = file.read_text(encoding="utf-8")
                tree = ast.parse(text)
            except (SyntaxError, UnicodeDecodeError):
                continue
            lines = text.splitlines()
            owners = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
            for node in ast.walk(tree):
                if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    continue
                if node.name.startswith("__"):
                    continue
                is_method = isinstance(owners.get(node), ast.ClassDef) and not isinstance(node, ast.ClassDef)
                words = "class " if isinstance(node, ast.ClassDef) else "def "
                column = lines[node.lineno - 1].find(words) + len(words)
                path = file.relative_to(self._source).as_posix()
                yield Asked(MEMBERS if is_method else FREE, path, node.lineno, column, node.name)

    def uses(self, asked: list[Asked]) -> Iterator[set[Place] | None]:
        places = json.dumps([(one.path, one.line, one.column) for one in asked])
        command = [self._interpreter, "-c", self.ASKING, str(self._source)]
        done = subprocess.run(command, input=places, capture_output=True, text=True, check=True)
        for one, line in zip(asked, done.stdout.splitlines(), strict=True):
            found = json.loads(line)
            own = rf"\b(?:def|class)\s+{one.name}\b"  # another definition is no use
            places = {(path, row) for path, row in found or () if not re.search(own, self._line(path, row))}
            yield None if found is None else places | {(one.path, one.line)}

    def _line(self, path: str, row: int) -> str:
        return (self._source / path).read_text(encoding="utf-8").split("\n")[row - 1]

    def has_seen(self, place: Place) -> bool:
        return True


@dataclass
class Connection:
    """Process that speaks messages with a header that gives their length."""

    command: list[str]
    folder: Path
    ends_lines: bool = False
    """Whether a request is one line of JSON without a header, as tsserver takes them."""
    noted: list[dict[str, Any]] = field(default_factory=list)
    """Messages that answer no request."""

    def __post_init__(self) -> None:
        self._process = subprocess.Popen(
            self.command, cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._input: IO[bytes] = self._process.stdin  # type: ignore[assignment]
        self._output: IO[bytes] = self._process.stdout  # type: ignore[assignment]

    def send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode()
        self._input.write(data + b"\n" if self.ends_lines else b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self._input.flush()

    def read(self) -> dict[str, Any]:
        """Return the next message. Raises `EOFError` where the process has ended."""
        length = 0
        while True:
            line = self._output.readline()
            if not line:
                raise EOFError(self.command[0])
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
            elif not line.strip() and length:
                message: dict[str, Any] = json.loads(self._output.read(length))
                return message

    def until(self, key: str, value: object) -> dict[str, Any]:
        """Return the message with a value, and note those before it."""
        while True:
            message = self.read()
            if message.get(key) == value and ("method" not in message or key == "method"):
                return message
            self.noted.append(message)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._input.close()
        self._output.close()


class Clangd:
    """Clangd over a compilation database: that of cmake where the source has its lists, else one of include paths."""

    SUFFIXES = (".c", ".cc", ".cpp", ".cxx")
    HEADERS = (".h", ".hpp", ".hh")
    KINDS: ClassVar = {5: FREE, 6: MEMBERS, 9: MEMBERS, 10: FREE, 11: FREE, 12: FREE, 23: FREE}

    def __init__(self, source: Path, program: str, database: Path | None, work: Path) -> None:
        self._source = source
        folder = database or self._database(work)
        self._compiled = {
            os.path.relpath(Path(one["directory"], one["file"]).resolve(), source)
            for one in json.loads((folder / "compile_commands.json").read_text())
        }
        options = ["--background-index", "-j=2", f"--compile-commands-dir={folder}", "--limit-references=0"]
        self._server = Connection([program, *options, "--limit-results=0", "--log=error"], source)
        self._number = 0
        self._open: set[str] = set()
        self._inactive: dict[str, list[tuple[int, int]]] = {}
        capabilities = {
            "window": {"workDoneProgress": True},
            "textDocument": {
                "inactiveRegionsCapabilities": {"inactiveRegions": True},
                "documentSymbol": {"hierarchicalDocumentSymbolSupport": True},
            },
        }
        root = self._address("")
        self._ask("initialize", {"processId": None, "rootUri": root, "capabilities": capabilities})
        self._server.send({"jsonrpc": "2.0", "method": "initialized", "params": {}})
        self._index()

    def _database(self, work: Path) -> Path:
        if (self._source / "CMakeLists.txt").exists():
            command = [
                "cmake",
                "-S",
                self._source,
                "-B",
                work,
                "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
                "-DBUILD_TESTING=ON",
            ]
            done = subprocess.run(command, capture_output=True, check=False)
            if not done.returncode and (work / "compile_commands.json").exists():
                return work
        files = [path for path in self._source.rglob("*") if path.suffix in (*self.SUFFIXES, *self.HEADERS)]
        folders = sorted({str(path.parent) for path in files if path.suffix in self.HEADERS})
        include = [f"-I{folder}" for folder in folders]
        work.mkdir(parents=True, exist_ok=True)
        commands = [
            {
                "directory": str(path.parent),
                "file": str(path),
                "arguments": ["cc", *include, "-D_GNU_SOURCE", str(path)],
            }
            for path in files
            if path.suffix in self.SUFFIXES
        ]
        (work / "compile_commands.json").write_text(json.dumps(commands))
        return work

    def _ask(self, method: str, given: dict[str, Any]) -> Any:
        self._number += 1
        self._server.send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": given})
        found = self._server.until("id", self._number).get("result")
        self._take_notes()
        return found

    def _take_notes(self) -> None:
        for note in self._server.noted:
            if note.get("method") == "textDocument/inactiveRegions":
                ranges = [(one["start"]["line"] + 1, one["end"]["line"] + 1) for one in note["params"]["regions"]]
                self._inactive[self._path(note["params"]["textDocument"]["uri"])] = ranges
            elif "id" in note and "method" in note:
                self._server.send({"jsonrpc": "2.0", "id": note["id"], "result": None})
        self._server.noted.clear()

    def _index(self) -> None:
        """Wait until all files are indexed. Opening the first one begins it."""
        self._show(sorted(self._compiled)[0])
        while True:
            message = self._server.read()
            if "id" in message and "method" in message:
                self._server.send({"jsonrpc": "2.0", "id": message["id"], "result": None})
            elif message.get("method") == "$/progress" and message["params"]["value"]["kind"] == "end":
                return
            else:
                self._server.noted.append(message)

    def _address(self, path: str) -> str:
        return (self._source / path).as_uri()

    def _path(self, address: str) -> str:
        return os.path.relpath(address.removeprefix("file://"), self._source)

    def _show(self, path: str) -> None:
        if path in self._open:
            return
        self._open.add(path)
        text = (self._source / path).read_text(errors="replace")
        language = "cpp" if Path(path).suffix in (".cc", ".cpp", ".cxx", ".hpp") else "c"
        document = {"uri": self._address(path), "languageId": language, "version": 1, "text": text}
        self._server.send({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": document}})

    def definitions(self) -> list[Asked]:
        headers = {str(p.relative_to(self._source)) for p in self._source.rglob("*") if p.suffix in self.HEADERS}
        inside = {path for path in self._compiled if not path.startswith("..") and (self._source / path).exists()}
        found: list[Asked] = []
        for path in sorted(inside | headers, key=order)[:SAMPLED_FILES]:
            self._show(path)
            symbols = self._ask("textDocument/documentSymbol", {"textDocument": {"uri": self._address(path)}})
            found.extend(self._listed(path, symbols or []))
        return found

    def _listed(self, path: str, symbols: list[dict[str, Any]]) -> Iterator[Asked]:
        for one in symbols:
            start, name = one["selectionRange"]["start"], one["name"].rpartition("::")[2]
            kind = self.KINDS.get(one["kind"])
            is_plain = name.isidentifier() and not self._is_inactive((path, start["line"] + 1))
            if kind and is_plain and one["range"]["end"]["line"] > one["range"]["start"]["line"]:
                group = MEMBERS if "::" in one["name"] and one["kind"] in (6, 9) else kind
                line = (self._source / path).read_text(errors="replace").split("\n")[start["line"]]
                column = line.find(name, start["character"])
                if column >= 0:
                    yield Asked(group, path, start["line"] + 1, column, name)
            if one["kind"] in (2, 3, 5, 23):
                yield from self._listed(path, one.get("children", []))

    def uses(self, asked: list[Asked]) -> Iterator[set[Place] | None]:
        for one in asked:
            self._show(one.path)
            found = [place for line, column in self._names(one) for place in self._references(one.path, line, column)]
            places = {(self._path(place["uri"]), place["range"]["start"]["line"] + 1) for place in found or ()}
            inside = {place for place in places if not place[0].startswith("..")}
            others = {path for path, _ in inside if path != one.path and self._defines(path, one.name)}
            yield {place for place in inside if place[0] not in others} | {(one.path, one.line)}

    def _references(self, path: str, line: int, column: int) -> list[dict[str, Any]]:
        given = {
            "textDocument": {"uri": self._address(path)}, "context": {"includeDeclaration": False},
            "position": {"line": line - 1, "character": column},
        }  # fmt: skip
        return self._ask("textDocument/references", given) or []

    def _names(self, one: Asked) -> Iterator[tuple[int, int]]:
        """Yield the place of a name, and that of the typedef of the same name behind the braces of a struct of C."""
        yield one.line, one.column
        lines = (self._source / one.path).read_text(errors="replace").split("\n")
        if not lines[one.line - 1].lstrip().startswith("typedef"):
            return
        for number in range(one.line, len(lines)):
            if lines[number].startswith("}"):
                column = lines[number].find(one.name)
                if column > 0 and number + 1 != one.line:
                    yield number + 1, column
                return

    def _defines(self, path: str, name: str) -> bool:
        """Return whether a file that is no header has a definition of its own with a name.

        Clangd knows one symbol for all definitions of a name with external linkage, as those of several programs are.
        """
        if Path(path).suffix in self.HEADERS:
            return False
        text = (self._source / path).read_text(errors="replace")
        word = re.escape(name)
        own = (
            rf"^[A-Za-z_][\w\s*]*\b{word}\s*\([^;{{]*\{{|\}}\s*{word}\s*;|\b(?:struct|enum|union|class)\s+{word}\s*\{{"
        )
        return re.search(own, text, re.MULTILINE) is not None

    def _is_inactive(self, place: Place) -> bool:
        return any(first <= place[1] <= last for first, last in self._inactive.get(place[0], ()))

    def has_seen(self, place: Place) -> bool:
        path = place[0]
        if Path(path).suffix not in self.HEADERS and path not in self._compiled:
            return False
        if path not in self._open:
            self._show(path)
            self._ask("textDocument/documentSymbol", {"textDocument": {"uri": self._address(path)}})
        return not self._is_inactive(place)

    def close(self) -> None:
        self._server.close()


class Tsserver:
    """Tsserver of the package typescript, over one project with all files of the source."""

    SUFFIXES = (".ts", ".tsx", ".mts", ".js", ".jsx", ".mjs", ".cjs")
    KINDS: ClassVar = {
        "function": FREE, "class": FREE, "interface": FREE, "type": FREE, "enum": FREE, "method": MEMBERS,
        "local class": FREE,
    }  # fmt: skip

    def __init__(self, source: Path, program: str, project: Path | None = None) -> None:
        self._source = source
        self._files = [
            path
            for path in sorted(source.rglob("*"))
            if path.suffix in self.SUFFIXES and not path.name.endswith(".min.js") and path.is_file()
        ]
        self._server = Connection(["node", "--max-old-space-size=4096", program], source, ends_lines=True)
        self._number = 0
        self._send("openExternalProject", {
            "projectFileName": str(source / "judged.project"),
            "rootFiles": [{"fileName": str(path)} for path in self._files],
            "options": {
                "allowJs": True, "target": "esnext", "module": "esnext", "moduleResolution": "bundler",
                "jsx": "preserve",
                "allowImportingTsExtensions": True, "noEmit": True, "strict": True, "maxNodeModuleJsDepth": 0,
            },
        })  # fmt: skip

    def _send(self, command: str, given: dict[str, Any]) -> Any:
        self._number += 1
        self._server.send({"seq": self._number, "type": "request", "command": command, "arguments": given})
        if command == "open":
            return None
        answer = self._server.until("request_seq", self._number)
        self._server.noted.clear()
        return answer.get("body")

    def definitions(self) -> list[Asked]:
        found: list[Asked] = []
        chosen = sorted(self._files, key=lambda path: order(str(path.relative_to(self._source))))
        for file in chosen[:SAMPLED_FILES]:
            self._send("open", {"file": str(file)})
            tree = self._send("navtree", {"file": str(file)})
            if tree:
                path = file.relative_to(self._source).as_posix()
                found.extend(self._listed(path, tree.get("childItems", [])))
        return found

    def _listed(self, path: str, items: list[dict[str, Any]]) -> Iterator[Asked]:
        for one in items:
            group, place = self.KINDS.get(one["kind"]), one.get("nameSpan")
            if group and place and one["text"].isidentifier():
                yield Asked(group, path, place["start"]["line"], place["start"]["offset"] - 1, one["text"])
            if one["kind"] in ("class", "module", "interface"):
                yield from self._listed(path, one.get("childItems", []))

    def uses(self, asked: list[Asked]) -> Iterator[set[Place] | None]:
        for one in asked:
            file = str(self._source / one.path)
            self._send("open", {"file": file})
            found = self._send("references", {"file": file, "line": one.line, "offset": one.column + 1})
            yield (
                None
                if not found
                else {
                    (os.path.relpath(place["file"], self._source), place["start"]["line"])
                    for place in found["refs"]
                    if place["file"].startswith(f"{self._source}/")
                    and not (place.get("isDefinition") and place["file"] == file)  # overloads
                }
            )

    def has_seen(self, place: Place) -> bool:
        return Path(place[0]).suffix in self.SUFFIXES

    def close(self) -> None:
        self._server.close()
