"""Writes the references docs/sdk.md, docs/cli.md and docs/http.md, and the picture of the architecture (`make docs`).

python docs/generate.py            writes them anew
python docs/generate.py --check    changes nothing; exit code 1 if one of them is not what the code says
python docs/generate.py FOLDER     gathers all pages in a folder, for the site (`make site`)
"""

from __future__ import annotations

import ast
import enum
import inspect
import json
import re
import runpy
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import raycontext
from raycontext import errors

DOCS = Path(__file__).resolve().parent
REPOSITORY = DOCS.parent
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "THIRD_PARTY_NOTICES.md",
    "benchmarks/README.md",
)
LINKED = ("LICENSE", "cluster.yaml", "raycontext/embed/models/data/SOURCES.md", "training/README.md")
"""Beyond docs/, what the site consists of, and what its pages lead to."""

GENERATED = "<!-- Written by docs/generate.py: `make docs` writes it anew. -->\n\n"
PARAMETERS = re.compile(r"^([a-z_]+(?:, [a-z_]+)*): ")
SIGNATURE_WIDTH = 100
LIMITS = {"minimum": "at least {:,}", "maximum": "at most {:,}", "maxLength": "at most {:,} characters"}
"""Limits of JSON Schema that the tables show, in words."""


def sdk() -> str:
    """The page about the SDK."""
    context, blocking = raycontext.Context, raycontext.SyncContext
    methods = [
        name
        for kind in context.__mro__[:-1]  # without `object`
        for name in vars(kind)
        if not name.startswith("_")
    ]
    assert [name for name in methods if not hasattr(blocking, name)] == []
    functions = ("connect", "read_batch_list", "read_judged")
    classes = [name for name in raycontext.__all__ if name not in (*functions, "__version__")]
    values = [
        name for name in classes if name not in ("Connection", "Context", "SyncContext") and not hasattr(errors, name)
    ]
    known = [name for name in classes if hasattr(errors, name)]
    parts = [
        GENERATED + "# The SDK",
        "Everything here is imported from `raycontext`. `async with raycontext.connect() as context` gives a "
        "`Context`, whose methods are awaited; `with raycontext.connect() as context` a `SyncContext`, which has the "
        "same methods, parameters and results, and blocks instead.",
        "```python\nasync with raycontext.connect() as context:\n"
        '    await context.index("src")\n'
        '    hits = await context.search("where are sessions stored?", path="src")\n```',
        *(_function(getattr(raycontext, name), name) for name in functions[:1]),
        "## Context",
        *(_function(getattr(context, name), name, level=3) for name in methods),
        "## Batches",
        _function(raycontext.read_batch_list, "read_batch_list", level=3),
        "## Evaluation",
        _function(raycontext.read_judged, "read_judged", level=3),
        "## Values",
        "Results are frozen pydantic models: `model_dump()` and `model_dump_json()` turn them into plain values.",
        *(_class(getattr(raycontext, name)) for name in values),
        "## Errors",
        "All are subclasses of `RaycontextError`; `str(error)` says what happened and what to do, "
        "[troubleshooting.md](troubleshooting.md) explains each one.",
        "\n".join(f"- `{name}`: {_first_line(getattr(raycontext, name))}" for name in known),
    ]
    return "\n\n".join(parts) + "\n"


def cli() -> str:
    """The page about the commands."""
    from typer.main import get_command

    from raycontext.cli.application import application
    from raycontext.cli.main import COMMANDS
    from raycontext.errors.exit_codes import MEANINGS

    commands: dict[str, Any] = get_command(application).commands  # type: ignore[attr-defined]
    assert set(commands) == set(COMMANDS)
    parts = [
        GENERATED + "# The command line",
        "`raycontext --help` is the overview, `raycontext COMMAND --help` what a command takes. Results go to stdout, "
        "everything else to stderr; with `--json` stdout is JSON and nothing else.",
        "| command | what it does |\n|---|---|\n"
        + "\n".join(f"| [`{name}`](#{name}) | {_cell(help_)} |" for name, help_ in COMMANDS.items()),
        *(_command(name, commands[name]) for name in COMMANDS),
        "## Exit codes",
        "| code | meaning |\n|---|---|\n"
        + "\n".join(f"| {code:d} | {meaning} |" for code, meaning in MEANINGS.items()),
    ]
    return "\n\n".join(parts) + "\n"


