"""The description of the format in docs/format.md lists the files, columns and fields that the code writes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from raycontext.discover.snapshot import QUARANTINES
from raycontext.embed.vectors import QuantizedVectors
from raycontext.models import IndexOptions
from raycontext.store.collection import CollectionIdentity
from raycontext.store.manifest import FORMAT, OLDEST_FORMAT, Manifest, SegmentReference
from raycontext.store.segments.content_vectors import ContentVectors, content_keys
from raycontext.store.segments.segment import DATA_FILES, DESCRIPTION
from raycontext.store.storage.local import LocalStorage

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs/format.md").read_text(encoding="utf-8")
GOLDEN = REPOSITORY / f"tests/format/golden/{FORMAT}/collection"


def section(title: str) -> str:
    """Return the text below a heading, up to the next heading of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def first_cells(text: str) -> list[str]:
    """Return the names in the first column of the first table of a text."""
    table = re.search(r"^\|---.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert table is not None
    return [name for row in table[1].splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])]


def description_of(name: str) -> str:
    """Return what the page says of one data file of a segment: from its paragraph to that of the next file."""
    found = re.search(rf"^`{name}`(.*?)(?=^`\w+\.arrow`|\Z)", section("Segment"), re.MULTILINE | re.DOTALL)
    assert found is not None, name
    return found[1]


def segments_of_golden() -> list[Path]:
    return sorted(path.parent for path in GOLDEN.rglob(DESCRIPTION))


def columns(path: Path) -> list[str]:
    with pa.memory_map(str(path)) as mapped:
        return list(pa.ipc.open_file(mapped).schema.names)


def test_page_names_the_formats() -> None:
    assert f"This is format **{FORMAT}**" in PAGE
    assert [number for number in range(OLDEST_FORMAT, FORMAT) if f"## Format {number}\n" not in PAGE] == []


def test_fields_of_the_manifest_are_those_of_the_code() -> None:
    assert sorted(first_cells(section("Manifest"))) == sorted({*Manifest.model_fields})


def test_options_in_the_manifest_are_those_of_the_code() -> None:
    (row,) = [row for row in section("Manifest").splitlines() if row.startswith("| `options` |")]
    assert set(IndexOptions.model_fields) == set(re.findall(r"`(\w+)`", row.split("|")[2])) - {"static"}
    assert "KIND:MODEL@URL" in row


def test_fields_of_a_reference_to_a_segment_are_those_of_the_code() -> None:
    sentence = section("Manifest").split("A reference to a segment:")[1].split("Their chunks")[0]
    assert [name for name in SegmentReference.model_fields if f"`{name}`" not in sentence] == []


def test_fields_of_the_description_of_a_collection_are_those_of_the_code() -> None:
    assert sorted(first_cells(section("COLLECTION.json"))) == sorted({"format", *CollectionIdentity._fields})


def test_files_of_a_segment_are_those_of_the_code() -> None:
    listed = section("Files and folders").split("segments/<ulid>/")[1].split(DESCRIPTION)[0]
    assert re.findall(r"\w+\.arrow", listed) == list(DATA_FILES)
    for folder in segments_of_golden():
        assert {path.name for path in folder.iterdir()} == {*DATA_FILES, DESCRIPTION}


def test_description_of_a_segment_has_the_fields_of_the_page() -> None:
    written = json.loads((segments_of_golden()[0] / DESCRIPTION).read_bytes())
    sentence = section("Segment").split(f"`{DESCRIPTION}`:")[1].split(":")[0]
    assert re.findall(r"`(\w+)`", sentence) == ["format", "embedder", "chunker", "files", "rows", "objects"]
    assert set(written) - {"rules"} == set(re.findall(r"`(\w+)`", sentence))
    assert "`rules`" in section("Segment")


@pytest.mark.parametrize("name", ["files.arrow", "chunks.arrow", "definitions.arrow"])
def test_tables_list_all_columns_of_a_file_of_a_segment(name: str) -> None:
    assert first_cells(description_of(name)) == columns(segments_of_golden()[0] / name)


@pytest.mark.parametrize("name", ["labels.arrow", "text.arrow", "vectors.arrow", "names.arrow", "postings.arrow"])
def test_sentences_name_all_columns_of_a_file_of_a_segment(name: str) -> None:
    named = re.findall(r"`(\w+)`", description_of(name))
    found = columns(segments_of_golden()[0] / name)
    assert [column for column in found if column not in named] == []


def test_columns_and_fields_of_the_snapshot_are_those_of_the_code() -> None:
    (pack, *_) = [file.read_bytes() for file in GOLDEN.rglob("parts")]
    at = int.from_bytes(pack[-8:], "little")
    root = json.loads(pack[at:-8])
    assert first_cells(section("Snapshot")) == sorted(root)
    _, _, offset, size, *_ = root["children"][0]
    schema = pa.ipc.open_file(pack[offset : offset + size]).schema
    assert first_cells(section("Parts of a snapshot")) == list(schema.names)


def test_reasons_that_keep_a_digest_are_those_of_the_code() -> None:
    sentence = section("Parts of a snapshot").split("with one exception:")[1].split("belong to a content")[0]
    assert set(re.findall(r"`(\w+)`", sentence)) == {reason.value for reason in QUARANTINES}


def test_columns_of_vectors_by_content_are_those_of_the_code(tmp_path: Path) -> None:
    vectors = QuantizedVectors(np.ones((1, 16), np.int8), np.ones(1, np.float32), np.ones((1, 2), np.uint8))
    ContentVectors(LocalStorage(tmp_path), "an embedder").add(content_keys(["a text"]), vectors)
    (written,) = tmp_path.rglob("*.arrow")
    assert re.fullmatch(r"\.vectors/[0-9a-f]{32}/[0-9a-z]{26}/vectors\.arrow", written.relative_to(tmp_path).as_posix())
    assert first_cells(section("Vectors by content")) == columns(written)
