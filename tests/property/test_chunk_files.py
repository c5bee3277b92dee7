"""What holds for the chunks of any file: coverage, order, lines, sizes."""

from __future__ import annotations

import itertools
import os
import site
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from raycontext.chunk.chunker import ChunkedFile, chunk_file
from raycontext.chunk.languages.detect import LANGUAGES, detect_language

MAX_FILES = 300
MAX_FILE_BYTES = 300_000
HEAD_BYTES = 4096
SUFFIXES = (".py", ".h", ".hpp", ".js", ".css", ".md", ".json", ".pyi", ".rst", ".html", ".toml", ".txt", ".c", ".pyx")


def check(data: bytes, chunked: ChunkedFile, target: int) -> None:
    """Assert every promise of chunk_file."""
    position = -1
    covered: set[int] = set()
    for chunk in chunked.chunks:
        assert position < chunk.start_byte < chunk.end_byte <= len(data)
        position = chunk.end_byte
        assert chunk.start_line == 1 + data.count(b"\n", 0, chunk.start_byte)
        assert chunk.end_line == 1 + data.count(b"\n", 0, chunk.end_byte)
        assert chunk.start_byte == 0 or data[chunk.start_byte - 1 : chunk.start_byte] == b"\n"
        assert chunk.end_byte == len(data) or data[chunk.end_byte : chunk.end_byte + 1] == b"\n"
        assert chunk.start_line == chunk.end_line or chunk.end_byte - chunk.start_byte <= 3 * target
        data[chunk.start_byte : chunk.end_byte].decode()
        lines = range(chunk.start_line, chunk.end_line + 1)
        assert covered.isdisjoint(lines)
        covered.update(lines)
    for number, line in enumerate(data.split(b"\n"), start=1):
        assert number in covered or not line.strip()
    for definition in chunked.definitions:
        chunk = chunked.chunks[definition.chunk]
        assert chunk.start_line <= definition.line <= chunk.end_line
        assert definition.name.strip()


def real_files() -> Iterator[Path]:
    """Files of the installed packages, or of the folder in RAYCONTEXT_CORPUS, evenly spread, in a fixed order."""
    corpus = os.environ.get("RAYCONTEXT_CORPUS")
    if corpus:
        files = (path for path in sorted(Path(corpus).rglob("*")) if path.is_file() and not path.is_symlink())
        yield from itertools.islice(files, int(os.environ.get("RAYCONTEXT_CORPUS_FILES", "1000000")))
        return
    packages = Path(site.getsitepackages()[0])
    by_suffix: dict[str, list[Path]] = {suffix: [] for suffix in SUFFIXES}
    for path in packages.rglob("*"):
        if path.suffix in by_suffix and path.is_file():
            by_suffix[path.suffix].append(path)
    per_suffix = MAX_FILES // len(SUFFIXES)
    for paths in by_suffix.values():
        paths.sort()
        yield from paths[:: max(1, len(paths) // per_suffix)][:per_suffix]


def test_every_line_of_real_files_is_in_one_chunk() -> None:
    seen = 0
    for path in real_files():
        data = path.read_bytes()
        if len(data) > MAX_FILE_BYTES or b"\0" in data:
            continue
        try:
            data.decode()
        except UnicodeDecodeError:
            continue
        language = detect_language(path.as_posix(), data[:HEAD_BYTES])
        for target in (200, 1500):
            try:
                check(data, chunk_file(data, language, target), target)
            except Exception as error:
                error.add_note(f"{path} as {language} with target {target}")
                raise
        seen += 1
    assert seen > 100


FRAGMENTS = [
    *("def f(", "):", "class A", "{", "}", "(", ")", "[", "]", "<div>", "</div>", "fn main()", "impl X for Y", "#if A"),
    *("#else", "#endif", "#define M(x) \\", "/*", "*/", "//", "# ", "## Title", "===", "---", "```", "'", '"', '"""'),
    *("module M where", "f x = 1", "end", "do", "if x then", "namespace a", "template <class T>", "function", "=>"),
    *("export default", "const x =", "SELECT 1;", "CREATE TABLE t (", "key: value", "  key:", "- item", '"k": 1,'),
    *(
        "@decorator",
        "MACRO_BEGIN",
        "API_X int f(void);",
        "\\",
        ";",
        ",",
        "é",
        "漢字",
        "😀",
        "\t",
        "    ",
        "\x00",
        "\ufeff",
    ),
    *("\n", "\n", "\n", "\r\n", "\r", "\f", "\v", "\u2028", "\x85", " ", "\ufeff"),
]
made_text = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), max_size=80).map("".join),
    st.text(max_size=200),
)


@settings(max_examples=600, deadline=None)
@given(text=made_text, language=st.sampled_from(LANGUAGES), target=st.integers(min_value=20, max_value=400))
@example(text="\ufeff# a\r\n", language="markdown", target=20)
@example(text="#if A\n{\n", language="c", target=20)
def test_every_line_of_made_text_is_in_one_chunk(text: str, language: str, target: int) -> None:
    data = text.encode()
    chunked = chunk_file(data, language, target)
    check(data, chunked, target)
    assert chunk_file(data, language, target) == chunked


@settings(max_examples=200, deadline=None)
@given(
    data=st.data(),
    language=st.sampled_from(["c", "cpp", "python", "typescript", "rust", "ruby", "haskell", "go", "elixir", "vue"]),
)
def test_cut_up_source_is_still_covered(data: st.DataObject, language: str) -> None:
    """Pieces of real snippets, put together anew: broken code of the kind that editors save."""
    snippets = sorted((Path(__file__).parent.parent / "unit" / "chunk" / "snippets").iterdir())
    lines = data.draw(st.sampled_from(snippets)).read_text(encoding="utf-8").splitlines(keepends=True)
    picked = data.draw(st.lists(st.integers(min_value=0, max_value=len(lines) - 1), max_size=60))
    source = "".join(lines[index] for index in picked).encode()
    check(source, chunk_file(source, language, 150), 150)


@pytest.mark.parametrize("size", [1, 7, 100, 5000])
@given(language=st.sampled_from(LANGUAGES))
@settings(max_examples=30, deadline=None)
def test_any_target_size_is_met(size: int, language: str) -> None:
    data = b"".join(b"line %d of some text {\n" % number for number in range(120))
    check(data, chunk_file(data, language, size), size)
