"""Roles of a file that its path and language show, such as test, example, generated code or prose."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

__all__ = ["GENERATED", "KIND_BITS", "PATH_KINDS", "TEST", "VENDORED", "asked_for", "path_kinds"]

_TEST = re.compile(
    r"(?i:(^|[/_.-])(tests?|testing|specs?|__tests__|testdata|fixtures?|mocks?)([/_.-]|$))"
    r"|[a-z0-9]Tests?\.|(^|/)Test[A-Z]\w*\.",
    re.A,
)
_EXAMPLE = re.compile(r"(^|[/_.-])(examples?|samples?|demos?|benchmarks?|bench|tutorials?)([/_.-]|$)", re.I | re.A)
_LEGACY = re.compile(r"(^|[/_.-])(compat|legacy|deprecated|unstable|experimental|old|obsolete)([/_.-]|$)", re.I | re.A)
_VENDORED = re.compile(
    r"(^|/)(vendor|vendored|_vendor|third_party|thirdparty|deps|external|node_modules)(/|$)", re.I | re.A
)
_GENERATED = re.compile(
    r"(\.min\.|_pb2|\.pb\.|\.generated\.|(^|[/_.-])generated([/_.-]|$)|\.lock$|-lock\.)", re.I | re.A
)
_INTERNAL = re.compile(r"(^|/)_?internals?(/|\.|$)|-inl\.|(^|/)_[a-z]", re.A)
_ENTRY = re.compile(r"(^|/)(__init__\.pyi?|index\.[cm]?[jt]sx?|mod\.rs|lib\.rs|package-info\.java)$")
_DECLARATION = re.compile(r"\.(pyi|d\.[cm]?ts)$")
_PROSE = frozenset({"markdown", "rst", "text", "asciidoc", "html", "css", "latex", "org", "roff"})
_DATA = frozenset({"json", "yaml", "toml", "xml", "csv", "ini", "properties"})

_HOLDS: Mapping[str, Callable[[str, str], bool]] = {
    "test": lambda path, _: bool(_TEST.search(path)),
    "example": lambda path, _: bool(_EXAMPLE.search(path)),
    "legacy": lambda path, _: bool(_LEGACY.search(path)),
    "vendored": lambda path, _: bool(_VENDORED.search(path)),
    "generated": lambda path, _: bool(_GENERATED.search(path)),
    "internal": lambda path, _: bool(_INTERNAL.search(path)),
    "entry": lambda path, _: bool(_ENTRY.search(path)),
    "declaration": lambda path, _: bool(_DECLARATION.search(path)),
    "prose": lambda _, language: language in _PROSE,
    "data": lambda _, language: language in _DATA,
}

_ASKED_FOR: Mapping[str, re.Pattern[str]] = {
    "test": re.compile(r"\b(tests?|testing|specs?|fixtures?|mocks?)\b", re.I),
    "example": re.compile(r"\b(examples?|samples?|demos?|benchmarks?|tutorials?)\b", re.I),
    "legacy": re.compile(r"\b(compat\w*|legacy|deprecat\w*|unstable|experimental|old|obsolete)\b", re.I),
    "vendored": re.compile(r"\b(vendor\w*|third.party|dependenc\w+)\b", re.I),
    "generated": re.compile(r"\b(generated|minified|lock ?file)\b", re.I),
    "internal": re.compile(r"\b(internals?|internally|private)\b", re.I),
    "entry": re.compile(r"\b(entry point|exports?|re-?exports?|public api|package)\b", re.I),
    "declaration": re.compile(r"\b(stubs?|type hints?|declarations?|typings?)\b", re.I),
    "prose": re.compile(r"\b(docs?|documentation|readme|changelog|guide|manual|html|css|stylesheets?)\b", re.I),
    "data": re.compile(r"\b(json|yaml|toml|xml|config\w*|settings?|manifest|schema)\b", re.I),
}

PATH_KINDS = tuple(_HOLDS)
"""Names of the kinds, in the order of their bits."""
KIND_BITS = tuple(1 << bit for bit in range(len(PATH_KINDS)))
"""Bits of the kinds, in the same order."""
TEST = 1 << PATH_KINDS.index("test")
"""Bit of tests."""
GENERATED = 1 << PATH_KINDS.index("generated")
"""Bit of generated files. Contents show it too, see `generated.is_generated`."""
VENDORED = 1 << PATH_KINDS.index("vendored")
"""Bit of files of other projects. `.gitattributes` may say so, too."""


def path_kinds(path: str, language: str) -> int:
    """Return the kinds of a file as bits. Bit i is set where the file is of kind `PATH_KINDS[i]`."""
    return sum(1 << bit for bit, holds in enumerate(_HOLDS.values()) if holds(path, language))


def asked_for(query: str) -> int:
    """Return the kinds of files that a query asks for as bits. Bit i stands for `PATH_KINDS[i]`."""
    return sum(1 << bit for bit, kind in enumerate(PATH_KINDS) if _ASKED_FOR[kind].search(query))