def http() -> str:
    """Return the page about the HTTP interface: its prose is `http.md.template`, all tables are from OpenAPI."""
    from raycontext.serve.http.openapi import openapi

    document = openapi()
    schemas: dict[str, Any] = document["components"]["schemas"]
    asked: list[str] = []
    answered: list[str] = []
    rows = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            request = _schema_name(operation.get("requestBody", {}))
            answer = _schema_name(operation["responses"]["200"])
            asked += [request] if request and request not in asked else []
            answered += [answer] if answer and answer not in answered else []
            shown = _linked(answer) if answer else "server-sent events, each a [`JobState`](#jobstate)"
            asks = _linked(request) if request else ""
            rows.append(f"| `{path}` | {method.upper()} | {_cell(operation['summary'])} | {asks} | {shown} |")
    for name in answered:  # parts of answers that the page of the SDK does not describe follow their answers
        parts = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(schemas[name]))
        answered += [part for part in parts if part not in raycontext.__all__ and part not in answered]
    search = document["paths"]["/api/search"]["post"]["responses"]
    statuses = [f"| {code} | {response['description']} |" for code, response in search.items() if code != "200"]
    failure = _schema_name(search["400"])
    filled = {
        "operations": "| address | method | what it does | request | answer |\n|---|---|---|---|---|\n"
        + "\n".join(rows),
        "requests": "\n\n".join(_schema(name, schemas[name]) for name in asked),
        "answers": "\n\n".join(_schema(name, schemas[name]) for name in answered),
        "failure": _schema(failure, schemas[failure]),
        "statuses": "| status | meaning |\n|---|---|\n" + "\n".join(statuses),
    }
    page = (DOCS / "http.md.template").read_text(encoding="utf-8")
    assert set(re.findall(r"\{\{(\w+)\}\}", page)) == set(filled)
    for name, text in filled.items():
        page = page.replace(f"{{{{{name}}}}}", text)
    return GENERATED + page


def picture() -> str:
    """Return the picture of the architecture as SVG."""
    return str(runpy.run_path(str(DOCS / "architecture_picture.py"))["drawing"]())


