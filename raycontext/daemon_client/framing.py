"""HTTP/1.1 and server-sent events as bytes: what a client sends, and what it reads, without any input or output.

The blocking client of the commands and the asynchronous one of the MCP relay share it. It is of the standard library
alone, since a command has some 60 ms in all (see docs/decisions/http-framing.md).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EventReader", "ResponseReader", "request_bytes"]

MAX_HEAD_BYTES = 1 << 16
"""Limit of the status line with all headers, and of the line before a chunk."""
MAX_EVENT_BYTES = 64 << 20
"""Limit of one server-sent event."""

_HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")


def request_bytes(method: str, target: str, content: bytes, headers: Mapping[str, str]) -> bytes:
    """Return a whole request, after which the server closes the connection.

    Raises `ValueError` where the target or a header would end its line.
    """
    described = {
        "Host": "localhost",
        "Connection": "close",
        "Content-Type": "application/json",
        **headers,
        "Content-Length": str(len(content)),
    }
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in described.items())]
    if " " in target or any(character < " " or character == "\x7f" for line in lines for character in line):
        raise ValueError("a request cannot have control characters, nor its target spaces")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


class ResponseReader:
    """Reader of one response, in pieces as they arrive."""

    def __init__(self) -> None:
        self.status = 0
        """Status of HTTP; 0 until the head is there."""
        self.content_type = ""
        """Media type of the content, in lower case, with its parameters."""
        self.headers: dict[str, str] = {}
        """Headers by name in lower case; empty until the head is there."""
        self.is_complete = False
        """True once the response is there to its end."""
        self._pending = bytearray()
        self._left: int | None = None  # bytes until the end of the content, or of the chunk; None: until the close
        self._is_chunked = False
        self._is_after_chunk = False  # where the line end after the data of a chunk comes next

    def feed(self, received: bytes) -> bytes:
        """Take in what arrived, and return the content that it holds. No bytes: the server closed the connection.

        Raises `ValueError` where this is no HTTP, or where the server closed before the end.
        """
        if not received:
            self._end_with_connection()
            return b""
        self._pending += received
        while not self.status:
            if not self._read_head():
                return b""
        if self._is_chunked:
            return self._read_chunks()
        content = bytes(self._pending if self._left is None else self._pending[: self._left])
        self._pending.clear()
        if self._left is not None:
            self._left -= len(content)
            self.is_complete = self._left == 0
        return content

    def _end_with_connection(self) -> None:
        if not self.status or self._is_chunked or self._left:
            raise ValueError("the connection was closed before the end of the response")
        self.is_complete = True

    def _read_head(self) -> bool:
        """Read the head where it is whole; leave out a provisional one (status 1xx)."""
        end = self._pending.find(b"\r\n\r\n")
        if end < 0:
            if len(self._pending) > MAX_HEAD_BYTES:
                raise ValueError("the head of the response is too long")
            return False
        first, *lines = bytes(self._pending[:end]).decode("latin-1").split("\r\n")
        del self._pending[: end + 4]
        version, _, rest = first.partition(" ")
        code = rest[:3]
        if not version.startswith("HTTP/1.") or not (code.isascii() and code.isdigit() and len(code) == 3):
            raise ValueError("the answer is no HTTP")
        if code.startswith("1"):
            return True
        pairs = (line.partition(":") for line in lines)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        self.status = int(code)
        self.content_type = self.headers.get("content-type", "").lower()
        self._expect(self.headers.get("transfer-encoding", "").lower(), self.headers.get("content-length"))
        return True

    def _expect(self, encoding: str, length: str | None) -> None:
        """Note how the content ends: by chunks, after a length, at once or with the connection. Raises `ValueError`."""
        if encoding not in {"", "chunked", "identity"}:
            raise ValueError(f"the content is encoded as {encoding!r}")
        if encoding == "chunked":
            self._is_chunked = True
            self._left = 0
        elif self.status in {204, 304}:
            self._left = 0
        elif length is not None:
            if not (length.isascii() and length.isdigit()):
                raise ValueError("the length of the content is no number")
            self._left = int(length)
        self.is_complete = self._left == 0 and not self._is_chunked

    def _read_chunks(self) -> bytes:
        """Take what has come of the content's chunks out of what is pending, and return it."""
        parts: list[bytes] = []
        while not self.is_complete:
            if self._left:
                part = bytes(self._pending[: self._left])
                del self._pending[: len(part)]
                self._left -= len(part)
                parts.append(part)
                self._is_after_chunk = not self._left
                if self._left:
                    break
            elif not (self._end_chunk() if self._is_after_chunk else self._begin_chunk()):
                break
        return b"".join(parts)

    def _end_chunk(self) -> bool:
        """Read the line end after the data of a chunk; False where it is not there yet."""
        if len(self._pending) < 2:
            return False
        if self._pending[:2] != b"\r\n":
            raise ValueError("a chunk is longer than announced")
        del self._pending[:2]
        self._is_after_chunk = False
        return True

    def _begin_chunk(self) -> bool:
        """Read the line with the size of the next chunk; False where it is not whole yet."""
        end = self._pending.find(b"\r\n")
        if end < 0:
            if len(self._pending) > MAX_HEAD_BYTES:
                raise ValueError("the line before a chunk is too long")
            return False
        size = bytes(self._pending[:end]).partition(b";")[0].strip()
        if not size or not _HEXADECIMAL.issuperset(size):
            raise ValueError("the size of a chunk is no number")
        self._left = int(size, 16)
        if self._left:
            del self._pending[: end + 2]
            return True
        return self._end_chunks(end)

    def _end_chunks(self, last: int) -> bool:
        """Read up to the empty line after the last chunk, which trailers may precede."""
        if b"\r\n\r\n" not in self._pending[last:]:
            if len(self._pending) > MAX_HEAD_BYTES:
                raise ValueError("the trailers of the response are too long")
            return False
        self._pending.clear()
        self.is_complete = True
        return True


class EventReader:
    """Reader of server-sent events, in pieces of a stream, wherever these are cut."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._after_return = False

    def feed(self, content: bytes) -> list[str]:
        """Take in what arrived, and return the data of each event that is whole now; events without data are left out.

        Raises `ValueError` where an event is too long.
        """
        if self._after_return and content.startswith(b"\n"):  # the second half of a line end
            content = content[1:]
            self._after_return = False
        if not content:
            return []
        self._after_return = content.endswith(b"\r")
        self._pending += content
        lines = self._pending.splitlines(keepends=True)
        self._pending = bytearray() if lines[-1].endswith((b"\n", b"\r")) else lines.pop()
        events = [event for line in lines if (event := self._line(bytes(line).rstrip(b"\r\n"))) is not None]
        if self._size + len(self._pending) > MAX_EVENT_BYTES:
            raise ValueError("an event of the stream is too long")
        return events

    def _line(self, line: bytes) -> str | None:
        """Return the data of the event that an empty line ends; None for every other line."""
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                self._data.append(value.removeprefix(b" "))
                self._size += len(value) + 1
            return None
        data, self._data, self._size = self._data, [], 0
        return b"\n".join(data).decode() if data else None
