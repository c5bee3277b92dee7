"""Rules of chunk_file that hold for all languages, and the hard cases of some."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest

from raycontext.chunk.chunker import ChunkedFile, Definition, chunk_file
from raycontext.chunk.syntax import parsing
from raycontext.models import ChunkKind


def texts(data: bytes, chunked: ChunkedFile) -> list[str]:
    return [data[chunk.start_byte : chunk.end_byte].decode() for chunk in chunked.chunks]


def names(chunked: ChunkedFile, *kinds: ChunkKind) -> list[str]:
    return [item.name for item in chunked.definitions if not kinds or item.kind in kinds]


@pytest.mark.parametrize("data", [b"", b"\n", b"  \n\t\r\n\n"])
@pytest.mark.parametrize("language", ["python", "text", "markdown", "json", "notebook", "c", "vue"])
def test_file_without_text_has_no_chunks(data: bytes, language: str) -> None:
    assert chunk_file(data, language, 1500).chunks == []


def test_small_file_is_one_chunk_with_all_its_names() -> None:
    data = b"import os\n\nLIMIT = 3\n\ndef first():\n    pass\n\nclass Second:\n    def third(self):\n        pass\n"
    chunked = chunk_file(data, "python", 1500)
    assert len(chunked.chunks) == 1
    assert chunked.chunks[0].kind is ChunkKind.CLASS
    assert chunked.chunks[0].symbol == "Second first third LIMIT"
    assert chunked.definitions == [
        Definition("LIMIT", ChunkKind.CONSTANT, 3, 3, 0, nested=False, has_body=True),
        Definition("first", ChunkKind.FUNCTION, 5, 6, 0, nested=False, has_body=True),
        Definition("Second", ChunkKind.CLASS, 8, 10, 0, nested=False, has_body=True),
        Definition("third", ChunkKind.METHOD, 9, 10, 0, nested=False, has_body=True, scope="Second"),
    ]


def test_symbol_names_at_most_eight_definitions_but_all_are_listed() -> None:
    data = b"".join(b"def f%d(): pass\n" % number for number in range(20))
    chunked = chunk_file(data, "python", 1500)
    assert chunked.chunks[0].symbol.split() == [f"f{number}" for number in range(8)]
    assert len(chunked.definitions) == 20


def test_class_that_fits_is_one_chunk_and_a_larger_one_is_split_at_its_members() -> None:
    method = b"    def method_%d(self):\n        return '%s'\n\n"
    small = b"class Small:\n    '''About it.'''\n\n" + method % (1, b"x" * 50)
    assert [chunk.symbol for chunk in chunk_file(small, "python", 400).chunks] == ["Small method_1"]
    large = b"class Large:\n    '''About it. %s'''\n\n" % (b"y" * 80)
    large += b"".join(method % (number, b"x" * 250) for number in range(3))
    chunks = chunk_file(large, "python", 400).chunks
    assert [(chunk.kind, chunk.symbol, chunk.scope) for chunk in chunks] == [
        (ChunkKind.CLASS, "Large", ""),
        (ChunkKind.METHOD, "method_0", "Large"),
        (ChunkKind.METHOD, "method_1", "Large"),
        (ChunkKind.METHOD, "method_2", "Large"),
    ]


def test_large_function_is_split_at_statements_and_its_parts_keep_its_name_as_scope() -> None:
    body = "".join(f"    if value == {number}:\n        print('{'x' * 60}')\n\n" for number in range(30))
    data = f"def big(value):\n{body}".encode()
    chunked = chunk_file(data, "python", 600)
    first, *rest = chunked.chunks
    assert (first.kind, first.symbol, first.scope) == (ChunkKind.FUNCTION, "big", "")
    assert rest and {(chunk.kind, chunk.symbol, chunk.scope) for chunk in rest} == {(ChunkKind.BLOCK, "", "big")}
    assert all(text.lstrip().startswith(("def", "if")) for text in texts(data, chunked))


def test_comment_too_long_for_the_chunk_of_its_function_is_named_by_it() -> None:
    comment = "".join(f"/// Line {number} of a long explanation of what comes.\n" for number in range(20))
    data = f"{comment}fn explained() {{\n    work();\n}}\n".encode()
    chunks = chunk_file(data, "rust", 400).chunks
    assert len(chunks) > 1
    assert {chunk.symbol for chunk in chunks} == {"explained"}


def test_comment_belongs_to_the_definition_below_it() -> None:
    data = b"def a():\n    return '%s'\n\n# About b.\ndef b():\n    return '%s'\n" % (b"x" * 200, b"y" * 200)
    assert texts(data, chunk_file(data, "python", 250))[1].startswith("# About b.")


def test_definitions_in_functions_are_nested_and_local_variables_are_none() -> None:
    filler = "".join(f"        print({number}, '{'x' * 40}')\n" for number in range(20))
    data = f"def outer():\n    local = 1\n    def inner():\n{filler}    return inner\n".encode()
    definitions = {item.name: item for item in chunk_file(data, "python", 300).definitions}
    assert definitions.keys() == {"outer", "inner"}
    assert definitions["inner"].nested and not definitions["outer"].nested


def test_declarations_have_no_body() -> None:
    data = b"int declared(int a);\nint defined(int a) { return a; }\n"
    assert [(item.name, item.has_body) for item in chunk_file(data, "c", 1500).definitions] == [
        ("declared", False),
        ("defined", True),
    ]


def test_one_enormous_line_stays_one_chunk_and_its_neighbours_do_not_join_it() -> None:
    data = b"def a(): pass\n" + b"X = '" + b"y" * 20_000 + b"'\ndef b(): pass\n"
    chunks = chunk_file(data, "python", 500).chunks
    assert [(chunk.start_line, chunk.end_line) for chunk in chunks] == [(1, 1), (2, 2), (3, 3)]


def test_carriage_return_alone_ends_no_line() -> None:
    data = b"a\rb\r\nc\n"
    (chunk,) = chunk_file(data, "text", 1500).chunks
    assert (chunk.start_line, chunk.end_line, chunk.end_byte) == (1, 2, len(data) - 1)


def test_windows_line_ends_give_the_same_chunks() -> None:
    data = b"class A:\n    def f(self):\n        return 1\n\n    def g(self):\n        return 2\n"
    unix = chunk_file(data, "python", 40)
    windows = chunk_file(data.replace(b"\n", b"\r\n"), "python", 44)
    assert [(c.start_line, c.end_line, c.symbol) for c in windows.chunks] == [
        (c.start_line, c.end_line, c.symbol) for c in unix.chunks
    ]


@pytest.mark.parametrize(
    ("language", "data"),
    [
        ("javascript", b"[" * 10_000),
        ("python", b"(" * 10_000 + b")" * 10_000),
        ("c", b"{" * 10_000),
        ("cpp", b"namespace a {\n" * 3_000),
        ("cpp", b"template <class T> " * 3_000 + b"void f();"),
        ("c", b"int " + b"*" * 10_000 + b"x;"),
        ("c", b"int " + b"(" * 5_000 + b"x" + b")" * 5_000 + b";"),
        ("c", b"#if A\n" * 3_000),
        ("python", b"".join(b" " * depth + b"if a:\n" for depth in range(500))),
        ("python", b"".join(b" " * depth + b"class A:\n" for depth in range(500))),
        ("rust", b"mod a {\n" * 2_000),
        ("html", b"<div>\n" * 3_000),
        ("json", b"[\n" * 5_000),
        ("elixir", b"def " + b"f when " * 2_000),
        ("haskell", b"f = " + b"(\n" * 2_000),
        ("yaml", b"".join(b" " * depth + b"a:\n" for depth in range(1_000))),
    ],
)
def test_deep_nesting_is_no_problem(language: str, data: bytes) -> None:
    chunks = chunk_file(data, language, 500).chunks
    assert chunks[0].start_byte <= 500 and chunks[-1].end_byte >= len(data.rstrip()) - 1


def test_file_that_takes_too_much_work_is_cut_by_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"def f():\n    return 1\n" * 2_000
    assert not chunk_file(data, "python", 500).gave_up
    monkeypatch.setattr(parsing, "PARSE_CPU_SECONDS", -1.0)
    cut = chunk_file(data, "python", 500)
    assert cut.gave_up and cut.definitions == [] and cut.chunks
    monkeypatch.undo()
    assert not chunk_file(data, "python", 500).gave_up


def test_text_that_keeps_a_scanner_busy_is_cut_by_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scanner of Scala reads all open braces at each step, which takes minutes here."""
    monkeypatch.setattr(parsing, "PARSE_CPU_SECONDS", 0.5)
    cut = chunk_file(b"a => (b : { case " * 16_000, "scala", 1500)
    assert (cut.gave_up, cut.too_long_line, cut.definitions) == (True, False, [])


