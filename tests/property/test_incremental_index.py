"""Invariants 1 and 2 of the design: edits and shards change neither chunks nor answers nor scores."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import raycontext
from raycontext.analyse.posting_lists import decode
from raycontext.models import Hit
from raycontext.store.collection import Location
from raycontext.store.segments.segment import Segment

from ..conftest import CART, LEDGER, PAYMENT, ROUTER, write_tree

FOLDERS = ("", "a/", "a/b/", "c/")
NAMES = ("one.py", "two.py", "three.go", "four.js", "five.md")
CONTENTS: tuple[str | bytes, ...] = (
    CART,
    PAYMENT,
    LEDGER,
    ROUTER,
    "",
    "# Heading\n\nSome words about payment.\n",
    "def check_out(card):\n    return refund(card, 1)\n",
    b"\x00binary",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    b"caf\xe9\n",
)
QUERIES = ("charge a card", "ShoppingCart", "append booking to the ledger", "payment", "check_out refund")

paths = st.builds(str.__add__, st.sampled_from(FOLDERS), st.sampled_from(NAMES))
edits = st.one_of(
    st.tuples(st.just("write"), paths, st.sampled_from(CONTENTS)),
    st.tuples(st.just("delete"), paths),
    st.tuples(st.just("rename"), paths, paths),
    st.tuples(st.just("remove folder"), st.sampled_from(("a", "a/b", "c"))),
    st.tuples(st.just("move folder"), st.sampled_from(("a", "a/b", "c")), st.sampled_from(("a", "c", "d"))),
    st.tuples(st.just("write"), st.just(".gitignore"), st.sampled_from(("", "two.py\n", "a/b/\n"))),
    st.tuples(
        st.just("write"), st.sampled_from((".ignore", "a/.ignore")), st.sampled_from(("", "!two.py\n", "one.*\n"))
    ),
    st.tuples(st.just("write"), st.just(".hgignore"), st.sampled_from(("", "^c/t", "syntax: glob\n{one,four}.*\n"))),
    st.tuples(st.just("index"), st.booleans()),
)


def apply(place: Path, edit: tuple[Any, ...]) -> None:
    """One edit of a tree; edits that make no sense on it do nothing."""
    match edit:
        case ("write", name, content):
            if not (place / name).is_dir():
                write_tree(place, {name: content})
        case ("delete", name):
            (place / name).unlink(missing_ok=True)
        case ("rename", old, new):
            if (place / old).is_file() and not (place / new).exists():
                (place / new).parent.mkdir(parents=True, exist_ok=True)
                (place / old).rename(place / new)
        case ("remove folder", name):
            shutil.rmtree(place / name, ignore_errors=True)
        case ("move folder", old, new):
            if (place / old).is_dir() and not (place / new).exists():
                (place / old).rename(place / new)


def answers(context: raycontext.SyncContext, collection: str) -> dict[str, list[dict[str, Any]]]:
    """Everything that a search can show, for all queries."""
    return {
        query: [comparable(hit) for hit in context.search(query, collection=collection, limit=1000)]
        for query in QUERIES
    }


def references(folder: Path, collection: str) -> dict[tuple[str, int], Any]:
    """What each living chunk uses and each living file imports, however they are spread over segments."""
    opened = Location(str(folder / "root"), collection).open()
    manifest = opened.latest()
    assert manifest is not None
    found: dict[tuple[str, int], Any] = {}
    for part in manifest.shards:
        for reference in part.segments:
            segment = Segment(opened.storage, collection, reference)
            alive, lists = segment.alive_files(), decode(segment.references)
            names = np.repeat(lists.terms, np.diff(lists.offsets))
            files = segment.chunk_column("file")[lists.rows]
            lines = segment.chunk_column("start_line")[lists.rows]
            for file, line, name, kinds in zip(files, lines, names, lists.frequencies, strict=True):
                if alive[file]:
                    found.setdefault((segment.path(file), int(line)), {})[int(name)] = int(kinds)
            for entry in segment.imports.to_pylist():
                file = entry.pop("file")
                if alive[file]:
                    found.setdefault((segment.path(file), 0), []).append(entry)
    return found


def comparable(hit: Hit) -> dict[str, Any]:
    return hit.model_dump(exclude={"collection"})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(edits, min_size=1, max_size=12), num_shards=st.sampled_from((1, 2, 5)), hinted=st.booleans())
@example(steps=[("write", "a/one.py", "")], num_shards=1, hinted=False)  # a segment of an empty file alone
@example(
    steps=[
        ("write", ".ignore", "one.*\n"),
        ("index", False),
        ("write", "a/.ignore", "!two.py\n"),
        ("write", ".hgignore", "^c/t\nglob:*.md\n"),
        ("write", "five.md", LEDGER),
        ("index", True),
        ("write", ".ignore", "!c/three.go\n"),
    ],
    num_shards=2,
    hinted=True,
)
def test_edited_index_equals_one_from_scratch(steps: list[tuple[Any, ...]], num_shards: int, hinted: bool) -> None:
    """Whether a run looks at everything or only at what was touched since the last one."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "tree"
        write_tree(place, {"one.py": CART, "a/two.py": PAYMENT, "c/three.go": LEDGER})
        with raycontext.connect(root=Path(folder) / "root", runtime="inline", workers=2) as context:
            context.index(place, collection="edited", num_shards=num_shards)
            touched: set[str] = set()
            for step in (*steps, ("index", hinted)):
                apply(place, step)
                if step[0] != "index":
                    touched.update(step[1 : 2 if step[0] == "write" else None])
                elif not step[1]:
                    context.index(place, collection="edited")
                    touched.clear()
                elif touched:
                    context.index(place, collection="edited", paths=touched)
                    touched.clear()
            context.index(place, collection="fresh", num_shards=1, fork=False)
            assert context.index(place, collection="forked", num_shards=num_shards).indexed_bytes == 0
            fresh = context.status("fresh")
            for name in ("edited", "forked"):
                assert answers(context, name) == answers(context, "fresh")
                assert references(Path(folder), name) == references(Path(folder), "fresh")
                found = context.status(name)
                assert (found.files, found.chunks, found.languages) == (fresh.files, fresh.chunks, fresh.languages)
                assert found.skipped_files == fresh.skipped_files


def test_number_of_shards_changes_no_answer(tmp_path: Path, runtime: str) -> None:
    """On a real package: thousands of chunks, more candidates than are kept."""
    source = Path(raycontext.__file__).parent
    queries = (
        *QUERIES,
        "where is the manifest committed",
        "tokenizer",
        "def",
        "read a file and hash it",
        "__init__",
        "cli/x.py:1",
    )
    found = {}
    with raycontext.connect(root=tmp_path, runtime=runtime, workers=2) as context:  # type: ignore[arg-type]
        for num_shards in (1, 2, 5):
            name = f"shards-{num_shards}"
            context.index(source, collection=name, num_shards=num_shards)
            found[num_shards] = [
                [comparable(hit) for hit in context.search(query, collection=name, limit=200)] for query in queries
            ]
    assert found[1] == found[2] == found[5]
    assert all(len(hits) > 20 for hits in found[1][5:6])
