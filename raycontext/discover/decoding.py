"""Decoding of files that may be in any encoding: the bytes on disk become the UTF-8 text that is indexed.

The first of these that fits decides: a byte order mark, the encoding that `.gitattributes` declares, UTF-8, a
declaration in the file (PEP 263, Vim, XML, HTML), the detector, and at last Latin-1. The detector is chardet, which
decided right in all cases where others did not: see `docs/decisions/encodings.md`.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import Literal, NamedTuple

__all__ = ["Decoded", "Problem", "character_set", "decode", "decoded_as", "text_problem"]

Problem = Literal["binary", "undecodable"]
"""Reason why bytes are not text: a value of `SkipReason`, which takes long to import."""

UTF_8 = "utf-8"
FALLBACK = "latin-1"
"""Encoding of a file for which nothing else fits. Every sequence of bytes is valid in it."""
WINDOWS = "cp1252"
"""Encoding that takes the place of `FALLBACK` where that would give control characters."""
MIXED = "utf-8+latin-1"
"""Name for a file that is mostly UTF-8: bytes that are not valid in it are read as Latin-1."""

EVIDENCE_BYTES = 16_384
"""Number of bytes, of lines that are not ASCII, that the detector sees."""
HEAD_BYTES = 1024
"""Number of bytes at the start of a file in which it may declare its encoding."""
SINGLE_ACCENTS = 3
"""Number of bytes beyond ASCII, each alone between ASCII, below which no detector can tell more than Latin-1."""
MOST_CONTROLS = 0.02
"""Largest share of control characters in a text."""
UTF_16_SHARE = 0.35
"""Smallest share of NUL bytes, all at odd or all at even places, that shows UTF-16 without a byte order mark."""
WIDE_BYTES = 16
"""Smallest file in bytes that may be UTF-16 without a byte order mark."""

_MARKS = (  # that of UTF-32 begins like that of UTF-16
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOR_CODE = {"shift_jis_2004": "cp932", "shift_jisx0213": "cp932", "shift_jis": "cp932"}
"""Encodings in which a backslash is a yen sign, and the one in which editors save source code."""
_CONTROLS = bytes([*range(9), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F])
_CODECS = re.compile(
    r"ascii|utf[-_](8|16|32)([-_][lb]e)?|latin[-_]?1|iso8859[-_]\d+|cp\d+|koi8[-_][rtu]|mac[-_][a-z]+|gb2312|gbk|gb18030"
    r"|big5(hkscs)?|euc[-_](jp|kr|jis[-_]2004|jisx0213)|shift[-_]jis(x0213|[-_]2004)?|iso2022[-_](jp|kr)[-_a-z0-9]*"
    r"|johab|ptcp154|kz1048|tis[-_]620|hp[-_]roman8"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:-]{0,39}")
_DECLARATIONS = (
    re.compile(rb"\A(?:[^\n]*\n)?[^\n]*?\b(?:coding|fileencoding)[:=][ \t]*([-\w.]+)"),  # PEP 263, Emacs, Vim
    re.compile(rb"\A\s*<\?xml[^>]*?\bencoding=[\"']([-\w.:]+)"),
    re.compile(rb"<meta[^>]*?\bcharset=[\"']?([-\w.:]+)", re.IGNORECASE),
    re.compile(rb"\A\s*@charset [\"']([-\w.:]+)"),
    re.compile(rb"^=encoding[ \t]+([-\w.]+)", re.MULTILINE),  # Perl's POD
)
_ACCENTS = re.compile(rb"[\x80-\xff]+")
_HIGH_CONTROLS = re.compile(rb"[\x80-\x9f]")
_BAD = re.compile("[\udc80-\udcff]")


class Decoded(NamedTuple):
    """Text of a file."""

    data: bytes
    """Text as UTF-8 without byte order mark."""
    encoding: str
    """Encoding that the file is in. `decoded_as` makes the same text of the same bytes with it."""
    is_guess: bool
    """Whether nothing tells the encoding, so that it is `FALLBACK` or `MIXED`."""


def text_problem(raw: bytes, declared: str = "") -> Problem | None:
    """Return why the bytes of a file are not text, or None for text. `declared` is that of `decode`."""
    if b"\0" not in raw and (raw.isascii() or _is_utf_8(raw)):
        return None
    found = _decoded_by_sign(raw, declared)
    if isinstance(found, str):
        return found
    return None if found is not None else _problem_without_sign(raw)


def decode(raw: bytes, declared: str = "") -> Decoded | Problem:
    """Return the text of a file, or the reason why its bytes are not text.

    declared: encoding that the tree declares for the file (`working-tree-encoding`); "" for none. A name that is not
    known, and one in which the bytes are not valid, does not count.
    """
    if raw.isascii() and b"\0" not in raw and not declared:
        return Decoded(raw, UTF_8, is_guess=False)
    found = _decoded_by_sign(raw, declared)
    if found is not None:
        return found
    if (problem := _problem_without_sign(raw)) is not None:
        return problem
    for pattern in _DECLARATIONS:
        named = pattern.search(raw[:HEAD_BYTES])
        text = _strictly(raw, named[1].decode("ascii", "replace")) if named is not None else None
        if text is not None:
            return text
    return _detected(raw)


def decoded_as(raw: bytes, encoding: str) -> bytes:
    """Return the text of a file in a known encoding, as UTF-8. "" stands for UTF-8, or UTF-16 with a byte order mark.

    Raises `UnicodeError` where the bytes are not valid in it, and `LookupError` where the encoding is not known.
    """
    if not encoding:
        encoding = "utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else UTF_8
    if encoding == MIXED:
        return _mixed(raw).encode()
    if encoding == UTF_8:
        raw.decode()
        return raw.removeprefix(codecs.BOM_UTF8)
    return raw.decode(_codec(encoding)).removeprefix("\ufeff").encode()


def _decoded_by_sign(raw: bytes, declared: str) -> Decoded | Problem | None:
    """Return the text by byte order mark, declaration of the tree or form of the bytes; None where none tells."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return _marked(raw, encoding)
    if declared and (text := _strictly(raw, declared)) is not None:
        return text
    if b"\0" in raw:
        wide = _strictly(raw, encoding) if (encoding := _wide(raw)) else None
        return "binary" if wide is None or _problem_without_sign(wide.data) else wide
    return Decoded(raw, UTF_8, is_guess=False) if _is_utf_8(raw) else None


