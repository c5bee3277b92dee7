"""A hit whose text is one very long line: cut in every interface, hits behind it are shown, and it stands behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import raycontext
from raycontext.analyse.generated import is_generated
from raycontext.cli.command_line.options import QUERY_COMMANDS
from raycontext.cli.command_line.values import parse
from raycontext.cli.display import print_hits, with_context
from raycontext.cli.queries import search
from raycontext.models import Hit, IndexOptions
from raycontext.serve.mcp.calls import Calls
from raycontext.serve.messages import RelatedQuery, SearchQuery
from raycontext.serve.service import Service

from ..conftest import write_tree

LINE_BYTES = 200_000
MOST_BYTES = 3 * IndexOptions().chunk_bytes
NAMES = ("computeCartTotal", "applyDiscount", "formatCurrency")
SOURCE = """// {0} of the shop, for all its items.
export function {0}(items, options) {{
  let total = 0;
  for (const item of items) {{
    total += item.price * options.rate;
  }}
  return total;
}}
"""
SHORT = (
    "function {0}(t,e){{let r=0;for(const n of t)r+=n.price*e.rate;return r}}/* {0} of the shop, for all its items */"
)


def one_line() -> str:
    piece = ";".join(SHORT.format(name) for name in NAMES) + ";"
    return piece * (LINE_BYTES // len(piece))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lines")
    write_tree(
        folder / "tree",
        {
            **{f"src/{name}.js": SOURCE.format(name) for name in NAMES},
            "bundle/all.js": one_line(),
            "bundle/data.txt": "the only quetzal " + "of this tree, " * 20_000,
            "bundle/later.txt": "a second quetzal\n",
        },
    )
    with raycontext.connect(root=folder / "root", runtime="inline") as context:
        context.index(folder / "tree", collection="lines")
    return folder / "root"


@pytest.fixture
async def service(root: Path) -> AsyncIterator[Service]:
    async with raycontext.connect(root=root, runtime="inline") as context:
        yield Service(context)


async def found(service: Service, query: str, **asked: Any) -> list[Hit]:
    return (await service.search(SearchQuery(query=query, collection="lines", **asked))).hits


async def test_text_of_a_long_line_is_cut_and_says_so(service: Service) -> None:
    hits = await found(service, "quetzal")
    assert {hit.path for hit in hits[:2]} == {"bundle/data.txt", "bundle/later.txt"}
    long = next(hit for hit in hits if hit.path == "bundle/data.txt")
    assert len(long.text.encode()) == MOST_BYTES
    assert long.text.startswith("the only quetzal of this tree")
    assert [hit.path for hit in hits if hit.text_cut] == ["bundle/data.txt"]
    related = await service.related(RelatedQuery(path="src/applyDiscount.js", line=2, collection="lines"))
    assert all(len(hit.text.encode()) <= MOST_BYTES for hit in related.hits)


@pytest.mark.parametrize("tokens", [1, 20, 100, 1000, 5000])
async def test_budget_never_says_that_nothing_was_found(service: Service, tokens: int) -> None:
    answer = await service.search(SearchQuery(query="quetzal", collection="lines", max_tokens=tokens))
    assert answer.hits
    assert sum(len(hit.text.encode()) for hit in answer.hits) <= 4 * tokens
    if tokens >= 1000:
        assert {"bundle/data.txt", "bundle/later.txt"} <= {hit.path for hit in answer.hits}


@pytest.mark.parametrize("tokens", [500, 5000])
async def test_agents_get_the_same_cuts(service: Service, root: Path, tokens: int) -> None:
    async def report(*_: object) -> None:
        return None

    arguments = {"path": str(root.parent / "tree"), "query": "quetzal", "limit": 5, "maxTokens": tokens}
    answer = await Calls(service).call("search_code", arguments, report)
    assert len(answer.text.encode()) <= 4 * tokens
    answer = await Calls(service).call("search_code", {**arguments, "format": "json"}, report)
    assert answer.structured is not None
    results = {result["path"]: result for result in answer.structured["results"]}
    assert results["bundle/data.txt"]["codeCut"]
    assert not results["bundle/later.txt"]["codeCut"]


def test_terminal_shows_the_beginning_of_long_lines(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAYCONTEXT_DAEMON", "off")
    arguments = ["quetzal", "--collection", "lines", "--root", str(root), "-n", "3"]
    for given, most in (
        (["--max-tokens", "50"], 1000),
        (["-C", "2"], 3000),
        ([], 3000),
        (["--json", "-C", "2"], 25_000),
    ):
        assert run(*arguments, *given) == 0
        shown = capsys.readouterr()
        assert "quetzal" in shown.out
        assert len(shown.out) < most, given
    assert "nothing found" not in shown.err


def run(*arguments: str) -> int:
    """Run `raycontext search` in this process and return its exit code."""
    return search.run("search", parse(QUERY_COMMANDS["search"], list(arguments)))


def test_lines_around_a_hit_are_bounded_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = tmp_path / "tree"
    write_tree(tree, {"a.txt": f"{'x ' * 100_000}\n\n\nquetzal\n\n\n{'y ' * 100_000}\n"})
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        context.index(tree, collection="t")
        hits = with_context([hit.model_dump() for hit in context.search("quetzal", collection="t", limit=1)], 5)
    assert all(len(line) <= MOST_BYTES for hit in hits for line in (*hit["before"], *hit["after"]))
    print_hits(hits, files=False)
    assert len(capsys.readouterr().out) < 3000


def test_a_hit_shows_the_further_places_of_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = "".join(f"    total = total + quetzal_{number} * 2  # quetzal\n" for number in range(30))
    write_tree(tmp_path / "tree", {"a.py": "".join(f"def quetzal_{name}(total):\n{body}\n\n" for name in "abc")})
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        context.index(tmp_path / "tree", collection="t")
        (hit,) = context.search("quetzal", collection="t", limit=1)
    assert {place.symbol for place in hit.more} == {f"quetzal_{name}" for name in "abc"} - {hit.symbol}
    print_hits([hit.model_dump()], files=False)
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "also here:" in line)
    assert all(f"a.py:{place.line} {place.symbol}" in line for place in hit.more)


@pytest.mark.parametrize("shards", [1, 2])
async def test_a_long_line_is_shown_around_the_match_in_every_interface(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shards: int
) -> None:
    async def report(*_: object) -> None:
        return None

    tree, needle = tmp_path / "tree", "the striped quetzal sleeps"
    line = "some other words of it, " * 4000
    write_tree(tree, {"a.txt": f"{line}{needle} {line}\n"})
    async with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        await context.index(tree, collection="lines", num_shards=shards)
        service = Service(context)
        (hit,) = await found(service, "striped quetzal")
        assert hit.text_cut and needle in hit.text and (hit.start_line, hit.end_line) == (1, 1)
        assert hit.text[hit.match :].startswith("striped quetzal")
        (small,) = await found(service, "striped quetzal", max_tokens=40)
        assert needle in small.text and len(small.text.encode()) <= 4 * 40
        assert small.text[small.match :].startswith("striped quetzal")
        arguments = {"path": str(tree), "query": "striped quetzal", "limit": 5, "maxTokens": 500}
        for form in ("text", "json"):
            answer = await Calls(service).call("search_code", {**arguments, "format": form}, report)
            assert needle in (answer.text if form == "text" else answer.structured["results"][0]["code"])  # type: ignore[index]
            assert len(answer.text.encode()) <= 4 * 500
        for one in (hit, small):
            print_hits([one.model_dump()], files=False)
            shown = capsys.readouterr().out
            assert "striped quetzal" in shown
            assert len(shown) < 1000


@pytest.mark.parametrize("shards", [1, 2])
def test_title_is_the_definition_that_matches(tmp_path: Path, capsys: pytest.CaptureFixture[str], shards: int) -> None:
    """Its own kind stands before it, not that of the chunk, and its line is shown."""
    limits = "MOST_RETRIES = 3\nQUETZAL_DELAY = 5\nWIDTH_OF_LINES = 120\ndef one(): pass\ndef two(): pass\n"
    write_tree(tmp_path / "tree", {"limits.py": limits})
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        context.index(tmp_path / "tree", collection="t", num_shards=shards)
        for query, name in (("quetzal delay", "QUETZAL_DELAY"), ("WIDTH_OF_LINES", "WIDTH_OF_LINES")):
            (hit,) = context.search(query, collection="t", limit=1)
            print_hits([hit.model_dump()], files=False, lines=1)
            title, *lines = capsys.readouterr().out.splitlines()
            assert title.endswith(f"limits.py:1-5  {name} (+4)")
            assert lines[1].startswith(f"    {name} = ")


@pytest.mark.parametrize("heading", ["Keys of the quetzal", "About"])
def test_title_of_a_section_is_its_heading(tmp_path: Path, capsys: pytest.CaptureFixture[str], heading: str) -> None:
    write_tree(tmp_path / "tree", {"a.md": f"# {heading}\n\nIt has a quetzal with keys.\n"})
    with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        context.index(tmp_path / "tree", collection="t")
        print_hits([hit.model_dump() for hit in context.search("quetzal keys", collection="t")], files=False)
    assert capsys.readouterr().out.splitlines()[0].endswith(f"a.md:1-3  section {heading}")


@pytest.mark.parametrize("query", [*NAMES, "total of the shop for all items"])
async def test_minified_code_stands_behind_the_users_own(service: Service, query: str) -> None:
    paths = [hit.path for hit in await found(service, query)]
    assert paths[0].startswith("src/")
    assert "bundle/all.js" not in paths[: max(1, len([path for path in paths if path.startswith("src/")]) - 2)]


async def test_generated_code_stands_behind_the_users_own(tmp_path: Path) -> None:
    own = SOURCE.format("computeCartTotal")
    write_tree(
        tmp_path / "tree", {"a.js": f"// Code generated by protoc. DO NOT EDIT.\n{own}", "b.js": f"// Ours.\n{own}"}
    )
    async with raycontext.connect(root=tmp_path / "root", runtime="inline") as context:
        await context.index(tmp_path / "tree", collection="t")
        for query in ("computeCartTotal", "total of the items"):
            assert [hit.path for hit in await context.search(query, collection="t")][:2] == ["b.js", "a.js"]


@pytest.mark.parametrize(
    "head",
    [
        "// Code generated by protoc-gen-go. DO NOT EDIT.\npackage x\n",
        "# Generated by the protocol buffer compiler.  DO NOT EDIT!\nimport x\n",
        "/* @generated by flow */\n",
        "/**\n * @generated SignedSource<<abc>>\n */\n",
        "// <auto-generated>\n//     This code was generated by a tool.\n",
        "# This file is automatically generated by make.\n",
        "-- This file was autogenerated, do not change it\n",
        "/* Automatically generated by configure */\n",
        "/* DO NOT EDIT: file generated by the build */\n",
        ";".join(f"a{number}=b{number}" for number in range(3000)),
        "/*! a library */\n" + ";".join(f"a{number}=b{number}" for number in range(3000)) + "\n//# end\n",
    ],
)
def test_contents_that_a_program_wrote(head: str) -> None:
    assert is_generated((head + "int x;\n" * 40).encode())


@pytest.mark.parametrize(
    "text",
    [
        "# Generate the report.\ndef generate(code):\n    return code\n",
        '"""Writes files with a note that they are generated."""\nNOTE = "x"\n',
        "// The parser is generated from the grammar when the build runs; edit the grammar.\n",
        "x = 1\n" * 1000 + "# Code generated by me. DO NOT EDIT.\n",
        "short = '" + "x" * 1500 + "'\n",
        "\n".join(f"row({number}, '{'v' * 150}')" for number in range(200)),
    ],
)
def test_contents_that_people_write(text: str) -> None:
    assert not is_generated(text.encode())
