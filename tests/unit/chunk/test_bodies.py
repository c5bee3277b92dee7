"""Bodies of C that are blanked out before parsing: nothing of what is read from the tree changes."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycontext.chunk.chunker import chunk_file
from raycontext.chunk.syntax import parsing
from raycontext.chunk.syntax.bodies import without_bodies

LIMIT = 1500

SOURCE = b"""\
#include <a.h>
#define OPEN(x) { \\
    x
/* a brace { in a comment */
static struct pair *make(int first, /* , */ char *names[])
{
\tif (first == '{' || first == '"')
\t\treturn call("}", first); // }
\treturn 0;
}

static const int table[] = { 1, 2, /* } */ 3 };
struct packed { int a; struct inner { int b; } c; } __attribute__((packed));
struct aligned __aligned(8) { int d; };
extern "C" {
int _plain(void) { return 1; }
}
DEFINE_THING(name) { return 2; }
"""


def test_insides_of_functions_and_values_are_blanked_out() -> None:
    blanked = without_bodies(SOURCE, LIMIT)
    for gone in (b"return call", b"first ==", b"return 0", b"return 1", b"1, 2"):
        assert gone in SOURCE
        assert gone not in blanked
    for kept in (
        b"#define OPEN(x) { \\\n    x",
        b"/* , */ char *names[])\n{\n",
        b"int a;",
        b"int b;",
        b"int d;",
        b"return 2",
    ):
        assert kept in blanked


@pytest.mark.parametrize(
    "source",
    [
        b"int f(void) {\n#ifdef A\n return 1;\n#endif\n}\n",  # a directive
        b"int f(void) { return 1; /*" + b"x" * LIMIT + b"*/ }\n",  # too large
        b"/*" + b"x" * LIMIT + b"*/\nint f(void) { return 1; }\n",  # with what stands before it
        b"} int f(void) { return 1; }\n",  # braces that do not match
        b"int f(void) { return (1; }\n",
        b"int f(void) { return 1;\n",
        b"",
    ],
)
def test_what_cannot_be_told_is_left_as_it_is(source: bytes) -> None:
    assert without_bodies(source, LIMIT) == source


PIECES = st.lists(
    st.sampled_from(
        [
            b"{",
            b"}",
            b"(",
            b")",
            b"=",
            b";",
            b"f",
            b"int ",
            b'"',
            b"'",
            b"\\",
            b"/*",
            b"*/",
            b"//",
            b"#",
            b"\n",
            b"\r\n",
        ]
    ),
    max_size=60,
).map(b"".join)


@given(PIECES, st.integers(0, 100))
def test_offsets_and_rows_stay_whatever_the_source(source: bytes, most_bytes: int) -> None:
    blanked = without_bodies(source, most_bytes)
    before, after = np.frombuffer(source, np.uint8), np.frombuffer(blanked, np.uint8)
    assert after.size == before.size
    changed = before != after
    assert (after[changed] == ord(" ")).all()
    assert not np.isin(before[changed], (10, 13)).any()


def test_real_headers_are_cut_as_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    files = sorted(Path(sysconfig.get_paths()["include"]).rglob("*.h"))
    files += sorted(Path(np.get_include()).rglob("*.h"))
    assert len(files) > 100
    contents = [file.read_bytes() for file in files]
    found = [chunk_file(content, "c", LIMIT) for content in contents]
    assert sum(without_bodies(content, LIMIT) != content for content in contents) > 20
    monkeypatch.setattr(parsing, "without_bodies", lambda data, most_bytes: data)
    assert found == [chunk_file(content, "c", LIMIT) for content in contents]


@pytest.mark.parametrize("end", [b"x", b"xy", b")", b"a)", b"(a)"])
def test_bytes_at_the_end_say_nothing_about_a_brace_at_the_beginning(end: bytes) -> None:
    for begin in (b"{ int a; } ", b"((packed)) { int a; } ", b"(a) { b; } "):
        assert without_bodies(begin + end, 400) == begin + end
