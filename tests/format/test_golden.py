"""Collections that earlier versions wrote are opened, verified and searched; those of later ones are refused.

Each golden collection was made once, by the version that had its format: see `make_golden`.
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import raycontext
from raycontext.errors import UnsupportedFormat
from raycontext.search import shard
from raycontext.store.checking.reports import DamageKind
from raycontext.store.collection import Location
from raycontext.store.manifest import FORMAT, OLDEST_FORMAT, Manifest, manifest_name
from raycontext.store.segments.segment import Segment

from .make_golden import NAME, SOURCE, TOKEN, make, rewrite_source

HERE = Path(__file__).parent
FORMATS = range(OLDEST_FORMAT, FORMAT + 1)
MOST_BYTES = 100_000


class EmbedderOfThen:
    """Stands for the embedder that made the vectors, which is not kept: its fingerprint, one vector for all queries."""

    def __init__(self, fingerprint: str, dimension: int) -> None:
        self.fingerprint = fingerprint
        self._dimension = dimension

    def embed_query(self, _: str) -> NDArray[np.float32]:
        return np.eye(1, self._dimension, dtype=np.float32)[0]


@pytest.fixture(params=FORMATS)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A root with a copy of the golden collection of a format; its source is beside it."""
    shutil.copytree(HERE / f"golden/{request.param}/collection", tmp_path / "root")
    shutil.copytree(HERE / f"golden/{request.param}/source", tmp_path / "source")
    return tmp_path / "root"


def latest(root: Path) -> Manifest:
    manifest = Location(str(root), NAME).open().latest()
    assert manifest is not None
    return manifest


def indexed(root: Path) -> int:
    """Number of files that the collection holds: all of its source but the picture."""
    return len(list((root.parent / "source").iterdir())) - 1


def test_golden_collection_is_healthy(golden: Path) -> None:
    with raycontext.connect(root=golden, runtime="inline") as context:
        (report,) = context.verify(deep=True)
        (summary,) = context.collections()
    count = indexed(golden)
    assert report.damage == ()
    assert (report.version, report.files, report.chunks, report.changed_files) == (
        2,
        count,
        latest(golden).chunks,
        count,
    )
    assert (summary.name, summary.source, summary.files) == (NAME, SOURCE, count)


def test_golden_collection_equals_its_source(golden: Path) -> None:
    rewrite_source(Location(str(golden), NAME).open(), str(golden.parent / "source"))
    with raycontext.connect(root=golden, runtime="inline") as context:
        (report,) = context.verify(deep=True)
        assert (report.damage, report.compared_files, report.changed_files) == ((), indexed(golden), 0)
        status = context.status(NAME)
        written = Counter(place.suffix for place in (golden.parent / "source").iterdir())
        names = {"python": ".py", "markdown": ".md", "text": ".txt"}
        assert status.languages == {name: written[suffix] for name, suffix in names.items() if written[suffix]}
        assert status.skipped_files == (("logo.png", "binary"),)
        assert (status.num_shards, status.tombstones) == (2, 1)


@pytest.mark.parametrize(
    ("query", "path", "text"),
    [
        ("charge_card", "payment.py", "retries=3"),
        ("sum of the prices", "cart.py", "total_price"),
        ("Öffnungszeiten", "notes.md", "immer."),
    ],
)
def test_golden_collection_is_searched(
    golden: Path, monkeypatch: pytest.MonkeyPatch, query: str, path: str, text: str
) -> None:
    manifest = latest(golden)
    reference = next(segment for part in manifest.shards for segment in part.segments)
    dimension = Segment(Location(str(golden), NAME).open().storage, NAME, reference).vectors[0].shape[1]
    embedder = EmbedderOfThen(manifest.embedder, dimension)
    monkeypatch.setattr(shard, "embedder_for", lambda _: embedder)
    with raycontext.connect(root=golden, runtime="inline") as context:
        hit = context.search(query, collection=NAME)[0]
    assert hit.path == path
    assert text in hit.text


