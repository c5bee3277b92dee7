"""Checks of what a segment holds, beyond its checksums: whoever makes a segment can make its checksums, too.

Each table is checked once, when a process first reads it: types, numbers of rows, offsets, and all numbers that other
columns or the kernels count with. What passes here can be read without a further look. Texts and labels are checked
batch by batch, posting lists by the kernels that read them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import wraps
from itertools import pairwise
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import numpy as np
import pyarrow as pa

from raycontext.errors import CorruptArrays, CorruptSegment
from raycontext.files.foreign_json import read_json
from raycontext.models import ChunkKind
from raycontext.store.segments.columns import code_rows, numbers

__all__ = [
    "check_chunks",
    "check_definitions",
    "check_files",
    "check_imports",
    "check_names",
    "check_rows",
    "check_table",
    "check_tombstones",
    "check_vectors",
    "described",
    "refusing",
]

UNUSABLE = (
    *(pa.ArrowException, CorruptArrays, OSError, LookupError, ValueError, TypeError),
    *(AttributeError, OverflowError, RecursionError),
)
"""Errors of code that reads what it does not expect."""

_WORDS = "dictionary<values=string, indices=int32, ordered=0>"
_FILES = {
    "path": "binary",
    "language": _WORDS,
    "size": "uint64",
    "digest": "fixed_size_binary[16]",
    "encoding": _WORDS,
    "encoding_guessed": "uint8",
    "redactions": "large_list<item: uint32>",
    "path_hash": "uint64",
    "path_length": "uint32",
    "kinds": "uint16",
    "first_row": "uint32",
    "row_count": "uint32",
    "parse_attempts": "uint8",
    "stem_terms": "large_list<item: uint64>",
    "text_bytes": "uint32",
    "text_hash": "uint64",
    "blanks": "binary",
}
_CHUNKS = {
    **dict.fromkeys(("file", "start_line", "end_line", "start_byte", "end_byte"), "uint32"),
    "kind": _WORDS,
    "content_hash": "fixed_size_binary[16]",
    **dict.fromkeys(("body_length", "symbol_length"), "uint32"),
}
_DEFINITIONS = {
    **dict.fromkeys(("row", "name_hash", "folded_hash"), "uint32"),
    **dict.fromkeys(("weight", "terms"), "uint8"),
}
MOST_TEXT_BYTES = 1 << 30
"""Largest size of the text of a file in bytes: so much memory is taken when it is put together."""
_KINDS = frozenset(kind.value for kind in ChunkKind)


class _Owner(Protocol):
    def damaged(self, name: str, problem: str) -> CorruptSegment: ...


Self = TypeVar("Self", bound=_Owner)
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def refusing(
    name: str,
) -> Callable[
    [Callable[Concatenate[Self, Parameters], Result]],
    Callable[Concatenate[Self, Parameters], Result],
]:
    """Return a decorator for methods of a segment that read the file `name`.

    Whatever they raise becomes `CorruptSegment`, but for `FileNotFoundError`.
    """

    def decorated(
        method: Callable[Concatenate[Self, Parameters], Result],
    ) -> Callable[Concatenate[Self, Parameters], Result]:
        @wraps(method)
        def step(self: Self, /, *arguments: Parameters.args, **named: Parameters.kwargs) -> Result:
            try:
                return method(self, *arguments, **named)
            except (CorruptSegment, FileNotFoundError):
                raise
            except UNUSABLE as error:
                first_line = (str(error) or type(error).__name__).splitlines()[0][:200]
                raise self.damaged(name, f"it holds what no segment holds: {first_line}") from error

        return step

    return decorated


def described(encoded: bytes) -> dict[str, Any]:
    """Return the description of a segment. Raises `ValueError` where it is none."""
    description = read_json(encoded)
    if not isinstance(description, dict) or not isinstance(description.get("objects"), dict):
        raise ValueError("not a description")
    for entry in description["objects"].values():
        if not (isinstance(entry, dict) and isinstance(entry.get("bytes"), int) and "checksum" in entry):
            raise ValueError("an object without size and checksum")
    return description


def check_table(table: pa.Table, pieces: int | None = 1) -> pa.Table:
    """Return a table whose offsets, indices and texts are valid, in at most so many pieces, without missing values.

    Raises `ValueError`, of which Arrow's errors are kinds.
    """
    table.validate(full=True)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if column.null_count:
            raise ValueError(f"the column {name} has rows without a value")
        if pieces is not None and column.num_chunks > pieces:
            raise ValueError(f"the column {name} is in {column.num_chunks} pieces")
    return table


def check_rows(table: pa.Table, columns: Sequence[str], rows: int, batch_rows: int) -> pa.Table:
    """Return a table of texts that has one row for each chunk, in batches of `batch_rows` rows. Raises `ValueError`."""
    _check_columns(table, dict.fromkeys(columns, "string"), rows)
    if table.column_names != list(columns):
        raise ValueError(f"It has not the columns of a segment: {', '.join(columns)}")
    sizes = [len(piece) for piece in table.column(0).chunks]
    if any(size != batch_rows for size in sizes[:-1]) or (sizes and sizes[-1] > batch_rows):
        raise ValueError("Its rows are not in batches of the same size")
    return table


def check_tombstones(tombstones: Sequence[int], files: int) -> None:
    """Raise `ValueError` unless the tombstones of a segment are ascending ordinals of its files."""
    if any(after <= before for before, after in pairwise(tombstones)):
        raise ValueError("Tombstones name files that it does not have, or not in ascending order")
    if tombstones and not 0 <= tombstones[0] <= tombstones[-1] < files:
        raise ValueError("Tombstones name files that it does not have, or not in ascending order")


def check_files(table: pa.Table, files: int, rows: int) -> pa.Table:
    """Return the table of a segment's files. Their chunks stand one after the other, from row 0 to `rows`.

    Raises `ValueError`.
    """
    _check_columns(table, _FILES, files)
    first_rows, counts = numbers(table, "first_row"), numbers(table, "row_count")
    ends = np.cumsum(counts, dtype=np.int64)
    if files and (first_rows[0] != 0 or not np.array_equal(first_rows[1:], ends[:-1])):
        raise ValueError("The rows of its files do not follow each other")
    if (found := int(ends[-1]) if files else 0) != rows:
        raise ValueError(f"Its files have {found} rows, and should have {rows}")
    if files and int(numbers(table, "text_bytes").max()) > MOST_TEXT_BYTES:
        raise ValueError("The text of a file is larger than any that is indexed")
    return table


def check_chunks(table: pa.Table, row_counts: np.ndarray[Any, np.dtype[np.uint32]], rows: int) -> pa.Table:
    """Return the table of a segment's chunks, which stand in the order of the files. Raises `ValueError`."""
    _check_columns(table, _CHUNKS, rows)
    if not np.array_equal(numbers(table, "file"), np.repeat(np.arange(len(row_counts), dtype=np.uint32), row_counts)):
        raise ValueError("Rows do not name the file that they are of")
    _check_order(table, "start_line", "end_line", "A chunk")
    _check_order(table, "start_byte", "end_byte", "A chunk")
    _check_words(table, "kind", _KINDS)
    return table


