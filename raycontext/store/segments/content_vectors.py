"""Cache of vectors by the content of the embedded text, for embedders that cost time or money.

    <root>/.vectors/<hash of the embedder's fingerprint>/<ulid>/vectors.arrow    immutable: keys ascending, vectors

A text is embedded once, whatever collection, file or worktree it comes from. The folder may be deleted at any time;
missing vectors are then computed again, and so are those of a damaged file, which the next merge removes. Writers only
add files under new names and merge small files into larger ones. A reader whose file a merge has removed looks again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from raycontext.embed.vectors import QuantizedVectors
from raycontext.files.arrow import read_uncompressed
from raycontext.retrying import Retries
from raycontext.store.segments.columns import code_rows, fixed_lists, ipc_file, numbers
from raycontext.store.storage.base import Storage
from raycontext.ulid import is_ulid, new_ulid

__all__ = ["ContentVectors", "content_keys"]

FOLDER = ".vectors"
FILE = "vectors.arrow"
MOST_FILES = 16
"""Number of files of an embedder above which the small ones are merged."""
LARGE_ROWS = 500_000
"""Number of vectors from which a file is large and is not merged again."""
LOOKS = 3
"""Number of tries to look vectors up while merges remove files."""


def content_keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    """Return the key of each of n texts, uint64[n, 2]: the two halves of the xxh3_128 of its UTF-8."""
    digests = b"".join(xxhash.xxh3_128_digest(text.encode(errors="replace")) for text in texts)
    return np.frombuffer(digests, ">u8").reshape(-1, 2).astype(np.uint64)


class ContentVectors:
    """Cached vectors of one embedder on one root."""

    def __init__(self, storage: Storage, fingerprint: str) -> None:
        self._storage = storage
        self._folder = f"{FOLDER}/{xxhash.xxh3_128_hexdigest(fingerprint.encode(errors='surrogateescape'))}"

    def find(self, keys: NDArray[np.uint64]) -> list[tuple[NDArray[np.int64], QuantizedVectors]]:
        """Return the vectors that are cached for `keys`, uint64[n, 2], which must all differ.

        They come in pieces. Each piece holds the indices of its keys in `keys`, int64[k], and their k vectors. Raises
        `StorageError`.
        """
        try:
            # A file that is not there any more was merged meanwhile.
            return Retries((FileNotFoundError,), attempts=LOOKS).run_blocking(lambda: list(self._found(keys)))
        except FileNotFoundError:
            return []

    def add(self, keys: NDArray[np.uint64], vectors: QuantizedVectors) -> None:
        """Add the vectors of n keys, uint64[n, 2], which must all differ. Raises `StorageError`."""
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        table = pa.table(
            {
                "high": keys[order, 0],
                "low": keys[order, 1],
                "code": fixed_lists(vectors.codes[order]),
                "scale": vectors.scales[order],
                "sign": fixed_lists(vectors.signs[order]),
            }
        )
        self._storage.write(f"{self._folder}/{new_ulid()}", {FILE: ipc_file(table)})

    def merge(self) -> int:
        """Merge the small files into one where there are many. Return how many were merged. Raises `StorageError`."""
        names = self._names()
        if len(names) <= MOST_FILES:
            return 0
        try:
            tables = {name: self._table(name) for name in names}
        except FileNotFoundError:  # another process is merging them
            return 0
        small = [table for table in tables.values() if table is not None and table.num_rows < LARGE_ROWS]
        merged = [name for name, table in tables.items() if table is None or table.num_rows < LARGE_ROWS]
        if len(merged) < 2:
            return 0
        if small:
            keys = np.concatenate([_keys(table) for table in small])
            vectors = QuantizedVectors.joined([_vectors(table) for table in small])
            _, first = np.unique(keys, axis=0, return_index=True)
            self.add(keys[first], vectors[first])
        for name in merged:
            self._storage.remove(f"{self._folder}/{name}")
        return len(merged)

    def _found(self, keys: NDArray[np.uint64]) -> Iterator[tuple[NDArray[np.int64], QuantizedVectors]]:
        """Yield the pieces that `find` returns. Raises `FileNotFoundError` where a merge has removed a file."""
        places = np.arange(len(keys))
        for name in self._names():
            if not len(places):
                return
            table = self._table(name)
            if table is None:
                continue
            highs = numbers(table, "high")
            rows = np.minimum(np.searchsorted(highs, keys[places, 0]), max(len(highs) - 1, 0))
            there = (highs[rows] == keys[places, 0]) & (numbers(table, "low")[rows] == keys[places, 1])
            if there.any():
                yield places[there], _vectors(table)[rows[there]]
                places = places[~there]

    def _names(self) -> list[str]:
        return [name for name in self._storage.list(self._folder) if is_ulid(name)]

    def _table(self, name: str) -> pa.Table | None:
        """Return the vectors of a file, or None where it is damaged. Raises `FileNotFoundError`, `StorageError`."""
        data = self._storage.map(f"{self._folder}/{name}/{FILE}")
        try:
            table = read_uncompressed(data)
            table.validate()
            width = table.schema.field("code").type.list_size
            whole = table.schema == _schema(width, -(-width // 8)) and all(
                column.num_chunks <= 1 and not column.null_count for column in table.columns
            )
        except (pa.ArrowException, OSError, LookupError, ValueError, AttributeError):
            whole = False
        return table if whole else None


def _schema(code_bytes: int, sign_bytes: int) -> pa.Schema:
    """Return the schema of a file of cached vectors."""
    return pa.schema(
        {
            "high": pa.uint64(),
            "low": pa.uint64(),
            "code": pa.list_(pa.int8(), code_bytes),
            "scale": pa.float32(),
            "sign": pa.list_(pa.uint8(), sign_bytes),
        }
    )


def _keys(table: pa.Table) -> NDArray[np.uint64]:
    """Return the keys of a table of cached vectors."""
    return np.stack([numbers(table, "high"), numbers(table, "low")], axis=1)


def _vectors(table: pa.Table) -> QuantizedVectors:
    """Return the vectors of a table of cached vectors."""
    return QuantizedVectors(code_rows(table, "code"), numbers(table, "scale"), code_rows(table, "sign"))