def site(folder: Path) -> None:
    """Gather all pages, laid out as in the repository, so that their links hold."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder / "docs", ignore=shutil.ignore_patterns("*.py", "*.template", "__pycache__"))
    for name in (*PAGES, *LINKED):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, folder / name)


def _schema_name(content: dict[str, Any]) -> str:
    """Return the name of the model that a request or an answer of OpenAPI refers to; empty where there is none."""
    schema = content.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _linked(name: str) -> str:
    """Return a link to the description of a model: on the page itself, or on that of the SDK, which shares it."""
    page = "sdk.md" if name in raycontext.__all__ else ""
    return f"[`{name}`]({page}#{name.lower()})"


def _schema(name: str, schema: dict[str, Any]) -> str:
    """Return the section about a model of the OpenAPI document."""
    required = schema.get("required", [])
    rows = []
    for field, described in schema.get("properties", {}).items():
        default = "" if "default" not in described else f"`{json.dumps(described['default'])}`"
        shown = "required" if field in required and not default else default
        rows.append(f"| `{field}` | {_json_type(described)} | {shown} | {_cell(described.get('description', ''))} |")
    table = "| field | type | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows)
    return f"### {name}\n\n{_cell(schema.get('description', ''))}\n\n{table}"


def _json_type(schema: dict[str, Any]) -> str:
    """Return the type of a value in words, with its limits."""
    if "anyOf" in schema:
        return " or ".join(_json_type(choice) for choice in schema["anyOf"])
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return _linked(name)
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_json_type(schema['items'])}" if "items" in schema else "list"
    limits = [words.format(schema[key]) for key, words in LIMITS.items() if key in schema]
    return ", ".join([str(schema.get("type", "any value")), *limits])


def _function(function: Callable[..., Any], name: str, level: int = 2) -> str:
    given = inspect.signature(function)
    parameters = [parameter for parameter in given.parameters.values() if parameter.name != "self"]
    return f"{'#' * level} {name}\n\n```python\n{_signature(function, name, parameters)}\n```\n\n{_text(function)}"


def _signature(function: Callable[..., Any], name: str, parameters: list[inspect.Parameter]) -> str:
    begin = f"{'await ' if inspect.iscoroutinefunction(function) else ''}{name}("
    end = f") -> {inspect.signature(function).return_annotation}"
    shown = [_parameter(parameter) for parameter in parameters]
    first_named = next(
        (at for at, parameter in enumerate(parameters) if parameter.kind is parameter.KEYWORD_ONLY), None
    )
    if first_named is not None:
        shown.insert(first_named, "*")
    line = begin + ", ".join(shown) + end
    if len(line) <= SIGNATURE_WIDTH:
        return line
    return f"{begin}\n" + "".join(f"    {text},\n" for text in shown) + end


def _parameter(parameter: inspect.Parameter) -> str:
    default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
    return f"{parameter.name}: {parameter.annotation}{default}"


def _class(kind: type) -> str:
    parts = [f"### {kind.__name__}", _text(kind)]
    rows = list(_members(kind) if issubclass(kind, enum.Enum) else _fields(kind))
    head = "| value | meaning |\n|---|---|\n"
    if not issubclass(kind, enum.Enum):
        head = "| field | type | meaning |\n|---|---|---|\n"
    if rows:
        parts.append(head + "\n".join(rows))
    return "\n\n".join(parts)


def _fields(kind: type) -> Iterator[str]:
    """Rows of a table: the fields of a class and of those that it is made from, and its properties."""
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("raycontext"):
            body = _body(base)
            for node, following in zip(body, [*body[1:], None], strict=True):
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    yield _row(node.target.id, ast.unparse(node.annotation), _docstring_after(following))
                elif isinstance(node, ast.FunctionDef) and any(_is_property(mark) for mark in node.decorator_list):
                    meaning = ast.get_docstring(node)
                    if meaning is not None and node.returns is not None:
                        yield _row(node.name, ast.unparse(node.returns), meaning)


def _members(kind: type[enum.Enum]) -> Iterator[str]:
    comments = re.findall(r"^    (\w+) = \"[^\"]*\"(?:  # (.*))?$", inspect.getsource(kind), re.MULTILINE)
    for name, comment in comments:
        yield f"| `{kind[name].value}` | {_cell(comment)} |"


def _body(kind: type) -> list[ast.stmt]:
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(node, ast.ClassDef)
    return node.body


def _docstring_after(node: ast.stmt | None) -> str | None:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return inspect.cleandoc(node.value.value)
    return None


def _is_property(mark: ast.expr) -> bool:
    return isinstance(mark, ast.Name) and mark.id == "property"


def _row(name: str, kind: str, meaning: str | None) -> str:
    return f"| `{name}` | `{_cell(kind)}` | {_cell(meaning or '')} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _first_line(documented: Any) -> str:
    first = _cell((inspect.getdoc(documented) or "").partition("\n\n")[0])
    return re.sub(r": `\w+\([^`]*\)`\.$", ".", first)


def _text(documented: Any) -> str:
    """The docstring, with its parameters as a list."""
    paragraphs = []
    for paragraph in (inspect.getdoc(documented) or "").split("\n\n"):
        lines: list[str] = []
        for line in paragraph.splitlines():
            found = PARAMETERS.match(line)
            if found:
                names = ", ".join(f"**{name}**" for name in found[1].split(", "))
                lines.append(f"- {names}: {line[found.end() :]}")
            else:
                lines.append(f"  {line}" if lines and lines[0].startswith("- ") else line)
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs)


def _command(name: str, command: Any) -> str:
    arguments = [parameter for parameter in command.params if not parameter.opts[0].startswith("-")]
    options = [parameter for parameter in command.params if parameter.opts[0].startswith("-")]
    shown = "".join(f" {_placed(argument)}" for argument in arguments)
    parts = [f"## {name}", _cell(command.help), f"    raycontext {name}{shown}{' [OPTIONS]' if options else ''}"]
    rows = [f"| `{_placed(argument)}` | {_cell(argument.help or '')} |" for argument in arguments]
    rows += [f"| {_flags(option)} | {_cell(option.help or '')}{_default(option)} |" for option in options]
    if rows:
        parts.append("| argument or option | meaning |\n|---|---|\n" + "\n".join(rows))
    return "\n\n".join(parts)


def _placed(argument: Any) -> str:
    shown = argument.metavar or argument.name.upper()
    shown += "…" if argument.nargs == -1 else ""
    return shown if argument.required else f"[{shown}]"


def _flags(option: Any) -> str:
    from raycontext.cli.command_line.help_page import value_name

    long = next(flag for flag in option.opts if flag.startswith("--"))
    value = "" if option.is_flag else f" {option.metavar or value_name(long)}"
    return ", ".join(f"`{flag}{value if flag == long else ''}`" for flag in (*option.opts, *option.secondary_opts))


def _default(option: Any) -> str:
    shown = ""
    if isinstance(option.default, int | float | str) and not option.is_flag:
        shown += f" Default: {option.default}."
    if option.envvar:
        shown += f" Environment: `{option.envvar}`."
    return shown


COMPLETED = {
    "--collection": "collections",
    "--kind": "kinds",
    "--language": "languages",
    "--runtime": "runtimes",
}
"""Options whose values a shell can complete, with the name of the values."""


def completion() -> str:
    """Return the table from which shells complete command lines."""
    from typer.main import get_command

    from raycontext.chunk.languages.detect import LANGUAGES
    from raycontext.cli.application import application
    from raycontext.cli.main import COMMANDS

    commands: dict[str, Any] = get_command(application).commands  # type: ignore[attr-defined]
    table: dict[str, Any] = {"commands": {}, "values": {}}
    for name in COMMANDS:
        options: dict[str, Any] = {"--help": {"help": "", "takes_value": False, "values": ""}}
        for option in (parameter for parameter in commands[name].params if parameter.opts[0].startswith("-")):
            kind = next((COMPLETED[flag] for flag in option.opts if flag in COMPLETED), "")
            facts = {"help": _first_sentence(option.help or ""), "takes_value": not option.is_flag, "values": kind}
            options |= dict.fromkeys((*option.opts, *option.secondary_opts), facts)
        of_collections = any(
            not parameter.opts[0].startswith("-") and "COLLECTION" in (parameter.metavar or parameter.name.upper())
            for parameter in commands[name].params
        )
        table["commands"][name] = {
            "help": _first_sentence(COMMANDS[name]),
            "options": options,
            "values": "collections" if of_collections else "",
        }
    kinds = [kind.value for kind in raycontext.ChunkKind]
    table["values"] = {"kinds": kinds, "languages": list(LANGUAGES), "runtimes": ["inline", "processes", "ray"]}
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


def _first_sentence(text: str) -> str:
    return text.split(". ", maxsplit=1)[0].rstrip(".")


WRITTEN: dict[str, Callable[[], str]] = {
    "sdk.md": sdk,
    "cli.md": cli,
    "http.md": http,
    "architecture.svg": picture,
    "../raycontext/cli/command_line/completion.json": completion,
}
"""Files, by their paths relative to docs/, that are written by a program, and what writes them."""


def stale() -> list[str]:
    """Return the names of the written files that are missing or are not what the code says."""
    files = {name: DOCS / name for name in WRITTEN}
    return [
        name
        for name, written in WRITTEN.items()
        if not files[name].exists() or files[name].read_text(encoding="utf-8") != written()
    ]


def main() -> None:
    if sys.argv[1:] == ["--check"]:
        differing = stale()
        if differing:
            sys.exit(f"not what the code says: {', '.join(differing)}; run `make docs`")
        return
    if len(sys.argv) > 1:
        site(Path(sys.argv[1]))
        return
    for name, written in WRITTEN.items():
        (DOCS / name).write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    main()