def test_golden_collection_is_brought_up_to_date(golden: Path) -> None:
    source = golden.parent / "source"
    rewrite_source(Location(str(golden), NAME).open(), str(source))
    (source / "later.py").write_text("def afterwards():\n    return 1\n")
    with raycontext.connect(root=golden, runtime="inline") as context:
        report = context.index(source)
        assert (report.collection, report.files) == (NAME, indexed(golden))
        assert context.search("afterwards", collection=NAME)[0].path == "later.py"
        assert context.verify(deep=True)[0].damage == ()


def test_golden_collection_of_this_format_has_an_encoding_and_a_redaction() -> None:
    opened = Location(str(HERE / f"golden/{FORMAT}/collection"), NAME).open()
    manifest = latest(HERE / f"golden/{FORMAT}/collection")
    segments = [Segment(opened.storage, NAME, reference) for part in manifest.shards for reference in part.segments]
    files = {
        segment.path(number): (segment.encoding(number), len(segment.redactions(number)))
        for segment in segments
        for number in range(len(segment.files))
    }
    assert (files["sizes.txt"], files["stock.py"], files["cart.py"]) == (("cp1252", 0), ("utf-8", 2), ("utf-8", 0))
    texts = "".join(text for segment in segments for text in segment.texts().column("text").to_pylist())
    assert "Größe" in texts
    assert 'STOCK_TOKEN = "[secret]"' in texts
    assert TOKEN not in texts


@pytest.mark.parametrize("place", ["description", "manifest"])
def test_newer_format_is_refused_and_left_alone(golden: Path, place: str) -> None:
    opened = Location(str(golden), NAME).open()
    newer = latest(golden).model_copy(update={"format": FORMAT + 1, "version": 3})
    if place == "description":
        (golden / NAME / "COLLECTION.json").write_bytes(opened.identity().encode(FORMAT + 1))
    else:
        assert opened.storage.create(f"{NAME}/manifests/{manifest_name(3)}", newer.encode())
    words = f"index format {FORMAT + 1}; this version of raycontext reads format {FORMAT}"
    with raycontext.connect(root=golden, runtime="inline") as context:
        for attempt in (
            lambda: context.search("cart", collection=NAME),
            lambda: context.status(NAME),
            lambda: context.repair(NAME),
        ):
            with pytest.raises(UnsupportedFormat, match=words):
                attempt()
        (report,) = context.verify(NAME)
        assert [entry.kind for entry in report.damage] == [DamageKind.FORMAT]
        assert f"format {FORMAT + 1}" in report.damage[0].meaning


@pytest.mark.parametrize("number", FORMATS)
def test_golden_collection_is_small_and_tells_nothing_of_its_maker(number: int) -> None:
    files = [file for file in (HERE / f"golden/{number}").rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < MOST_BYTES
    manifests = [Manifest.decode(file.name, file.read_bytes()) for file in files if file.parent.name == "manifests"]
    assert [manifest.source for manifest in manifests] == [SOURCE, SOURCE]
    assert {manifest.format for manifest in manifests} == {number}


def test_collection_made_now_has_the_files_and_columns_of_the_golden_one(tmp_path: Path) -> None:
    """A column more or less is another format: raise `FORMAT`, and make a golden collection of it."""
    make(tmp_path / "made")

    def shape(folder: Path) -> dict[str, list[str]]:
        opened = Location(str(folder / "collection"), NAME).open()
        manifest = latest(folder / "collection")
        segment = Segment(opened.storage, NAME, manifest.shards[0].segments[0])
        tables = {"files": segment.files, "chunks": segment.chunks, "definitions": segment.definitions}
        tables |= {"texts": segment.texts()}
        return {
            "manifest": sorted(manifest.model_dump()),
            "options": sorted(manifest.options.model_dump()),
            "files of a segment": opened.storage.list(f"{NAME}/segments/{segment.reference.name}"),
            **{name: [f"{field.name}: {field.type}" for field in table.schema] for name, table in tables.items()},
        }

    assert shape(tmp_path / "made") == shape(HERE / f"golden/{FORMAT}")
