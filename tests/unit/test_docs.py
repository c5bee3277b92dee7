"""The documentation names what there is, and its links lead somewhere."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from raycontext import errors
from raycontext.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), REPOSITORY / "benchmarks/README.md"])
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links, as GitHub makes it."""
    found = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in HEADING.findall(page.read_text()))
    return {re.sub(r"\s", "-", heading.strip()) for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        place, _, anchor = link.partition("#")
        if place.startswith(("http:", "https:")):
            continue
        target = page.parent / place if place else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def navigation(entries: list[Any]) -> list[str]:
    """Return the pages of the navigation of the site."""
    found: list[str] = []
    for entry in entries:
        (place,) = entry.values()
        found += navigation(place) if isinstance(place, list) else [place]
    return found


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    pages = [page.relative_to(REPOSITORY).as_posix() for page in PAGES]
    listed = navigation(yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text())["nav"])
    assert sorted(set(pages) - set(listed)) == []
    assert [page for page in listed if not (REPOSITORY / page).exists()] == []


def test_every_page_is_named_by_the_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    pages = [page.relative_to(REPOSITORY).as_posix() for page in PAGES if "decisions" not in page.parts]
    assert [page for page in pages if page.startswith("docs/") and page not in readme] == []


def test_every_decision_is_listed() -> None:
    folder = REPOSITORY / "docs/decisions"
    listed = (folder / "README.md").read_text()
    found = sorted(page.name for page in folder.glob("*.md") if page.name != "README.md")
    assert len(found) >= 5
    assert [name for name in found if f"({name})" not in listed] == []


def test_written_files_are_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location("generate", REPOSITORY / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert {"sdk.md", "cli.md", "http.md", "architecture.svg"} <= set(generate.WRITTEN)
    assert generate.stale() == [], "run `make docs`"


def test_glossary_explains_each_term_once_in_order() -> None:
    rows = re.findall(r"^\| ([^|]+) \| [^|]{20,} \|$", (REPOSITORY / "docs/glossary.md").read_text(), re.MULTILINE)
    assert len(rows) > 50
    assert [row.lower() for row in rows] == sorted({row.lower() for row in rows})
    asked = (
        "chunk shard segment manifest version epoch txn tombstone fenced snapshot posting compaction garbage collection"
    )
    named = {term for row in rows for term in row.split(", ")}
    assert {*asked.split(), "root", "source", "freshness", "ulid", "quarantine", "put-if-absent"} <= named


def test_every_error_is_explained() -> None:
    text = (REPOSITORY / "docs/troubleshooting.md").read_text()
    kinds = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.RaycontextError)
    ]
    assert len(kinds) > 15
    for kind in kinds:
        if kind.__name__ not in errors.__all__ or kind is errors.RaycontextError:
            continue
        (line,) = [row for row in text.splitlines() if row.startswith("| `") and f"`{kind.__name__}`" in row]
        assert line.split("|")[2].strip() == str(kind.exit_code), line


def test_every_setting_is_explained_with_its_default() -> None:
    text = (REPOSITORY / "docs/configuration.md").read_text()
    rows = {row.split("`")[1]: row for row in text.splitlines() if row.startswith("| `RAYCONTEXT_")}
    assert set(rows) == {f"RAYCONTEXT_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, bool | int | float):
            default = f"{field.default:g}" if isinstance(field.default, float) else str(field.default).lower()
            assert f"`{default}`" in rows[f"RAYCONTEXT_{name.upper()}"], name


def test_variables_that_the_program_reads_are_settings() -> None:
    internal = {"RAYCONTEXT_DAEMON_RESTARTS", "RAYCONTEXT_COMPLETE"}
    read = {
        name
        for file in (REPOSITORY / "raycontext").rglob("*.py")
        for name in re.findall(r"\bRAYCONTEXT_[A-Z_]+[A-Z]", file.read_text())
    }
    assert read <= internal | {f"RAYCONTEXT_{name.upper()}" for name in Settings.model_fields}
