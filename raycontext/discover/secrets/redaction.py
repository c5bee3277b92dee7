"""Secrets in files: whole files that are one, and spans of text that must not reach the index.

A file is a secret as a whole by its name, or since it is a private key. In all other files only the secrets themselves
are redacted: what the index stores, shows or sends to an embedder has `[secret]` in their place. `forms` has the
forms. Why this is own code: `docs/decisions/secrets.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from raycontext.discover.secrets.forms import FORMS
from raycontext.discover.secrets.names import has_secret_name
from raycontext.discover.secrets.randomness import is_code
from raycontext.kernel.marks import Asks, Mark, Marks

__all__ = ["REDACTED", "is_secret", "redacted", "secret_spans"]

REDACTED = b"[secret]"
"""Text that stands in the place of a secret."""

MIN_KEY_SHARE = 0.5
"""Smallest share of a file's bytes that private keys must take for the file to count as a key. A smaller share is
typical of test code."""
LONGEST_SECRET_BYTES = 4096
"""Largest part of a text in bytes that a form is compared with."""
MIN_REPEATED_BYTES = 12
"""Smallest secret that is looked for elsewhere in the text. A shorter one may be a word."""
MOST_REPEATED = 64
"""Number of secrets in a text whose repetitions are looked for."""

_PRIVATE_KEY_MARK = b"PRIVATE KEY"
_PRIVATE_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----([^-]{100,20000})"
    rb"-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY"
)
_KEY_LINE = re.compile(rb"[A-Za-z0-9+/=]{16,}")
_MARKS = Marks([Mark(form.literal.encode(), form.asks) for form in FORMS] + [Mark(b"private key", Asks.NOTHING)])
_KEY_NUMBER = len(FORMS)


def is_secret(path: str, data: bytes) -> bool:
    """Return whether a file is a secret as a whole: by its name, or since it is a private key.

    `path` has `/` between its parts; `data` is the content as UTF-8.
    """
    return has_secret_name(path, data) or _is_private_key(data)


def redacted(data: bytes, spans: Sequence[int]) -> bytes:
    """Return the text with `REDACTED` in the place of each span. No line of the text begins elsewhere by that.

    spans: start and end of each span in bytes, ascending, as `secret_spans` returns them.
    """
    if not spans:
        return data
    parts: list[bytes] = []
    begin = 0
    for start, end in zip(spans[::2], spans[1::2], strict=True):
        parts += (data[begin:start], REDACTED)
        begin = end
    return b"".join((*parts, data[begin:]))


def secret_spans(data: bytes) -> tuple[int, ...]:
    """Return the start and the end of each secret in a text, in bytes, ascending. No span holds a line end.

    A secret that was found once is redacted wherever it stands in the text.
    """
    found = sorted({*_found(data)})
    if not found:
        return ()
    for value in {data[start:end] for start, end in found[:MOST_REPEATED] if end - start >= MIN_REPEATED_BYTES}:
        place = data.find(value)
        while place >= 0:
            found.append((place, place + len(value)))
            place = data.find(value, place + len(value))
    spans: list[int] = []
    for start, end in sorted(found):
        if spans and start <= spans[-1]:
            spans[-1] = max(spans[-1], end)
        else:
            spans += (start, end)
    return tuple(spans)


def _found(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and end of each secret that a form finds, in any order."""
    has_keys = False
    compared: dict[int, int] = {}  # end of the last text that an expression matched: no secret begins inside of it
    for place, number in _MARKS.find(data):
        if number == _KEY_NUMBER:
            has_keys = True
            continue
        form = FORMS[number]
        start = place - form.before
        if start < compared.get(number, 0):
            continue
        match = form.expression.match(data, start, place + LONGEST_SECRET_BYTES)
        if match is not None:
            compared[number] = match.end()
            span = _span(match)
            secret = data[slice(*span)]
            is_plain = match.re.groups > 1 and match["plain"] is not None
            if form.accepts(secret) and not (is_plain and is_code(secret)):
                # The host of a URL was only looked at.
                yield (span[0], span[0] + secret.rindex(b"@")) if form.asks & Asks.USER_INFO else span
    if has_keys:
        for block in _PRIVATE_KEY.finditer(data):
            yield from (line.span() for line in _KEY_LINE.finditer(data, *block.span(1)))


def _span(match: re.Match[bytes]) -> tuple[int, int]:
    """Return the place of the secret in a match."""
    groups = match.groupdict()
    for name, value in groups.items():
        if value is not None:
            return match.span(name)
    return match.span(1 if match.re.groups and not groups else 0)


def _is_private_key(data: bytes) -> bool:
    """Return whether private keys take at least `MIN_KEY_SHARE` of the content."""
    if _PRIVATE_KEY_MARK not in data:
        return False
    return sum(len(found.group()) for found in _PRIVATE_KEY.finditer(data)) >= MIN_KEY_SHARE * len(data)
