"""Other searches on what a collection holds: tantivy, bm25s, faiss, usearch, LanceDB, ripgrep.

    python benchmarks/search_peers.py ROOT COLLECTION [--peer NAME] [--chunks N] [--json FILE]

For each that is installed (`pip install tantivy bm25s faiss-cpu usearch lancedb ripgrep`), and for raycontext in the
same process: the median time of some questions, ten hits each, the seconds to build its index and its bytes on disk.
`--peer` measures one alone, and the highest memory of the process too.

Vectors are raycontext's own, as float32, so none of them has to embed; `exact` is the share of the ten nearest vectors
that it finds. What they do differs: tantivy and bm25s find words, faiss (flat) and usearch (HNSW) vectors; ripgrep
counts the lines with one word of the question in the source; LanceDB finds words and vectors and merges the two by
rank. raycontext finds both, ranks files by what they define and cuts their texts.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import record
from lexical_peers import (
    HITS,
    QUESTIONS,
    by_bm25s,
    by_raycontext,
    by_tantivy,
    bytes_below,
    median_milliseconds,
    texts_of,
)
from numpy.typing import NDArray

from raycontext.embed.registry import embedder_for
from raycontext.store.collection import Location
from raycontext.store.segments.segment import Segment

Figures = dict[str, float]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Material:
    """What peers are given."""

    location: Location
    source: Path
    most: int | None
    vectors: Vectors  # [chunks, dimension], of unit length or zero
    questions: dict[str, Vectors]

    def exact(self, found: Callable[[str], NDArray[Any]]) -> float:
        """Share of the nearest vectors that are found, over all questions; of equal ones any counts."""
        shares = []
        for question, vector in self.questions.items():
            cosines = self.vectors @ vector
            least = np.partition(cosines, -HITS)[-HITS]
            shares.append(np.mean(cosines[found(question).astype(np.int64)] >= least - 1e-6))
        return float(np.mean(shares))


def material(location: Location, most: int | None) -> Material:
    opened = location.open()
    manifest = opened.latest()
    if manifest is None:
        raise SystemExit(f"nothing is indexed as {location.collection}")
    parts = []
    for reference in manifest.segments:
        codes, scales = Segment(opened.storage, location.collection, reference).vectors
        parts.append(codes.astype(np.float32) * scales[:, None])
    vectors = np.concatenate(parts)[:most]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    embedder = embedder_for(manifest.options.embedder)
    questions = {question: embedder.embed_query(question) for question in QUESTIONS}
    return Material(location, Path(manifest.source), most, vectors, questions)


def by_ripgrep(given: Material, folder: Path) -> Figures:
    def ask(question: str) -> object:
        word = max(question.split(), key=len)
        return subprocess.run(["rg", "--count", "--ignore-case", word, given.source], capture_output=True, check=False)

    return {"query_ms": median_milliseconds(ask)}


def by_faiss(given: Material, folder: Path) -> Figures:
    import faiss

    begun = time.perf_counter()
    index = faiss.IndexFlatIP(given.vectors.shape[1])
    index.add(given.vectors)
    seconds = time.perf_counter() - begun
    faiss.write_index(index, str(folder / "index"))

    def ask(question: str) -> NDArray[Any]:
        return index.search(given.questions[question][None], HITS)[1][0]

    return {
        "seconds": seconds,
        "query_ms": median_milliseconds(ask),
        "exact": given.exact(ask),
        "bytes": bytes_below(folder),
    }


def by_usearch(given: Material, folder: Path) -> Figures:
    from usearch.index import Index

    begun = time.perf_counter()
    index = Index(ndim=given.vectors.shape[1], metric="cos", dtype="i8")
    index.add(np.arange(len(given.vectors)), given.vectors)
    seconds = time.perf_counter() - begun
    index.save(str(folder / "index"))

    def ask(question: str) -> NDArray[Any]:
        return index.search(given.questions[question], HITS).keys

    return {
        "seconds": seconds,
        "query_ms": median_milliseconds(ask),
        "exact": given.exact(ask),
        "bytes": bytes_below(folder),
    }


def by_lancedb(given: Material, folder: Path) -> Figures:
    import lancedb
    import pyarrow as pa
    from lancedb.index import FTS

    texts = list(texts_of(given.location, given.most))
    dimension = given.vectors.shape[1]
    begun = time.perf_counter()
    table = lancedb.connect(folder).create_table(
        "chunks",
        pa.table(
            {"text": texts, "vector": pa.FixedSizeListArray.from_arrays(pa.array(given.vectors.ravel()), dimension)}
        ),
    )
    table.create_index("text", config=FTS())
    seconds = time.perf_counter() - begun

    def ask(question: str) -> object:
        query = table.search(query_type="hybrid").vector(given.questions[question]).text(question)
        return query.limit(HITS).to_arrow()

    return {"seconds": seconds, "query_ms": median_milliseconds(ask), "bytes": bytes_below(folder)}


PEERS: dict[str, tuple[Callable[[], bool], Callable[[Material, Path], Figures]]] = {
    "raycontext": (lambda: True, lambda given, _: by_raycontext(given.location)),
    "tantivy": (
        lambda: find_spec("tantivy") is not None,
        lambda given, folder: by_tantivy(given.location, given.most, folder),
    ),
    "bm25s": (
        lambda: find_spec("bm25s") is not None,
        lambda given, folder: by_bm25s(given.location, given.most, folder),
    ),
    "ripgrep": (lambda: shutil.which("rg") is not None, by_ripgrep),
    "faiss-cpu": (lambda: find_spec("faiss") is not None, by_faiss),
    "usearch": (lambda: find_spec("usearch") is not None, by_usearch),
    "lancedb": (lambda: find_spec("lancedb") is not None, by_lancedb),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root")
    parser.add_argument("collection")
    parser.add_argument("--chunks", type=int)
    parser.add_argument("--peer", choices=tuple(PEERS), help="one alone, for its memory")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    given = material(Location(arguments.root, arguments.collection), arguments.chunks)
    figures: dict[str, Any] = {"chunks": len(given.vectors)}
    for name, (there, measure) in PEERS.items():
        if arguments.peer not in (None, name):
            continue
        if not there():
            print(f"{name} is left out, for it is not installed (pip install {name})", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as folder:
            figures[name] = measure(given, Path(folder))
        if arguments.peer:
            figures[name]["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(f"{name}: {json.dumps(figures[name])}", flush=True)
    if arguments.json:
        record.write(arguments.json, "peers", figures, *PEERS)


if __name__ == "__main__":
    main()