def _marked(raw: bytes, encoding: str) -> Decoded | Problem:
    """Return the text of a file with a byte order mark, or why it is none."""
    try:
        data = decoded_as(raw, encoding)
    except UnicodeError:
        if encoding != UTF_8:
            return "binary" if encoding == "utf-32" else "undecodable"
        data, encoding = decoded_as(raw, MIXED), MIXED
    return "binary" if b"\0" in data else Decoded(data, encoding, is_guess=encoding == MIXED)


def _strictly(raw: bytes, name: str) -> Decoded | None:
    """Return the text in an encoding; None where there is no such encoding or the bytes are not valid in it."""
    try:
        encoding = _codec(name)
        data = decoded_as(raw, encoding)
    except (LookupError, UnicodeError):
        return None
    return None if b"\0" in data else Decoded(data, encoding, is_guess=False)


def _codec(name: str) -> str:
    """Return what `character_set` returns, but for Latin-1, which stands for the encoding of Windows."""
    found = character_set(name)
    return FALLBACK if found == "iso8859-1" else found


@lru_cache(maxsize=256)
def character_set(name: str) -> str:
    """Return the name of Python's codec for an encoding. Raises `LookupError` for all that are not character sets."""
    if _NAME.fullmatch(name) is None:
        raise LookupError(name)
    found = codecs.lookup(re.sub(r"(?i)[-_]?bom$", "", name)).name  # git knows UTF-16LE-BOM
    if _CODECS.fullmatch(found) is None:  # others are slow (`punycode`) or no character sets (`unicode_escape`)
        raise LookupError(name)
    return found


def _problem_without_sign(raw: bytes) -> Problem | None:
    """Return why bytes that are neither UTF-8 nor marked are not text. A text has few control characters."""
    controls = len(raw) - len(raw.translate(None, _CONTROLS))
    return "undecodable" if controls > MOST_CONTROLS * len(raw) else None


def _wide(raw: bytes) -> str:
    """Return the encoding of a file that looks like UTF-16 without a byte order mark; "" for any other file."""
    head = raw[:HEAD_BYTES]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(raw) % 2 or len(raw) < WIDE_BYTES or min(even, odd) or even + odd < UTF_16_SHARE * len(head):
        return ""
    return "utf-16-be" if even else "utf-16-le"


def _is_utf_8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeError:
        return False
    return True


def _mixed(raw: bytes) -> str:
    """Return a text whose bytes are UTF-8 where they are valid in it, and Latin-1 where they are not."""
    text = raw.removeprefix(codecs.BOM_UTF8).decode(UTF_8, "surrogateescape")
    return _BAD.sub(lambda bad: chr(ord(bad[0]) - 0xDC00), text)


def _detected(raw: bytes) -> Decoded:
    """Return the text in the encoding that its bytes beyond ASCII suggest."""
    text = raw.decode(UTF_8, "surrogateescape")
    bad = len(_BAD.findall(text))
    if sum(not char.isascii() for char in text) - bad >= bad:
        return Decoded(_mixed(raw).encode(), MIXED, is_guess=True)
    evidence = b"\n".join(line for line in raw.split(b"\n") if not line.isascii())[:EVIDENCE_BYTES]
    runs = _ACCENTS.findall(evidence)
    if len(runs) >= SINGLE_ACCENTS or any(len(run) > 1 for run in runs):
        for superset in (False, True):  # the other one may hold bytes beyond what the detector has seen
            decoded = _strictly(raw, _named(evidence, superset=superset))
            if decoded is not None:
                return decoded
    # In Latin-1 these bytes are controls, which texts do not have; Windows has quotation marks and dashes there.
    windows = _strictly(raw, WINDOWS) if _HIGH_CONTROLS.search(raw) else None
    return (windows or Decoded(decoded_as(raw, FALLBACK), FALLBACK, is_guess=True))._replace(is_guess=True)


def _named(evidence: bytes, *, superset: bool) -> str:
    """Return the encoding that the detector finds, or a superset that the same bytes mean the same in."""
    import chardet  # it takes 40 ms to load, and few trees need it

    found = chardet.detect(
        evidence,
        encoding_era=chardet.EncodingEra.MODERN_WEB | chardet.EncodingEra.LEGACY_ISO,
        compat_names=False,
        prefer_superset=superset,
        no_match_encoding="ascii",  # in which the evidence is not valid
    )
    name = found["encoding"] or "ascii"
    return _FOR_CODE.get(name, name)
