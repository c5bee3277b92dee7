"""Other searches to compare with: each takes a folder and gives a function from a query to places in it, best first."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from raycontext.discover.read import read_content
from raycontext.discover.walk import walk
from raycontext.models import IndexOptions, SkipReason

K1, B = 1.2, 0.75
CHUNK_LINES = 50
DEPTH = 10
WORD = re.compile(r"\w+")


class Place(NamedTuple):
    """A result: lines of a file, 1-based and inclusive."""

    path: str
    start_line: int
    end_line: int


Search = Callable[[str], list[Place]]


def plain_bm25(folder: Path) -> Search:
    """BM25 (Robertson and Zaragoza, 2009) over pieces of 50 lines, of each file the best; words but for their case."""
    places: list[Place] = []
    lengths: list[int] = []
    postings: dict[str, list[tuple[int, int]]] = {}  # of each word: chunk, occurrences
    limit = IndexOptions().max_file_bytes
    for file in walk(folder, limit).files:
        content = read_content(folder, file.path, limit)
        if isinstance(content, SkipReason):
            continue
        lines = content.data.decode().splitlines()
        for start in range(0, len(lines), CHUNK_LINES):
            piece = lines[start : start + CHUNK_LINES]
            counts = Counter(WORD.findall("\n".join(piece).lower()))
            for word, count in counts.items():
                postings.setdefault(word, []).append((len(places), count))
            places.append(Place(file.path, start + 1, start + len(piece)))
            lengths.append(counts.total())
    norms = K1 * (1 - B + B * np.array(lengths) / np.mean(lengths))

    def search(query: str) -> list[Place]:
        scores = np.zeros(len(places))
        for word in WORD.findall(query.lower()):
            if word in postings:
                chunks, counts = np.array(postings[word]).T
                weight = np.log(1 + (len(places) - len(chunks) + 0.5) / (len(chunks) + 0.5))
                scores[chunks] += weight * counts * (K1 + 1) / (counts + norms[chunks])
        best: dict[str, Place] = {}
        for chunk in np.argsort(-scores, kind="stable"):
            if len(best) == DEPTH or scores[chunk] <= 0:
                break
            best.setdefault(places[chunk].path, places[chunk])
        return list(best.values())

    return search


def semble_without_model(folder: Path) -> Search:
    """semble as it is without vectors: BM25 and its re-ranking, by its parameter `alpha` = 0.

    Its model would have to be downloaded. One with a single word stands in for it, of which nothing is used.
    """
    from semble import SembleIndex

    index = SembleIndex.from_path(folder, model_path=_stand_in_model())

    def search(query: str) -> list[Place]:
        found = [result.chunk for result in index.search(query, top_k=DEPTH, alpha=0.0)]
        return [Place(chunk.file_path, chunk.start_line, chunk.end_line) for chunk in found]

    return search


@cache
def _stand_in_model() -> str:
    """Folder of a static model with one word, removed at exit; semble's statistics of searches go there too."""
    from model2vec import StaticModel
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["SEMBLE_CACHE_LOCATION"] = f"{folder}/cache"
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    StaticModel(np.ones((1, 2), dtype=np.float32), tokenizer).save_pretrained(f"{folder}/model")
    return f"{folder}/model"


PEERS: dict[str, Callable[[Path], Search]] = {"bm25": plain_bm25, "semble": semble_without_model}


def missing(peer: str) -> str | None:
    """Why a peer cannot be asked here, or None."""
    if peer not in PEERS:
        return f"there is no peer {peer}; there are {', '.join(PEERS)}"
    if peer == "semble" and find_spec("semble") is None:
        return "semble is not installed (pip install semble)"
    return None
