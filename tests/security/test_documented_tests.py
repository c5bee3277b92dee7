"""docs/security.md names tests that exist, and each file of tests/security is named by it."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
NAMED = set(re.findall(r"`(tests/[^`]+)`", (REPOSITORY / "docs" / "security.md").read_text()))


def test_every_test_that_is_named_exists() -> None:
    assert {name for name in NAMED if not (REPOSITORY / name).exists()} == set()


def test_every_border_names_its_tests() -> None:
    table = (REPOSITORY / "docs" / "security.md").read_text().partition("| border |")[2].partition("\n\n")[0]
    rows = table.splitlines()[2:]
    assert len(rows) >= 15
    assert [row for row in rows if "`tests/" not in row.rpartition("| `")[1] + row] == []


def test_every_test_of_security_is_named() -> None:
    found = {path.relative_to(REPOSITORY).as_posix() for path in Path(__file__).parent.glob("test_*.py")}
    assert found - NAMED == {Path(__file__).relative_to(REPOSITORY).as_posix()}
