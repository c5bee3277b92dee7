"""Builder of a segment's columns: it chunks, analyses and embeds the contents of files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter

import numpy as np
import xxhash
from numpy.typing import NDArray

from raycontext.analyse.names import path_text
from raycontext.analyse.references import ReferenceReader
from raycontext.analyse.terms import analyse, analyse_texts
from raycontext.chunk.chunker import ChunkedFile, chunk_file
from raycontext.chunk.labels import Definition
from raycontext.chunk.syntax.parsing import PARSE_ATTEMPTS
from raycontext.discover.read import Content
from raycontext.embed.vectors import Documents, QuantizedVectors
from raycontext.index.languages import LanguageChoice
from raycontext.index.marks import is_generated_file, is_vendored_file
from raycontext.kernel.trigrams import collect
from raycontext.models import Chunk
from raycontext.store.segments.segment_writer import DefinedName, IndexedFile, SegmentContent

__all__ = ["Batch"]


SHARED_NAMESPACE_WEIGHT = 0.25
"""Weight of a namespace that holds the rest of a file: it has no body and counts as nested."""


def _weight(found: Definition) -> float:
    """Return the weight of a definition, 0.25 to 1: less if it is nested or a declaration without body."""
    return (0.5 if found.nested else 1.0) * (1.0 if found.has_body else 0.5)


def _attempts(chunked: ChunkedFile, is_again: bool) -> int:
    """Return the number of runs that gave up parsing a file. 0: the file was parsed or has no grammar.

    A file with a line that is too long counts as if all its tries were used up.
    """
    if not chunked.gave_up:
        return 0
    return PARSE_ATTEMPTS if is_again or chunked.too_long_line else 1


def _blanks(data: bytes, chunks: Sequence[Chunk]) -> bytes:
    """Return all that stands before, between and behind the chunks of a file; nothing where it is only line ends."""
    starts, ends = [chunk.start_byte for chunk in chunks], [chunk.end_byte for chunk in chunks]
    found = b"".join(data[end:start] for end, start in zip([0, *ends], [*starts, len(data)], strict=True))
    return found if found.strip(b"\n") else b""


class Batch:
    """Collector of the chunks of files, which are turned into columns in the end."""

    def __init__(self, languages: LanguageChoice | None = None) -> None:
        """Take the choice of languages. None: names, contents and `.gitattributes` decide."""
        self._languages = languages or LanguageChoice()
        self.files: list[IndexedFile] = []
        """Files in the order in which they were added."""
        self.cut_by_lines: list[str] = []
        """Paths of files that have a grammar and were cut by lines, because parsing them takes too long."""
        self._chunks: list[Chunk] = []
        self._definitions: list[DefinedName] = []
        self._contents: list[bytes] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._bytes = 0
        self._references = ReferenceReader()

    def add(self, path: str, content: Content, chunk_bytes: int, *, is_again: bool = False) -> None:
        """Chunk a file and take in its chunks.

        chunk_bytes: target size of a chunk in bytes. is_again: whether an earlier run gave up parsing this content.
        """
        language = self._languages.language(path, content.data, content.attributes)
        chunked = chunk_file(content.data, language, chunk_bytes)
        if chunked.gave_up:
            self.cut_by_lines.append(path)
        chunks, first = chunked.chunks, len(self._chunks)
        self._definitions.extend(
            DefinedName(first + found.chunk, found.name, _weight(found), found.kind.value, found.line, found.end_line)
            for found in sorted(chunked.definitions, key=attrgetter("chunk"))
        )
        attempts = _attempts(chunked, is_again)
        self.files.append(
            IndexedFile(
                path,
                language,
                content.size,
                content.digest,
                len(chunks),
                attempts,
                content.encoding,
                content.is_guess,
                content.redactions,
                is_generated_file(content),
                is_vendored_file(content),
                len(content.data),
                xxhash.xxh3_64_intdigest(content.data),
                _blanks(content.data, chunks),
            )
        )
        self._chunks.extend(chunks)
        self._starts.extend(self._bytes + chunk.start_byte for chunk in chunks)
        self._ends.extend(self._bytes + chunk.end_byte for chunk in chunks)
        self._contents.append(content.data)
        self._references.add(content.data, language, self._bytes)
        self._bytes += len(content.data)

    def content(self, embed: Callable[[Documents], QuantizedVectors]) -> SegmentContent:
        """Return the columns of a segment with all chunks. `embed` makes the vectors; what it raises is raised."""
        buffer = b"".join(self._contents)
        starts, ends = np.array(self._starts, np.int64), np.array(self._ends, np.int64)
        texts = [buffer[start:end] for start, end in zip(self._starts, self._ends, strict=True)]
        body = analyse(buffer, starts, ends)
        documents = Documents(postings=body, texts=lambda: [text.decode() for text in texts])
        chunks = self._chunks
        paths = [path_text(file.path).encode(errors="replace").decode() for file in self.files]
        path_terms = analyse_texts(paths)
        # One call for both, since an embedder may have to ask a server.
        of_files = _embedded(embed, [*self._names(), *paths])
        return SegmentContent(
            files=self.files,
            start_lines=np.array([chunk.start_line for chunk in chunks], np.uint32),
            end_lines=np.array([chunk.end_line for chunk in chunks], np.uint32),
            start_bytes=np.array([chunk.start_byte for chunk in chunks], np.uint32),
            end_bytes=np.array([chunk.end_byte for chunk in chunks], np.uint32),
            kinds=[chunk.kind.value for chunk in chunks],
            symbols=[chunk.symbol for chunk in chunks],
            scopes=[chunk.scope for chunk in chunks],
            definitions=self._definitions,
            texts=texts,
            body=body,
            symbol=analyse_texts([f"{chunk.symbol} {chunk.scope}" for chunk in chunks]),
            path=path_terms,
            references=self._references.references(starts, ends),
            trigrams=collect(np.frombuffer(buffer, np.uint8), *self._places()),
            vectors=embed(documents),
            name_vectors=of_files[: len(paths)],
            path_vectors=of_files[len(paths) :],
        )

    def files_of(self, rows: Sequence[NDArray[np.int64]]) -> tuple[str, ...]:
        """Return the sorted paths of the files to which documents belong.

        rows: numbers of the documents, in an array for each call that `content` makes of `embed`: one with two texts
        for each file, then one with the chunks.
        """
        of_files, of_chunks = rows
        file_of_row = np.repeat(np.arange(len(self.files)), [file.row_count for file in self.files])
        ordinals = {*(of_files % len(self.files)).tolist(), *file_of_row[of_chunks].tolist()}
        return tuple(sorted(self.files[ordinal].path for ordinal in ordinals))

    def _places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where each file begins and ends among all files, in bytes."""
        sizes = np.fromiter(map(len, self._contents), np.int64, len(self._contents))
        ends = np.cumsum(sizes)
        return ends - sizes, ends

    def _names(self) -> list[str]:
        """Return a text for each file: its path and the names that it defines, separated by blanks.

        The namespace that a file is in is the path over again, and that of many files.
        """
        file_of_row = np.repeat(np.arange(len(self.files)), [file.row_count for file in self.files])
        names = [[path_text(file.path)] for file in self.files]
        for definition in self._definitions:
            if definition.kind != "module" or definition.weight > SHARED_NAMESPACE_WEIGHT:
                names[file_of_row[definition.row]].append(definition.name)
        return [" ".join(of_file) for of_file in names]


def _embedded(embed: Callable[[Documents], QuantizedVectors], texts: list[str]) -> QuantizedVectors:
    """Return the vectors of texts, in which characters that UTF-8 cannot encode are replaced by "?"."""
    encodable = [text.encode(errors="replace").decode() for text in texts]
    return embed(Documents(analyse_texts(encodable), lambda: encodable))
