"""Vectors of a segment: of its chunks, and of the paths and names of its files."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raycontext.files.arrow import read_uncompressed
from raycontext.store.segments import checks
from raycontext.store.segments.columns import code_rows, numbers
from raycontext.store.segments.segment_folder import SegmentFolder

__all__ = ["SegmentVectors"]


class SegmentVectors(SegmentFolder):
    """Part of a segment that has vectors. Codes are compared with their checksums as far as they are read."""

    @cached_property
    def vectors(self) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Vectors of the chunks' bodies: codes int8[rows, dimension] and scales float32[rows]."""
        return self._coded("vectors.arrow", self._vectors, "codes", "scale")

    def vectors_for(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Return what `vectors` is, of which only some rows are read: only these are compared with their checksums."""
        return self._coded("vectors.arrow", self._vectors, "codes", "scale", rows)

    @cached_property
    def scales(self) -> NDArray[np.float32]:
        """Scales of the chunks' vectors, float32[rows]."""
        return numbers(self._vectors, "scale")

    @cached_property
    def signs(self) -> NDArray[np.uint8]:
        """Sign bits of the chunks' bodies, uint8[rows, ceil(dimension / 8)]."""
        self._file("vectors.arrow").check_column(self._vectors.column("signs"))
        return code_rows(self._vectors, "signs")

    @cached_property
    def name_vectors(self) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Vectors of each file's path and all names that it defines: codes int8[files, dimension], scales [files]."""
        return self._coded("names.arrow", self._names, "name_codes", "name_scale")

    def name_vectors_for(self, files: NDArray[np.int64]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Return what `name_vectors` is, of which only some files are read."""
        return self._coded("names.arrow", self._names, "name_codes", "name_scale", files)

    @cached_property
    def path_vectors(self) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Vectors of each file's path alone: codes int8[files, dimension] and scales float32[files]."""
        return self._coded("names.arrow", self._names, "path_codes", "path_scale")

    def path_vectors_for(self, files: NDArray[np.int64]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Return what `path_vectors` is, of which only some files are read."""
        return self._coded("names.arrow", self._names, "path_codes", "path_scale", files)

    @cached_property
    @checks.refusing("vectors.arrow")
    def _vectors(self) -> pa.Table:
        """Table of `vectors.arrow`, whose codes are compared when they are read."""
        file = self._framed("vectors.arrow")
        table = checks.check_table(read_uncompressed(file.content))
        file.check_column(table.column("scale"))
        return checks.check_vectors(table, self.reference.rows)

    @cached_property
    @checks.refusing("names.arrow")
    def _names(self) -> pa.Table:
        """Table of `names.arrow`, whose codes are compared when they are read."""
        file = self._framed("names.arrow")
        table = checks.check_table(read_uncompressed(file.content))
        for name in ("name_scale", "path_scale"):
            file.check_column(table.column(name))
        return checks.check_names(table, self.reference.files)

    def _coded(
        self, name: str, table: pa.Table, codes: str, scale: str, rows: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Return views of codes and scales, after a comparison of all codes or of those in some rows."""
        found = code_rows(table, codes)
        if rows is None:
            self._file(name).check_column(table.column(codes))
        else:
            self._file(name).check_rows(found, rows)
        return found, numbers(table, scale)
