"""Index a folder with semble, in an interpreter that has it: `python benchmarks/index_with_semble.py FOLDER`.

Prints JSON: seconds until semble is imported, seconds of the first index, CPU seconds, peak memory in MB (of this
process plus the largest of its workers), chunks, the first search and the median of some. semble's own model would have
to be downloaded. A static model of the same size stands in for it, 62,500 word pieces with 256 components, its word
pieces learnt from the folder: as much work, other answers.
"""

from __future__ import annotations

import json
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

WORD_PIECES = 62_500
DIMENSION = 256
LEARNT_BYTES = 20_000_000
QUESTIONS = (
    "where are errors retried after a failure?",
    "parse the configuration file",
    "how is the cache invalidated",
)


def stand_in(folder: Path, place: Path) -> str:
    """Folder of the model."""
    from model2vec import StaticModel
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.trainers import WordPieceTrainer

    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    random.Random(1).shuffle(files)
    texts: list[str] = []
    size = 0
    for file in files:
        if size > LEARNT_BYTES:
            break
        text = file.read_bytes()[:100_000].decode(errors="ignore")
        texts.append(text)
        size += len(text)
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = BertNormalizer(), BertPreTokenizer()
    trainer = WordPieceTrainer(vocab_size=WORD_PIECES, special_tokens=["[UNK]", "[PAD]"], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    vectors = np.random.default_rng(1).standard_normal((tokenizer.get_vocab_size(), DIMENSION), np.float32)
    StaticModel(vectors, tokenizer).save_pretrained(str(place / "model"))
    return str(place / "model")


def main() -> None:
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as place:
        os.environ["SEMBLE_CACHE_LOCATION"] = f"{place}/cache"
        begun = time.perf_counter()
        from semble import SembleIndex

        import_seconds = time.perf_counter() - begun
        model = stand_in(folder, Path(place))
        before = os.times()
        begun = time.perf_counter()
        index = SembleIndex.from_path(folder, model_path=model)
        seconds = time.perf_counter() - begun
        after = os.times()
        times = []
        for number in range(10):
            start = time.perf_counter()
            index.search(QUESTIONS[number % len(QUESTIONS)], top_k=10)
            times.append((time.perf_counter() - start) * 1e3)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
    figures = {
        "import_seconds": import_seconds,
        "seconds": seconds,
        "cpu_seconds": sum(after[:4]) - sum(before[:4]),
        "peak_mb": own + worker,
        "chunks": len(index.chunks),
        "first_search_ms": times[0],
        "search_p50_ms": statistics.median(times),
    }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main()
