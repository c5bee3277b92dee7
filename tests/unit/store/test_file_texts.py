"""The indexed text of a file comes back byte for byte: line ends, blank lines, and what stands at the end."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from raycontext.discover.read import Content
from raycontext.embed.models.static import StaticEmbedder
from raycontext.embed.vectors import quantized
from raycontext.index.work.segment_builder import Batch
from raycontext.store.segments.file_texts import file_text
from raycontext.store.segments.segment import Segment
from raycontext.store.segments.segment_writer import write_segment
from raycontext.store.storage.memory import MemoryStorage

LINE = st.sampled_from(
    ["", " ", "\t\f", "def first():", "    return 1", "x = '\u00e9'", "class A:", "\v", "\u2028", "a" * 300, "}"]
)
CONTENTS = st.lists(st.tuples(LINE, st.sampled_from(["\n", "\n", "\r\n", "\r", ""])), max_size=60)
EMBED = quantized(StaticEmbedder())


def segment_of(files: dict[str, bytes]) -> Segment:
    batch = Batch()
    for path, data in files.items():
        batch.add(path, Content(data, b"\0" * 16, len(data)), 300)
    storage = MemoryStorage()
    written = write_segment(storage, "shop", batch.content(EMBED), embedder="", chunker="")
    return Segment(storage, "shop", written)


@settings(max_examples=50)
@given(st.lists(CONTENTS, min_size=1, max_size=5))
def test_text_is_the_content(contents: list[list[tuple[str, str]]]) -> None:
    files = {
        f"{number}.{'py' if number % 2 else 'txt'}": "".join(line + end for line, end in lines).encode()
        for number, lines in enumerate(contents)
    }
    segment = segment_of(files)
    assert [file_text(segment, ordinal) for ordinal in range(len(files))] == list(files.values())


def test_blanks_are_stored_where_they_are_not_line_ends_alone() -> None:
    segment = segment_of({"unix.py": b"a = 1\n\n\nb = 2\n", "dos.py": b"a = 1\r\n\r\n" * 200, "blank.txt": b" \n"})
    assert segment.blanks(0) == b""
    assert set(segment.blanks(1)) <= set(b"\r\n")
    assert segment.blanks(2) == b" \n"
