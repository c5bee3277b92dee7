"""Generated configurations: an install changes our entry alone, and its undo leaves every byte as it was."""

from __future__ import annotations

import json
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from raycontext.cli.install.change import BACKUP_SUFFIX, plan_install, plan_undo
from raycontext.cli.install.clients import CLIENTS, Client, ClientName, entry_for
from raycontext.cli.install.jsonc import value_of

NAMES = st.sampled_from(["docs", "tui", "model", "a-b", "x.y", "ü", "mcp_servers", "command", "args", "raycontext2"])
WORDS = st.text(alphabet="ab[]{}=#,\"'\\\n /*é\t", max_size=8)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


SCALARS = st.one_of(
    WORDS.map(quoted),
    st.sampled_from(
        ["'[x]'", '"""\n[mcp_servers.raycontext]\n# no\n"""', "'''\n}\n'''", "nan", "-0.0", "1", "true", "1.0"]
    ),
    st.sampled_from(["1979-05-27", "[1, [2]]", '[\n  "a", # one\n  "b"\n]', "{ a = 1 }"]),
)
KEYS = NAMES.map(lambda name: name if name.isascii() and "." not in name else quoted(name))
PATHS = st.lists(KEYS, min_size=1, max_size=3).map(".".join)
LINES = st.one_of(
    st.tuples(PATHS, SCALARS).map(lambda pair: f"{pair[0]} = {pair[1]}"),
    st.tuples(PATHS, SCALARS).map(lambda pair: f"mcp_servers.{pair[0]} = {pair[1]}"),
    PATHS.map(lambda path: f"[{path}]"),
    PATHS.map(lambda path: f"[mcp_servers.{path}] # of others"),
    PATHS.map(lambda path: f"[[{path}]]"),
    st.sampled_from(["", "# [mcp_servers.raycontext]", "[mcp_servers]", "mcp_servers = {}", "  "]),
    st.just('mcp_servers = { docs = { command = "}", args = [] } } # inline'),
)


@st.composite
def toml_texts(draw: st.DrawFn) -> str:
    """TOML as people write it: lines that do not fit the document so far are left out."""
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    kept: list[str] = []
    for line in draw(st.lists(LINES, max_size=10)):
        try:
            tomllib.loads("\n".join([*kept, line]))
        except ValueError:
            continue
        kept.append(line)
    assume(isinstance(tomllib.loads("\n".join(kept)).get("mcp_servers", {}), dict))  # anything else is refused
    text = "\n".join(kept) + draw(st.sampled_from(["", "\n", "\n\n\n"]))
    return draw(st.sampled_from(["", "\ufeff"])) + text.replace("\n", newline)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
GAPS = st.sampled_from(["", " ", "\n", "\r\n\t", " // one\n", "/* { */", '\n  // "mcpServers": {}\n  '])


@st.composite
def json_texts(draw: st.DrawFn) -> str:
    """JSON with comments, trailing commas and white space anywhere."""

    def written(value: Any, depth: int = 0) -> str:
        if not isinstance(value, dict | list) or depth > 2:
            return json.dumps(value, ensure_ascii=draw(st.booleans()))
        pieces = (
            [f"{json.dumps(key)}{draw(GAPS)}:{draw(GAPS)}{written(inner, depth + 1)}" for key, inner in value.items()]
            if isinstance(value, dict)
            else [written(inner, depth + 1) for inner in value]
        )
        inside = ",".join(draw(GAPS) + piece + draw(GAPS) for piece in pieces)
        comma = "," + draw(GAPS) if pieces and draw(st.booleans()) else ""
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        return opening + inside + comma + draw(GAPS) + closing

    document = draw(st.dictionaries(WORDS, JSON_VALUES, max_size=3))
    servers = draw(st.none() | st.dictionaries(WORDS, JSON_VALUES, max_size=2))
    if servers is not None:
        document["mcpServers"] = servers
    return draw(st.sampled_from(["", "\ufeff"])) + draw(GAPS) + written(document) + draw(GAPS)


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def check(client: Client, text: str, parse: Any) -> None:
    """Install, bring up to date, take back: with and without the backup, and with edits of others in between."""
    before = parse(text)
    entry = entry_for(client, ['/opt/ray "context"'], {})
    newer = entry_for(client, ["/opt/new", "-P", "-m", "raycontext"], {"RAYCONTEXT_ROOT": "/r"})
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "file"
        place.write_bytes(text.encode())
        for wanted in (entry, newer):
            plan_install(client, place, wanted).apply()
            after = parse(place.read_bytes().decode())
            assert canonical(after[client.container].pop("raycontext")) == canonical(wanted)
            assert canonical(after) == canonical({**before, client.container: before.get(client.container, {})})
        plan_undo(client, place).apply()
        assert place.read_bytes() == text.encode()
        assert list(place.parent.iterdir()) == [place]

        plan_install(client, place, entry).apply()
        place.with_name(place.name + BACKUP_SUFFIX).unlink()
        plan_install(client, place, newer).apply()
        plan_undo(client, place).apply()
        left = None if not place.exists() else parse(place.read_bytes().decode())
        left = {key: value for key, value in (left or {}).items() if key != client.container or value}
        assert canonical(left) == canonical(
            {key: value for key, value in before.items() if key != client.container or value}
        )


@given(toml_texts())
def test_install_and_undo_of_generated_toml_are_the_identity(text: str) -> None:
    check(CLIENTS[ClientName.CODEX], text, lambda each: tomllib.loads(each.removeprefix("\ufeff")))


@given(json_texts())
def test_install_and_undo_of_generated_json_with_comments_are_the_identity(text: str) -> None:
    assume(isinstance(value_of(text, ("mcpServers",)), dict | None))
    check(CLIENTS[ClientName.CURSOR], text, lambda each: value_of(each, ()))


@given(st.dictionaries(WORDS, JSON_VALUES, max_size=3), st.none() | st.integers(0, 4) | st.just("\t"))
def test_install_and_undo_of_generated_json_are_the_identity(
    document: dict[str, Any], indent: int | str | None
) -> None:
    check(CLIENTS[ClientName.GEMINI], json.dumps(document, indent=indent), json.loads)
