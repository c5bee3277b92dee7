"""What `make audit` says: a package that could not be looked up never counts as free of vulnerabilities."""

from __future__ import annotations

import pytest

from ..audit import told


def test_packages_that_were_skipped_are_not_audited(capsys: pytest.CaptureFixture[str]) -> None:
    skipped = {"name": "a", "skip_reason": "Dependency not found"}
    assert told([skipped, {"name": "b", "version": "1", "vulns": []}]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 of 2 packages audited, 0 with known vulnerabilities",
        "not audited: 1 packages, such as: Dependency not found",
    ]


def test_known_vulnerabilities_fail(capsys: pytest.CaptureFixture[str]) -> None:
    known = {"id": "X-1", "fix_versions": ["2"]}
    assert told([{"name": "a", "version": "1", "vulns": [known]}]) == 1
    assert "a 1: X-1, mended in 2" in capsys.readouterr().out
