"""Answer of `search_code` for commits, as text and as structured content."""

from __future__ import annotations

from typing import Any

from raycontext.models import CollectionSummary, CommitHit
from raycontext.serve.mcp.answers import ToolAnswer, completeness
from raycontext.serve.mcp.relations import Entry, within
from raycontext.serve.messages import SearchQuery
from raycontext.serve.service import Service
from raycontext.text.cuts import cut_line
from raycontext.text.safe import safe

__all__ = ["search_commits"]

MOST_FILES = 20
"""Largest number of the files of a commit that are named."""


async def search_commits(
    service: Service, found: CollectionSummary, arguments: dict[str, Any], place: str, globs: tuple[str, ...]
) -> ToolAnswer:
    """Return the commits that answer a query. Raises what `Service.search` raises."""
    query = arguments["query"]
    asked = SearchQuery(
        query=query, collection=found.name, path=place, paths=list(globs), limit=arguments["limit"], commits=True
    )
    answer = await service.search(asked)
    first = [f"{len(answer.commits)} commits for '{query}' in {place}; paths are relative to {found.source}"]
    structured = {"root": found.source, **completeness(answer)}
    entries = [_entry(commit) for commit in answer.commits]
    return within(first, structured, answer.notes, entries, arguments, cut=answer.next_offset is not None)


def _entry(commit: CommitHit) -> Entry:
    files, subject = commit.files[:MOST_FILES], cut_line(commit.subject)
    more = f" and {commit.files_total - len(files)} more" if commit.files_total > len(files) else ""
    lines = [f"{commit.commit[:12]} {commit.date} {subject}"]
    if files:
        lines.append(f"  touches {', '.join(files)}{more}")
    lines.extend(f"  {cut_line(line)}" for line in commit.body.splitlines())
    return "\n".join(map(safe, lines)), {
        "commit": commit.commit,
        "date": commit.date,
        "subject": safe(subject),
        "body": safe(commit.body),
        "files": [safe(path) for path in files],
        "filesTotal": commit.files_total,
        "score": round(commit.score, 4),
    }
