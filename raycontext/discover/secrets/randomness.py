"""Tests that tell secrets from placeholders, names and prose: random characters change their class all the time."""

from __future__ import annotations

import base64
import binascii
import re
from itertools import pairwise

__all__ = [
    "is_code",
    "is_of_account",
    "is_password",
    "is_placeholder",
    "is_random",
    "is_real_password",
    "is_signed",
    "is_token",
    "is_user_and_password",
]

MIN_DIFFERENT_CHARACTERS = 10
"""Smallest number of different characters in a token, without its prefix. Placeholders such as `xxxx…` have fewer."""
MIN_DIFFERENT_DIGITS = 7
"""Smallest number of different characters in a token of hexadecimal digits."""
MIN_RANDOM_BYTES = 16
"""Smallest size in bytes of a value that can be told from a word."""
MIN_HEX_BYTES = 32
"""Smallest number of hexadecimal digits that are a secret and not a number."""
MIN_LETTERS = 24
"""Smallest size in bytes of random characters that have hardly a digit."""
MIN_CHANGES = 0.3
"""Smallest share of neighbours of different classes (lower case, upper case, digit) in random characters."""
MIN_CHANGES_WITHOUT_DIGITS = 0.4
"""Smallest share of changes in random characters that have hardly a digit by chance."""
MIN_HEX_CHANGES = 0.22
"""Smallest share of changes between digits and letters in random hexadecimal digits."""
MIN_DIGIT_SHARE = 0.05
"""Smallest share of digits in random letters and digits."""
MOST_SEQUENCE = 0.4
"""Largest share of neighbours that follow each other, as in `abcdef` and `123456`."""
SHORT_WORD = 8
"""Number of letters below which a word is hardly a password."""
LONGEST_WORD = 9
"""Largest number of small letters in a row in random characters."""

