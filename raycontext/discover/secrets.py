"""Recognition of files that hold keys or tokens, by their names and by the forms of tokens of well-known services.

The names and forms are the ones that the services document. A file that holds a secret is left out as a whole, so that
no part of it reaches the index.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

__all__ = ["REDACTED", "is_secret", "redacted", "secret_spans"]

REDACTED = b"[secret]"
"""Text that stands in the place of a secret."""

_NAMES = frozenset(
    {
        *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk"),
        *(".netrc", "_netrc", ".pgpass", ".my.cnf", ".htpasswd", ".git-credentials", ".npmrc", ".pypirc"),
        *(".dockercfg", "kubeconfig", "credentials.json", "client_secret.json", "service-account.json"),
        *(".vault-token", ".vault-password", ".vault_pass", "master.key", "terraform.tfstate"),
    }
)
_SUFFIXES = frozenset((".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".ppk", ".kdbx", ".p8"))
_NAMES_IN_FOLDERS = (
    ("credentials", ".aws"),
    ("config.json", ".docker"),
    ("application_default_credentials.json", "gcloud"),
)
"""Pairs of a file name and the name of the folder in which that file holds secrets."""

_SAMPLE_ENDINGS = frozenset(("example", "sample", "template", "dist", "defaults", "test", "md", "py", "js", "ts"))
"""Endings of files such as `.env.example`, which only show how a `.env` file is written."""

MIN_KEY_SHARE = 0.5
"""Smallest share of a file's bytes that private keys must take for the file to count as a key. A smaller share is
typical of test code."""

MIN_DIFFERENT_CHARACTERS = 12
"""Smallest number of different characters in a real token. Placeholders such as `xxxx…` or `1234…` have fewer."""

_PRIVATE_KEY_MARK = b"PRIVATE KEY"
_PRIVATE_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[^-]{100,20000}-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY"
)

# Pairs of a literal that every token of a kind contains, and the form of the token. Each literal costs one search
# through every file.
_TOKENS = tuple(
    (literal, re.compile(form))
    for literal, form in (
        (b"AKIA", rb"(?<![A-Za-z0-9])AKIA[A-Z2-7]{16}(?![A-Za-z0-9])"),
        (b"ghp_", rb"(?<![A-Za-z0-9])ghp_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
        (b"github_pat_", rb"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
        (b"glpat-", rb"glpat-[A-Za-z0-9_-]{20}(?![A-Za-z0-9_-])"),
        (b"xox", rb"xox[bp](?:-[0-9]{10,13}){2,3}-[A-Za-z0-9]{24,32}"),
        (b"AIza", rb"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
        (b"k_live_", rb"[sr]k_live_[A-Za-z0-9]{24,}"),
        (b"npm_", rb"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
        (b"sk-ant-", rb"sk-ant-[A-Za-z0-9_-]{80,}"),
    )
)
_PLACEHOLDER = re.compile(rb"example|sample|dummy|fake|test|xxxx|1234567|abcdef", re.IGNORECASE)


def is_secret(path: str, data: bytes) -> bool:
    """Return whether a file is a secret as a whole: by its name, or since it is a private key.

    `path` has `/` between its parts; `data` is the content as UTF-8.
    """
    return _has_secret_name(path) or _is_private_key(data)


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
    """Return the start and the end of each secret in a text, in bytes, ascending. No span holds a line end."""
    found = sorted(
        match.span()
        for literal, form in _TOKENS
        if literal in data  # much quicker than a search for the form
        for match in form.finditer(data)
        if len(set(match[0])) >= MIN_DIFFERENT_CHARACTERS and not _PLACEHOLDER.search(match[0])
    )
    spans: list[int] = []
    for start, end in found:
        if spans and start < spans[-1]:
            spans[-1] = max(spans[-1], end)
        else:
            spans += (start, end)
    return tuple(spans)


def _has_secret_name(path: str) -> bool:
    """Return whether files with this name, or in this folder with this name, hold secrets."""
    place = PurePosixPath(path)
    name = place.name.lower()
    if name == ".env" or (name.startswith(".env.") and name.rpartition(".")[2] not in _SAMPLE_ENDINGS):
        return True
    if name in _NAMES or place.suffix.lower() in _SUFFIXES:
        return True
    return any(name == wanted and place.parent.name == folder for wanted, folder in _NAMES_IN_FOLDERS)


def _is_private_key(data: bytes) -> bool:
    """Return whether private keys take at least `MIN_KEY_SHARE` of the content."""
    if _PRIVATE_KEY_MARK not in data:
        return False
    return sum(len(found.group()) for found in _PRIVATE_KEY.finditer(data)) >= MIN_KEY_SHARE * len(data)