STOPPED = r"""
import sys
from raycontext.chunk.chunker import chunk_file
body = "{\n\tif a > 1 {\n\t\treturn a * 2\n\t}\n\treturn len(b)\n}\n"
functions = "\n".join(f"func handler{number}(a int, b string) int {body}" for number in range(16_000))
data = f"package main\n\n{functions}".encode()
print(len(data), flush=True)
chunked = chunk_file(data, "go", 1500)
print(chunked.gave_up, len(chunked.chunks), len(chunked.definitions), flush=True)
"""


@pytest.mark.process
def test_process_that_is_stopped_for_a_while_cuts_a_file_as_ever() -> None:
    told = []
    for stops in (False, True):
        with subprocess.Popen([sys.executable, "-c", STOPPED], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert int(child.stdout.readline()) > 1_200_000
            if stops:
                child.send_signal(signal.SIGSTOP)
                time.sleep(6.0)  # longer than the limit by the clock that such a file once had
                child.send_signal(signal.SIGCONT)
            told.append(child.stdout.read())
        assert child.returncode == 0
    assert told[0] == told[1]
    assert told[0].split()[0] == "False" and int(told[0].split()[2]) == 16_000


def test_minified_file_is_not_parsed() -> None:
    data = b"var a=1;" * (parsing.MAX_LINE_BYTES // 8 + 1)
    chunked = chunk_file(data, "javascript", 1500)
    assert chunked.too_long_line and len(chunked.chunks) == 1


def test_language_without_grammar_is_cut_at_blank_lines() -> None:
    paragraph = b"word word word word\n" * 8
    data = b"\n".join([paragraph] * 6)
    chunked = chunk_file(data, "text", 200)
    assert not chunked.gave_up
    assert texts(data, chunked) == [paragraph.decode().rstrip()] * 6


def test_unknown_language_name_is_cut_by_lines() -> None:
    (chunk,) = chunk_file(b"a\nb\n", "no such language", 1500).chunks
    assert (chunk.start_line, chunk.end_line, chunk.kind) == (1, 2, ChunkKind.BLOCK)


@pytest.mark.parametrize(
    ("declaration", "name"),
    [
        ("static inline struct node *find(int a) { return 0; }", "find"),
        ("int (*handler(int a))(int) { return 0; }", "handler"),
        ("int old_style(a) int a; { return a; }", "old_style"),
        ("(void) { }\nint after_error(void) { return 1; }", "after_error"),
        ("API_EXPORT const char *exported(void) { return 0; }", "exported"),
        ("__attribute__((noreturn)) void stops(void) { }", "stops"),
        ("static __always_inline int inlined(void) { return 1; }", "inlined"),
        ("DEFINE_LIST(int, names);\nint after_macro(void) { return 1; }", "after_macro"),
        (
            "int spread(int a)\n#ifdef X\n{ if (a) {\n#else\n{ if (!a) {\n#endif\n} return a; }",
            "spread",
        ),
    ],
)
def test_c_function_is_found_behind_declarators_macros_and_conditionals(declaration: str, name: str) -> None:
    data = f"#include <x.h>\n{declaration}\nint last(void) {{ return 0; }}\n".encode()
    functions = names(chunk_file(data, "c", 1500), ChunkKind.FUNCTION)
    assert name in functions
    assert functions[-1] == "last"


@pytest.mark.parametrize(
    ("declaration", "kind", "name", "scope"),
    [
        ("void Foo::bar() const { }", ChunkKind.METHOD, "bar", "Foo"),
        ("template <class T> Foo<T>::Foo() : x(1) { }", ChunkKind.METHOD, "Foo", "Foo"),
        ("int a::Foo<int>::baz(int x) { }", ChunkKind.METHOD, "baz", "a > Foo"),
        ("Foo::operator bool() const { return 1; }", ChunkKind.METHOD, "operator bool", "Foo"),
        ("class EXPORT_API Foo final : public Base { int x; };", ChunkKind.CLASS, "Foo", ""),
        ("auto trailing() -> int { return 1; }", ChunkKind.FUNCTION, "trailing", ""),
        ("template <typename T> concept Small = sizeof(T) < 8;", ChunkKind.TYPE, "Small", ""),
        ("namespace outer::inner { void f() { } }", ChunkKind.FUNCTION, "f", "outer::inner"),
        ("TEST_F(Suite, Name) { int x; }", ChunkKind.TEST, "Suite.Name", ""),
        ("int guarded() const GUARDED_BY_IT(mutex_) { return 1; }", ChunkKind.FUNCTION, "guarded", ""),
    ],
)
def test_cpp_definition_has_kind_name_and_scope(declaration: str, kind: ChunkKind, name: str, scope: str) -> None:
    chunked = chunk_file(declaration.encode(), "cpp", 1500)
    first = next(item for item in chunked.definitions if item.name == name)
    assert first.kind is kind
    assert chunked.chunks[0].scope == scope


@pytest.mark.parametrize(
    ("source", "kind", "symbol", "scope"),
    [
        ("export const f = async () => 1", ChunkKind.FUNCTION, "f", ""),
        ("const Foo = class { }", ChunkKind.CLASS, "Foo", ""),
        ("module.exports.x = function () { }", ChunkKind.FUNCTION, "x", ""),
        ("Foo.prototype.bar = function () { }", ChunkKind.METHOD, "bar", "Foo"),
        ("export default function () { }", ChunkKind.FUNCTION, "default", ""),
        ("export default class { m() { } }", ChunkKind.CLASS, "default m", ""),
        ("module.exports = function named() { }", ChunkKind.FUNCTION, "named", ""),
        ("const a = require('a')", ChunkKind.IMPORT, "", ""),
        ("export { a, b }", ChunkKind.IMPORT, "", ""),
        ("(function () {\n  function inner() { }\n})()", ChunkKind.FUNCTION, "inner", ""),
    ],
)
def test_javascript_definition_in_its_many_forms(source: str, kind: ChunkKind, symbol: str, scope: str) -> None:
    for language in ("javascript", "typescript", "tsx"):
        (chunk,) = chunk_file(source.encode(), language, 1500).chunks
        assert (chunk.kind, chunk.symbol, chunk.scope) == (kind, symbol, scope), language


def test_items_inside_a_rust_macro_are_found() -> None:
    data = b"cfg_feature! {\n    pub struct Inside;\n\n    impl Inside {\n        fn method(&self) {}\n    }\n}\n"
    chunked = chunk_file(data, "rust", 1500)
    assert names(chunked) == ["Inside", "Inside", "method"]


def test_notebook_on_one_line_is_cut_by_lines() -> None:
    notebook = json.dumps({"cells": [{"cell_type": "code", "source": ["a = 1"]}], "nbformat": 4}).encode()
    assert len(chunk_file(notebook, "notebook", 1500).chunks) == 1


def test_fenced_code_starts_no_heading() -> None:
    data = b"# One\n\n~~~\n# no\n```\n# no\n~~~\n\n## Two\n\n`````\n# no\n```\n# no\n`````\n\n# Three\n"
    assert names(chunk_file(data, "markdown", 1500)) == ["One", "Two", "Three"]


def test_items_of_a_yaml_list_are_named_by_their_name() -> None:
    data = b"- name: Install it  # at once\n  run: make\n- uses: other\n  with: 1\n- id: 'last'\n"
    assert names(chunk_file(data, "yaml", 1500)) == ["Install it", "last"]


@pytest.mark.parametrize(("language", "text"), [("perl", "é#"), ("cobol", "d")])
def test_text_on_which_a_grammar_never_returns_is_read_without_it(language: str, text: str) -> None:
    assert len(chunk_file(text.encode(), language, 1500).chunks) == 1


@pytest.mark.process
@pytest.mark.parametrize("language", ["bash", "d", "odin", "python", "swift", "v"])
def test_characters_beyond_the_first_plane_crash_no_grammar(language: str) -> None:
    """In a process of its own, for where one crashes it takes the process with it."""
    program = (
        "import sys\n"
        "from raycontext.chunk.chunker import chunk_file\n"
        "for text in ('\\U0007a7d9\\u0287', 'echo \\U0001f680 {x', '${\\U0010fffd', '\\U000b4688\\n\\U000d42db'):\n"
        "    assert len(chunk_file((text * 200).encode(), sys.argv[1], 1500).chunks) >= 1\n"
    )
    done = subprocess.run([sys.executable, "-c", program, language], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_name_beyond_the_first_plane_is_kept() -> None:
    data = "func \U0001f436() -> Int { return 1 }\n".encode()
    assert names(chunk_file(data, "swift", 1500)) == ["\U0001f436"]


def test_same_input_gives_the_same_chunks() -> None:
    data = b"class A:\n    x = 1\n    def f(self): pass\n" * 50
    assert chunk_file(data, "python", 300) == chunk_file(data, "python", 300)


def test_chunks_are_in_order_and_do_not_overlap() -> None:
    data = b"def f():\n    return 1\n\n" * 500
    chunks = chunk_file(data, "python", 300).chunks
    assert all(before.end_byte < after.start_byte for before, after in pairwise(chunks))
