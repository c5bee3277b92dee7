"""Answer of the tool `grep_code`, as text and as structured content."""

from __future__ import annotations

from typing import Any

from raycontext.models import CollectionSummary
from raycontext.serve.grep import GrepQuery, grep
from raycontext.serve.mcp.answers import ToolAnswer, completeness, notes_on_shards
from raycontext.serve.mcp.relations import Entry, within
from raycontext.serve.service import Service
from raycontext.text.cuts import cut_line
from raycontext.text.safe import safe

__all__ = ["grep_code"]


async def grep_code(
    service: Service, found: CollectionSummary, arguments: dict[str, Any], place: str, globs: tuple[str, ...]
) -> ToolAnswer:
    """Return the lines that match a regular expression. Raises what `serve.grep.grep` raises."""
    asked = GrepQuery(
        collection=found.name,
        path=None if place == found.source else place,
        ref=arguments.get("ref"),
        pattern=arguments["pattern"],
        ignore_case=arguments["ignoreCase"],
        word=arguments["word"],
        fixed_string=arguments["fixedString"],
        output=arguments["output"],
        before=arguments["context"],
        after=arguments["context"],
        limit=arguments["limit"],
        hidden=arguments["hidden"],
        paths=list(globs),
    )
    answer = await grep(service, asked)
    notes = [*notes_on_shards(answer), *answer.notes]
    if answer.not_indexed:
        counts = ", ".join(f"{reason} {count}" for reason, count in answer.not_indexed.items())
        notes.append(f"Not indexed, so not searched: {counts}.")
    if not answer.matching_files:
        notes.append("Try ignoreCase, a shorter pattern or hidden: true; search_code finds it by meaning.")
    about = "" if answer.is_exact else "at least "
    lines = "" if arguments["output"] == "files" else f"{answer.matching_lines} lines in "
    first = [
        f"{about}{lines}{answer.matching_files} files match {answer.pattern!r}; paths are relative to {found.source}"
    ]
    structured = {
        "root": found.source,
        "matchingLines": answer.matching_lines,
        "matchingFiles": answer.matching_files,
        "exact": answer.is_exact,
        **completeness(answer),
    }
    entries: list[Entry] = [
        (safe(f"{file.path}: {file.lines}"), {"path": safe(file.path), "lines": file.lines}) for file in answer.files
    ]
    path = ""
    for line in answer.lines:
        heading = "" if line.path == path else safe(line.path) + "\n"
        path = line.path
        around = [(line.line - len(line.before) + number, "-", text) for number, text in enumerate(line.before)]
        around.append((line.line, ":", line.text))
        around.extend((line.line + number, "-", text) for number, text in enumerate(line.after, 1))
        text = "\n".join(safe(f"{number}{mark} {cut_line(shown)}") for number, mark, shown in around)
        fields = {"path": safe(path), "line": line.line, "column": line.column, "code": safe(cut_line(line.text))}
        entries.append((heading + text, fields))
    return within(first, structured, notes, entries, arguments, cut=answer.cut)
