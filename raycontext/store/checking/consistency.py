"""Checks whether the rows of a segment agree with each other, with the manifest and with the source."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import xxhash

from raycontext.analyse.postings import PostingLists, Postings
from raycontext.chunk.lines import BLANK, Lines
from raycontext.errors import CorruptArrays, CorruptSegment
from raycontext.kernel.trigrams import collect, read_all, write_lists
from raycontext.store.manifest import Manifest
from raycontext.store.segments.columns import numbers
from raycontext.store.segments.content import joined
from raycontext.store.segments.file_texts import file_text
from raycontext.store.segments.segment import POSTINGS, Segment, path_hash

__all__ = ["contradictions", "equals_source", "paths_of"]


def contradictions(segment: Segment, manifest: Manifest, shard: int, *, deep: bool = False) -> Iterator[str]:
    """Yield a sentence for each contradiction in a segment whose data files have the recorded sizes and checksums.

    `shard` is the number of the shard that names the segment in `manifest`. With `deep`, references are read again from
    the texts.
    """
    try:
        yield from _row_problems(segment)
        yield from _place_problems(segment, manifest, shard)
        counts = {"path": segment.reference.files, "name": len(segment.definitions)}
        for name in POSTINGS:
            count = counts.get(name, segment.reference.rows)
            yield from (
                f"Postings of {name}: {problem}" for problem in _posting_problems(segment.posting_lists(name), count)
            )
        if deep and not _are_hashed(segment):
            yield "Hashes of texts are not those of the texts."
        if segment.has_references:
            yield from _reference_problems(segment)
            if deep and not _are_of_texts(segment):
                yield "References are not those of the texts."
        if segment.has_trigrams:
            yield from _trigram_problems(segment)
            if deep and not _trigrams_are_of_texts(segment):
                yield "Trigrams are not those of the texts."
    except (CorruptSegment, CorruptArrays) as error:
        yield f"{error.path}: {error.problem}."
    except (pa.ArrowException, LookupError, ValueError, TypeError, AttributeError) as error:
        yield f"It has not the columns of a segment ({type(error).__name__}: {error})."


def _row_problems(segment: Segment) -> Iterator[str]:
    """Yield contradictions between the tables of a segment. Reading a table checks it and raises `CorruptSegment`."""
    for table in (segment.files, segment.chunks, segment.definitions, segment.vectors, segment.signs):
        assert table is not None
    if len(segment.name_vectors[1]) != len(segment.path_vectors[1]):
        yield "Vectors of names and of paths are of different files."
    segment.labels()


def _place_problems(segment: Segment, manifest: Manifest, shard: int) -> Iterator[str]:
    """Yield contradictions between a segment and the manifest that names it."""
    if segment.chunker != manifest.chunker:
        yield f"It was made with {segment.chunker}, its version with {manifest.chunker}."
    tombstones = segment.reference.tombstones
    if list(tombstones) != sorted(set(tombstones)) or any(not 0 <= dead < len(segment.files) for dead in tombstones):
        yield "Tombstones name files that it does not have, or not in ascending order."
    hashes = segment.path_hashes
    expected = np.fromiter((path_hash(path) for path in paths_of(segment)), np.uint64, len(hashes))
    if not np.array_equal(hashes, expected):
        yield "Hashes of paths are not those of the paths."
    if (hashes % np.uint64(len(manifest.shards)) != shard).any():
        yield f"Files of it belong to another shard than {shard}."
    if segment.embedder != manifest.embedder:
        yield "It was made by another embedder than the manifest says."


def _posting_problems(lists: PostingLists, rows: int) -> Iterator[str]:
    """Yield what is wrong with the postings of one field that has `rows` rows."""
    from raycontext.analyse.posting_lists import decode  # compiled code, which only this function needs

    starts = lists.starts
    if len(starts) != len(lists.terms) + 1 or starts[0] != 0 or starts[-1] != lists.data.size:
        yield "sizes of columns do not fit."
        return
    if len(lists.lengths) != rows or (np.diff(starts) < 0).any():
        yield "sizes of columns do not fit."
        return
    if (lists.terms[1:] <= lists.terms[:-1]).any():
        yield "terms are not in ascending order."
    postings = decode(lists)
    if (np.diff(postings.offsets) == 0).any():
        yield "there is a term that no row holds."
    if len(postings.rows) and int(postings.rows.max()) >= rows:
        yield "they name rows that are not there."
    elif not _are_as_written(postings, lists):
        yield "lists are not as they are written."


def _reference_problems(segment: Segment) -> Iterator[str]:
    """Yield contradictions in the references, imports and places of definitions of a segment."""
    from raycontext.analyse.posting_lists import decode
    from raycontext.kernel.lexer import Use

    problems = list(_posting_problems(segment.references, segment.reference.rows))
    yield from (f"References: {problem}" for problem in problems)
    if not problems and (decode(segment.references).frequencies >= 2 * int(max(Use))).any():
        yield "References have kinds that there are not."
    numbers(segment.imports, "file")  # reading the table checks it


def _trigram_problems(segment: Segment) -> Iterator[str]:
    """Yield contradictions in the trigrams of a segment. Raises `CorruptArrays` where numbers lead outside."""
    lists = segment.trigrams
    if len(lists.starts) != len(lists.firsts) + 1 or (lists.firsts[1:] <= lists.firsts[:-1]).any():
        yield "Trigrams are not in ascending order."
        return
    written = write_lists(read_all(lists), lists.files)
    if not (
        np.array_equal(written.firsts, lists.firsts)
        and np.array_equal(written.starts, lists.starts)
        and np.array_equal(written.data, lists.data)
    ):
        yield "Trigrams are not as they are written."


def _trigrams_are_of_texts(segment: Segment) -> bool:
    """Return whether the trigrams are those of the stored texts, whose hashes are compared too."""
    texts = [file_text(segment, ordinal) for ordinal in range(len(segment.files))]
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    starts = ends - np.fromiter(map(len, texts), np.int64, len(texts))
    found = collect(np.frombuffer(b"".join(texts), np.uint8), starts, ends)
    stored = read_all(segment.trigrams)
    return (
        np.array_equal(found.trigrams, stored.trigrams)
        and np.array_equal(found.offsets, stored.offsets)
        and np.array_equal(found.files, stored.files)
    )


def _are_hashed(segment: Segment) -> bool:
    """Return whether the hashes of all texts are those of the texts."""
    hashes = segment.chunks.column("content_hash").to_pylist()
    texts = segment.texts().column("text").to_pylist()
    return all(xxhash.xxh3_128_digest(text.encode()) == known for text, known in zip(texts, hashes, strict=True))


def _are_as_written(postings: Postings, lists: PostingLists) -> bool:
    from raycontext.analyse.posting_lists import encode

    try:
        return np.array_equal(encode(postings).data, lists.data)
    except CorruptArrays:  # rows do not ascend
        return False


def _are_of_texts(segment: Segment) -> bool:
    """Return whether the references and imports of a segment are those of the stored texts."""
    from raycontext.analyse.posting_lists import decode
    from raycontext.analyse.references import ReferenceReader

    reader, first_byte = ReferenceReader(), 0
    texts = segment.texts().column("text")
    starts = segment.chunk_column("start_byte").astype(np.int64)
    ends = segment.chunk_column("end_byte").astype(np.int64)
    for ordinal, (first, count) in enumerate(zip(segment.first_rows, segment.row_counts, strict=True)):
        rows = slice(int(first), int(first) + int(count))
        of_file = [text.encode() for text in texts[rows].to_pylist()]
        content = joined(of_file, starts[rows]).tobytes()
        reader.add(content, segment.language(ordinal), first_byte)
        starts[rows] += first_byte
        ends[rows] += first_byte
        first_byte += len(content)
    found, stored = reader.references(starts, ends), decode(segment.references)
    imports = [(file, *entry) for file, of_file in enumerate(found.imports) for entry in of_file]
    return (
        all(
            np.array_equal(getattr(found.postings, name), getattr(stored, name))
            for name in ("terms", "offsets", "rows", "frequencies")
        )
        and [tuple(entry.values()) for entry in segment.imports.to_pylist()] == imports
    )


def paths_of(segment: Segment) -> list[str]:
    """Return the paths of all files of a segment, including dead ones."""
    return [os.fsdecode(path) for path in segment.files.column("path").to_pylist()]


def equals_source(data: bytes, spans: Sequence[Sequence[int]], texts: Sequence[str]) -> bool:
    """Return whether the chunks of a file cover its content `data`: each line that is not blank is in one chunk.

    `spans` holds start byte, end byte, start line and end line of each chunk, `texts` their texts.
    """
    lines = Lines(data)
    end = 0
    for (start_byte, end_byte, start_line, end_line), text in zip(spans, texts, strict=True):
        if start_byte < end or end_byte <= start_byte or data[end:start_byte].strip(BLANK):
            return False
        if data[start_byte:end_byte] != text.encode():
            return False
        if (start_line, end_line) != (lines.row_at(start_byte) + 1, lines.row_at(end_byte - 1) + 1):
            return False
        end = end_byte
    return not data[end:].strip(BLANK)