_PLACEHOLDER = re.compile(
    rb"example|sample|dummy|fake|test|mock|xxxx|\*\*\*|placeholder|change[_-]?me|changethis|your[_-]?|redacted|todo"
    rb"|insert|replace|\$\{|\{\{|\}\}|<|%\(|%s|0000000|foobar|lorem|\.\.\.",
    re.IGNORECASE,
)
_WEAK = re.compile(
    rb"pass|pwd|secret|user|admin|root|guest|demo|default|qwert|letmein|token|none|null|postgres|mysql|mongo|redis|rabbit",
    re.I,
)
_LOCAL = re.compile(
    rb"@(?:localhost|127\.|0\.0\.0\.0|\[?::1|(?:[a-z0-9-]+\.)*example\b|host\b|hostname\b|server\b|db\b)", re.I
)
_PUBLIC = re.compile(rb"[sr]k_test_|pk_(?:test|live)_|pk\.eyJ|AC[0-9a-f]{32}|sha(?:1|256|384|512)[-:]")
"""Beginnings of tokens that are public or open nothing but a test."""
_REFERENCE = re.compile(rb"^[$%{<(\[#]|\$\{|\{\{|[({]|\)$|^[*.x]+$|::|->")
_DATE = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CODE = re.compile(
    rb"^[A-Za-z_]\w*(?:(?:\.|:+|->)[A-Za-z_]\w*)+|^[./]|Key|Token|Secret|Private|Public|Password|Encode|Decode"
)
_HEX = re.compile(rb"[0-9a-fA-F]+")
_BASE_64 = re.compile(rb"[A-Za-z0-9+/=_.~%-]+")
_UUID = re.compile(rb"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_PREFIX = re.compile(rb"^[A-Za-z0-9]{2,12}?[-_.](?:[a-z]{2,8}[-_])?")
_SMALL = re.compile(rb"[a-z]{%d,}" % (LONGEST_WORD + 1))
_CLASSES = bytes.maketrans(
    bytes(range(256)),
    bytes(
        0x61 if 0x61 <= byte <= 0x7A else 0x41 if 0x41 <= byte <= 0x5A else 0x30 if 0x30 <= byte <= 0x39 else 0x2E
        for byte in range(256)
    ),
)


def is_code(value: bytes) -> bool:
    """Return whether a value without quotation marks is an expression of a programming language and not a text."""
    return _CODE.search(value) is not None


def is_placeholder(value: bytes) -> bool:
    """Return whether a value only stands for a secret: it says so, or repeats or counts characters."""
    if _PLACEHOLDER.search(value):
        return True
    least = MIN_DIFFERENT_DIGITS if _HEX.fullmatch(value) else MIN_DIFFERENT_CHARACTERS
    if len(value) >= MIN_RANDOM_BYTES and len(set(value)) < least:
        return True
    following = sum(after - before == 1 for before, after in pairwise(value))
    return following > MOST_SEQUENCE * len(value)


def is_token(value: bytes) -> bool:
    """Return whether a match of a token's form is a secret. Its prefix is not looked at."""
    return not is_placeholder(value) and not is_placeholder(_PREFIX.sub(b"", value, count=1))


def is_random(value: bytes) -> bool:
    """Return whether a value looks like random characters, and not like a name, a path or prose."""
    if _PUBLIC.match(value) or _UUID.fullmatch(value) or _PLACEHOLDER.search(value):
        return False  # ids of requests are no secrets
    body = _PREFIX.sub(b"", value, count=1)
    if len(body) < MIN_RANDOM_BYTES or not _BASE_64.fullmatch(body) or _SMALL.search(body) or is_placeholder(body):
        return False
    changes = _changes(body)
    if _HEX.fullmatch(body):
        return len(body) >= MIN_HEX_BYTES and _changes(body.lower()) >= MIN_HEX_CHANGES
    digits = sum(0x30 <= byte <= 0x39 for byte in body)
    signs = sum(byte in b"+/=_.~%-" for byte in body)
    if digits < max(2, MIN_DIGIT_SHARE * len(body)):
        is_mixed = digits > 0 and len(body) >= MIN_LETTERS and changes >= MIN_CHANGES_WITHOUT_DIGITS
    else:
        is_mixed = changes >= MIN_CHANGES
    return is_mixed and signs <= len(body) // 6 + 1


def is_password(value: bytes) -> bool:
    """Return whether a value that is assigned to a password is one, and not a reference to one or a placeholder."""
    if is_random(value):
        return True
    if not 8 <= len(value) <= 64 or is_placeholder(value) or _REFERENCE.search(value) or _WEAK.search(value):
        return False
    if b"/" in value or b"\\" in value or value.count(b".") > 1 or _DATE.search(value):
        return False
    kinds = set(value.translate(_CLASSES))
    return len(kinds) >= 3 and 0x30 in kinds


def is_real_password(value: bytes) -> bool:
    """Return whether the password of a URL is one. `value` is the password, `@`, and the beginning of the host."""
    password, _, host = value.rpartition(b"@")
    if _REFERENCE.search(password) or is_placeholder(password) or host[:1] in b"${(%[":
        return False
    if password.isalpha() and len(password) < SHORT_WORD and b"." not in host:
        return False
    is_known = _WEAK.search(password) is not None or len(set(password)) < 4
    return not (is_known and (_LOCAL.search(b"@" + host) or b"." not in host))


def is_signed(value: bytes) -> bool:
    """Return whether the signature of a JSON web token (RFC 7519), its last part, is no placeholder."""
    return is_token(value.rpartition(b".")[2])


def is_of_account(value: bytes) -> bool:
    """Return whether a token of three parts begins with base 64 of an account's number and ends with random characters.

    Discord's tokens do.
    """
    account, _, signature = value.partition(b".")
    try:
        number = base64.b64decode(account + b"=" * (-len(account) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return number.isdigit() and is_token(signature.rpartition(b".")[2])


def is_user_and_password(value: bytes) -> bool:
    """Return whether a value is base 64 for a name, a colon and a password (RFC 7617)."""
    try:
        text = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    name, colon, password = text.partition(b":")
    return bool(colon) and text.isascii() and text.decode().isprintable() and len(password) >= 4 and bool(name)


def _changes(value: bytes) -> float:
    """Return the share of neighbours that are of different classes."""
    classes = value.translate(_CLASSES)
    return sum(before != after for before, after in pairwise(classes)) / (len(classes) - 1)
