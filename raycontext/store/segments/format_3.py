"""Differences of format 3: columns of its segments in the present form.

It knows UTF-8, and UTF-16 with a byte order mark, and redacts nothing. Such a segment is read as it is until the next
index run of its collection replaces it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

__all__ = ["files"]


def files(table: pa.Table) -> pa.Table:
    """Return `files.arrow` of format 3 with the columns of format 4: no encoding is recorded, nothing is redacted."""
    count = len(table)
    columns = {
        "encoding": pa.array([""] * count, pa.string()).dictionary_encode(),
        "encoding_guessed": pa.array(np.zeros(count, np.uint8)),
        "redactions": pa.array([[]] * count, pa.large_list(pa.uint32())),
    }
    place = table.schema.get_field_index("digest")
    for number, (name, column) in enumerate(columns.items(), 1):
        table = table.add_column(place + number, name, column)
    return table