def check_definitions(table: pa.Table, rows: int) -> pa.Table:
    """Return the table of a segment's definitions, in the order of their rows. Raises `ValueError`."""
    _check_columns(table, _DEFINITIONS, len(table))
    of_rows = numbers(table, "row")
    if len(of_rows) and (int(of_rows[-1]) >= rows or (of_rows[1:] < of_rows[:-1]).any()):
        raise ValueError("Definitions name rows that it does not have, or not in their order")
    if "kind" in table.column_names:
        _check_words(table, "kind", _KINDS)
        _check_order(table, "line", "end_line", "A definition")
    return table


def check_vectors(table: pa.Table, rows: int) -> pa.Table:
    """Return the table of a segment's vectors. Raises `ValueError`."""
    _check_rows(table, rows)
    dimension = _check_codes(table, "codes", "scale")
    signs = code_rows(table, "signs")
    if signs.dtype != np.uint8 or signs.shape[1] != (dimension + 7) // 8:
        raise ValueError("signs have another length than their vectors")
    return table


def check_names(table: pa.Table, files: int) -> pa.Table:
    """Return the table of the vectors of a segment's files. Raises `ValueError`."""
    _check_rows(table, files)
    if _check_codes(table, "name_codes", "name_scale") != _check_codes(table, "path_codes", "path_scale"):
        raise ValueError("vectors of names and of paths have different lengths")
    return table


def check_imports(table: pa.Table, files: int) -> pa.Table:
    """Return the table of a segment's imports, in the order of the files. Raises `ValueError`."""
    of_files = numbers(table, "file")
    if of_files.dtype != np.uint32:
        raise ValueError("files of imports are not numbered")
    if len(of_files) and (int(of_files[-1]) >= files or (of_files[1:] < of_files[:-1]).any()):
        raise ValueError("Imports name files that it does not have, or not in their order")
    return table


def _check_rows(table: pa.Table, rows: int) -> None:
    """Raise `ValueError` unless a table has so many rows."""
    if len(table) != rows:
        raise ValueError(f"It has {len(table)} rows, and should have {rows}")


def _check_columns(table: pa.Table, types: dict[str, str], rows: int) -> None:
    """Raise `ValueError` unless a table has these columns with these types."""
    _check_rows(table, rows)
    found = {field.name: str(field.type) for field in table.schema}
    for name, expected in types.items():
        if found.get(name) != expected:
            raise ValueError(f"It has not the columns of a segment: {name} should be {expected}")


def _check_order(table: pa.Table, first: str, last: str, what: str) -> None:
    """Raise `ValueError` where a row ends before it begins; `what` names the rows."""
    if (numbers(table, last) < numbers(table, first)).any():
        raise ValueError(f"{what} ends before it begins")


def _check_words(table: pa.Table, name: str, known: Collection[str]) -> None:
    """Raise `ValueError` where the dictionary of a column has other words than those that are known."""
    for piece in table.column(name).chunks:
        if not set(piece.dictionary.to_pylist()) <= set(known):
            raise ValueError(f"the column {name} has unknown words")


def _check_codes(table: pa.Table, codes: str, scale: str) -> int:
    """Return the dimension of vectors. Raises `ValueError` where their codes or scales are of other types."""
    rows, scales = code_rows(table, codes), numbers(table, scale)
    if rows.dtype != np.int8 or scales.dtype != np.float32 or not np.isfinite(scales).all():
        raise ValueError("vectors are not of bytes with finite scales")
    return int(rows.shape[1])
