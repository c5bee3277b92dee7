"""What git does to the content of a file when it writes it into a working tree: line ends, `$Id$`, other encodings.

See gitattributes(5), "Effects". Filters, which are programs of the user, do not run.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import NamedTuple

from raycontext.discover.decoding import character_set
from raycontext.discover.rules.attributes import SET, UNSET

__all__ = ["CONVERSIONS", "NO_CONVERSION", "Conversion", "LineEnds"]

CONVERSIONS = frozenset({"text", "crlf", "eol", "ident", "working-tree-encoding"})
"""Names of the attributes that decide how git writes a file."""

_IDENT = re.compile(rb"\$Id(?::(?:[^$\n](?:[^$\n ]*[^$\n])?)?)?\$")
_LONE_LF = re.compile(rb"(?<!\r)\n")
_LONE_CR = re.compile(rb"\r(?!\n)")
_END_OF_FILE = 0x1A
_PRINTABLE_CONTROLS = b"\b\t\x1b\f"
_UNPRINTABLE = bytes(sorted({*range(32), 127} - {*_PRINTABLE_CONTROLS, 0x0A, 0x0D}))
_WITH_MARK = {
    "utf-16le-bom": (codecs.BOM_UTF16_LE, "utf-16-le"),
    "utf-16be-bom": (codecs.BOM_UTF16_BE, "utf-16-be"),
    "utf-16": (codecs.BOM_UTF16, "utf-16"),
    "utf-32": (codecs.BOM_UTF32, "utf-32"),
}


class LineEnds(NamedTuple):
    """Settings of a repository about line ends."""

    autocrlf: str = "false"
    """`core.autocrlf`: "true", "input" or "false"."""
    eol: str = ""
    """`core.eol`: "crlf", "lf", or anything else for that of the platform, which is LF."""

    @property
    def _is_crlf(self) -> bool:
        return self.autocrlf == "true" or (self.autocrlf != "input" and self.eol == "crlf")


class Conversion(NamedTuple):
    """What happens to one file, in the order of these fields."""

    ident: bool = False
    """Whether `$Id$` becomes `$Id: <hash of the blob> $`."""
    crlf: bool = False
    """Whether line ends become CRLF."""
    only_text: bool = False
    """Whether line ends stay where the file has others than LF, or is not text."""
    encoding: str = ""
    """Encoding that the file is written in; "" for that of the repository, UTF-8."""

    @classmethod
    def of(cls, attributes: Mapping[str, str], ends: LineEnds) -> Conversion:
        """Return what happens to a file with these attributes; those of `CONVERSIONS` count."""
        text = attributes.get("text", "")
        if text not in (SET, UNSET, "auto", "input"):
            text = attributes.get("crlf", "")
        crlf, only_text = _line_ends(text, attributes.get("eol", ""), ends)
        encoding = attributes.get("working-tree-encoding", "")
        if encoding in (SET, UNSET) or encoding.lower().replace("-", "") == "utf8":
            encoding = ""
        return cls(attributes.get("ident") == SET, crlf, crlf and only_text, encoding)

    def apply(self, content: bytes, blob: str) -> bytes:
        """Return the content as git writes it into a working tree. `blob` is the hash of the content in git."""
        if self.ident:
            content = _IDENT.sub(b"$Id: " + blob.encode() + b" $", content)
        if self.crlf and not (self.only_text and _keeps_line_ends(content)):
            content = _LONE_LF.sub(b"\r\n", content)
        return _encoded(content, self.encoding) if self.encoding else content


NO_CONVERSION = Conversion()


def _line_ends(text: str, eol: str, ends: LineEnds) -> tuple[bool, bool]:
    """Return whether line ends become CRLF, and whether only those of files that git takes for text do."""
    if text == UNSET:
        return False, False
    if eol in ("lf", "crlf"):
        return eol == "crlf", text == "auto"
    if text in (SET, "auto"):
        return ends._is_crlf, text == "auto"
    if text == "input":
        return False, False
    return ends.autocrlf == "true", True


def _keeps_line_ends(content: bytes) -> bool:
    """Return whether git leaves the line ends of a file as they are, unless an attribute says that it is text."""
    if b"\r" in content or b"\0" in content:
        return True
    unprintable = len(content) - len(content.translate(None, _UNPRINTABLE))
    if content and content[-1] == _END_OF_FILE:
        unprintable -= 1
    printable = len(content) - unprintable - content.count(b"\n")
    return (printable >> 7) < unprintable


def _encoded(content: bytes, encoding: str) -> bytes:
    """Return UTF-8 text in another encoding; as it is where that cannot be done, as git leaves it."""
    mark, name = _WITH_MARK.get(encoding.lower(), (b"", encoding))
    try:
        encoded = content.decode().encode(character_set(name))
    except (UnicodeError, LookupError):
        return content
    return encoded if not mark or encoded.startswith(mark) else mark + encoded
