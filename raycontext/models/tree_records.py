"""Records of a tree's files and of their chunks, which exist by the hundred thousand: named tuples of plain values."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

__all__ = ["Chunk", "ChunkKind", "Failure", "FileDigest", "FileStat", "SkipReason", "SkippedFile", "TreeListing"]


class SkipReason(StrEnum):
    """Reason why a file of the tree is not in the index."""

    BINARY = "binary"  # the content is not text
    LFS_POINTER = "lfs_pointer"  # the content lies in Git LFS and was not fetched: the file only points to it
    TOO_LARGE = "too_large"  # the file is larger than `max_file_bytes`
    UNREADABLE = "unreadable"  # the file cannot be opened or read
    VANISHED = "vanished"  # the file was deleted while the run went on
    UNDECODABLE = "undecodable"  # the bytes are not valid in the text encoding that the file appears to use
    SPECIAL = "special"  # the path is a FIFO, a socket or a device
    SYMLINK = "symlink"  # the path is a symbolic link
    SECRET = "secret"  # the file holds a key or a token, or its name says so
    # Indexing such a file failed even when it was alone in its batch. It is tried again once its content changes.
    QUARANTINED = "quarantined"  # indexing the file alone raised an error
    WORKER_DIED = "worker_died"  # the file crashed its worker, or used more CPU time than a file may
    OUT_OF_MEMORY = "out_of_memory"  # the file needed more memory than a task may use
    # The file is not to blame; it is pending, and the next run tries it again:
    WORKER_LOST = "worker_lost"  # its node was lost, or the machine ran out of memory, for ten minutes


class ChunkKind(StrEnum):
    """Kind of a chunk, named by the definition that the chunk starts with."""

    FUNCTION = "function"  # function outside of a class
    METHOD = "method"  # function inside of a class or another type
    CLASS = "class"  # class, struct, record or object; only its header where its members are chunks of their own
    INTERFACE = "interface"  # interface, trait, protocol or type class
    ENUM = "enum"  # enumeration
    TYPE = "type"  # type alias, typedef or union
    MODULE = "module"  # module, namespace, package or impl block
    CONSTANT = "constant"  # constants, variables or fields
    MACRO = "macro"  # macro definition
    TEST = "test"  # test block, in languages that have them
    IMPORT = "import"  # import statements
    SECTION = "section"  # section of prose or markup
    BLOCK = "block"  # anything else: code without a definition, or lines of a file without a grammar


class FileStat(NamedTuple):
    """Name and stat of one regular file, taken during the walk of the tree.

    `path` is relative to the root and uses `/`. A name that is not valid UTF-8 is decoded with surrogateescape, which
    is what `os.fsdecode` does.
    """

    path: str
    size: int  # bytes
    mtime_ns: int  # nanoseconds since the epoch
    inode: int


class Failure(NamedTuple):
    """What ended the last attempt to index a file."""

    why: str
    """Signal, limit or class of the error, such as "SIGSEGV". It holds no content of the file."""
    node: str
    """Name of the node on which it happened; "" where the node is lost and its name unknown."""
    at_ns: int
    """Time in nanoseconds since the epoch, by the clock of whoever drove the run."""
    version: str
    """Version of raycontext that tried."""


class SkippedFile(NamedTuple):
    """File that is left out of the index, and the reason. `path` has the form that `FileStat` describes."""

    path: str
    reason: SkipReason


class TreeListing(NamedTuple):
    """Result of a walk: files to index, files that are left out, and folders that could not be listed."""

    scanned_at_ns: int  # wall clock at the start of the walk, nanoseconds since the epoch
    files: list[FileStat]  # sorted by path
    skipped: list[SkippedFile]
    unreadable_folders: list[str]  # relative to the root; what the index holds below them is kept


class FileDigest(NamedTuple):
    """Result of hashing one file: its digest, or the reason why it has none."""

    path: str
    digest: bytes  # xxh3_128 of the content, 16 bytes; empty where `reason` is set
    reason: SkipReason | None


class Chunk(NamedTuple):
    """Piece of one file. Lines are 1-based and inclusive; bytes are offsets into the content as UTF-8."""

    start_line: int
    end_line: int
    start_byte: int
    end_byte: int  # exclusive
    kind: ChunkKind
    symbol: str  # name of the definition; "" where the chunk has none
    scope: str  # enclosing definitions, outermost first, joined by " > "; "" at top level
