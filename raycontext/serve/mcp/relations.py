"""Answers of the tools `find_usages` and `outline`, as text or as structured content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raycontext.errors import InvalidInput
from raycontext.models import CollectionSummary
from raycontext.relations.values import Called, Chain, Definition, Impact, OutlineEntry, Reached, Relations, UseSite
from raycontext.sdk.token_budget import BYTES_PER_TOKEN
from raycontext.serve.mcp.answers import ENVELOPE_BYTES, ToolAnswer, completeness, notes_on_shards, sent_bytes
from raycontext.serve.relation_messages import (
    CalleesQuery,
    CallersQuery,
    ImpactQuery,
    MapQuery,
    OutlineQuery,
    PathQuery,
    UsagesQuery,
)
from raycontext.serve.relations import callees, callers, chain, code_map, impact, outline, usages
from raycontext.serve.service import Service
from raycontext.text.cuts import cut_line
from raycontext.text.safe import safe

__all__ = ["Entry", "find_usages", "outline_of", "within"]

Entry = tuple[str, dict[str, Any]]
"""An entry of an answer, as text and as structured content."""


async def find_usages(service: Service, found: CollectionSummary, arguments: dict[str, Any], place: str) -> ToolAnswer:
    """Return the answer of the tool. Raises what the questions of the service raise, and `InvalidInput`."""
    symbol, line, relation = arguments.get("symbol"), arguments.get("line"), arguments["relation"]
    goal = arguments.get("goal")
    if (symbol is None) == (line is None):
        raise InvalidInput(
            "find_usages needs a symbol, or a line of the file at path, and not both",
            "Pass symbol: 'SessionStore.load', or path: a file and line: a line of the definition.",
        )
    if (goal is None) == (relation == "path"):
        raise InvalidInput("goal belongs to the relation 'path', which needs it", "Pass both, or neither.")
    target = symbol if symbol is not None else f"{place}:{line}"
    asked: dict[str, Any] = {"collection": found.name, "ref": arguments.get("ref")}
    if symbol is not None and place != found.source:
        asked["path"] = place
    if goal is not None:
        return _told_chain(await chain(service, PathQuery(**asked, start=target, goal=goal)), found, arguments)
    asked |= {"target": target, "limit": arguments["limit"]}
    entries: list[Entry]
    answer: Relations | Impact
    if relation == "usages":
        uses = answer = await usages(service, UsagesQuery(**asked))
        entries = [_use(use) for use in uses.uses]
        least = "" if uses.is_exact else "at least "
        counts = f"{least}{uses.certain} certain and {uses.possible} possible uses"
    elif relation == "impact":
        reached = answer = await impact(service, ImpactQuery(**asked))
        entries = [_reached(one) for one in (*reached.reached, *reached.tests)]
        counts = f"{len(reached.reached)} definitions and {len(reached.tests)} tests reach it"
    else:
        called = answer = await (
            callers(service, CallersQuery(**asked))
            if relation == "callers"
            else callees(service, CalleesQuery(**asked))
        )
        entries = [_called(one) for one in called.called]
        counts = f"{len(called.called)} {relation}"
    notes = [*notes_on_shards(answer), *answer.notes]
    if isinstance(answer, Impact) and answer.not_followed:
        notes.append(f"Not followed, since too many definitions have the name: {', '.join(answer.not_followed)}.")
    if not answer.definitions:
        notes.append("No definition of this name is indexed. search_code finds names by meaning.")
    elif not entries:
        notes.append("Nothing else uses it in the index. grep_code finds the exact text of a string.")
    structured = {
        "root": found.source,
        "relation": relation,
        "symbol": safe(answer.name),
        "definitions": [_definition(one) for one in answer.definitions[:20]],
        **completeness(answer),
    }
    first = [f"{counts}: '{answer.name}' in {found.source}"]
    first.extend(f"defined at {_place(one)}" for one in answer.definitions[:20])
    return within(first, structured, notes, entries, arguments, cut=answer.cut)


def _told_chain(answer: Chain, found: CollectionSummary, arguments: dict[str, Any]) -> ToolAnswer:
    """Return the answer for a chain of calls."""
    start, goal = arguments.get("symbol") or f"line {arguments.get('line')}", arguments["goal"]
    notes = [*notes_on_shards(answer), *answer.notes]
    if not answer.steps:
        notes.append("No chain of calls is known. Ask for callers of the goal, or callees of the start, step by step.")
    elif not answer.certain:
        notes.append("Some call of the chain is only possible: what only types could tell.")
    structured = {
        "root": found.source,
        "relation": "path",
        "symbol": safe(start),
        "definitions": [],
        **completeness(answer),
    }
    first = [f"{len(answer.steps)} steps from '{start}' to '{goal}' in {found.source}; each calls the next"]
    entries = [(safe(f"{number}. {_place(one)}"), _definition(one)) for number, one in enumerate(answer.steps, 1)]
    return within(first, structured, notes, entries, arguments, cut=answer.cut)


async def outline_of(service: Service, found: CollectionSummary, arguments: dict[str, Any], place: str) -> ToolAnswer:
    """Return the answer of the tool `outline`. Raises what `relations.outline` raises."""
    kinds, limit = arguments.get("kinds", []), arguments["limit"]
    if arguments["map"]:
        return await _map_of(service, found, arguments, place)
    asked = OutlineQuery(collection=found.name, path=place, ref=arguments.get("ref"), kinds=kinds, limit=limit)
    answer = await outline(service, asked)
    notes = [*notes_on_shards(answer), *answer.notes]
    if answer.constants:
        notes.append(f"{answer.constants} constants are left out: pass kinds ['constant'], or the path of a file.")
    if not answer.definitions:
        notes.append("No definitions are indexed here. search_code finds text that is in no definition.")
    structured = {
        "root": found.source,
        "files": answer.files,
        **completeness(answer),
    }
    first = [f"{len(answer.definitions)} definitions in {place}; paths are relative to {found.source}"]
    entries: list[Entry] = []
    path = ""
    for one in answer.definitions:
        heading = "" if one.path == path else safe(one.path) + "\n"
        entries.append((heading + _outlined(one), {**_definition(one), "documentation": safe(one.documentation)}))
        path = one.path
    return within(first, structured, notes, entries, arguments, cut=answer.cut)


async def _map_of(service: Service, found: CollectionSummary, arguments: dict[str, Any], place: str) -> ToolAnswer:
    """Return the answer of the tool `outline` for a map."""
    limit, max_tokens = arguments["limit"], arguments["maxTokens"]
    asked = MapQuery(
        collection=found.name,
        path=place,
        ref=arguments.get("ref"),
        kinds=arguments.get("kinds", []),
        limit=limit,
        max_tokens=max_tokens,
    )
    answer = await code_map(service, asked)
    notes = [*notes_on_shards(answer), *answer.notes]
    if not answer.definitions:
        notes.append("No definitions are indexed here. search_code finds text that is in no definition.")
    structured = {"root": found.source, "files": answer.files, **completeness(answer)}
    first = [f"{len(answer.definitions)} most important definitions in {place}, best first, as path:line signature"]
    entries = [
        (
            safe(f"{one.path}:{one.line} {one.signature or one.name}{told}"),
            {**_definition(one), "signature": safe(one.signature), "documentation": safe(one.documentation)},
        )
        for one in answer.definitions
        for told in [f": {one.documentation}" if one.documentation else ""]
    ]
    return within(first, structured, notes, entries, arguments, cut=answer.cut)


def _outlined(one: OutlineEntry) -> str:
    told = f": {one.documentation}" if one.documentation else ""
    return safe(f"{'  ' * (one.depth + 1)}{one.line}-{one.end_line} {one.kind} {one.name}{told}")


def within(
    first: Sequence[str],
    structured: dict[str, Any],
    notes: Sequence[str],
    entries: Sequence[Entry],
    arguments: dict[str, Any],
    *,
    cut: bool,
) -> ToolAnswer:
    """Return an answer with as many entries as fit into the budget of a call's arguments, in the form that they ask."""
    max_tokens, as_json = arguments["maxTokens"], arguments.get("format") == "json"
    safe_notes = [safe(note) for note in notes]
    lines = [safe(line) for line in first[:1]] if as_json else [*map(safe, first), *safe_notes]
    left = max_tokens * BYTES_PER_TOKEN - ENVELOPE_BYTES - sent_bytes("\n".join(lines))
    left -= sent_bytes({**structured, "notes": safe_notes}) if as_json else 0
    results: list[dict[str, Any]] = []
    for text, fields in entries:
        left -= sent_bytes(fields) + 1 if as_json else sent_bytes(text)
        if left < 0 and results:
            break
        if not as_json:
            lines.append(text)
        results.append(fields)
    omitted = len(entries) - len(results)
    if as_json:
        answer = {**structured, "results": results, "omitted": omitted, "notes": safe_notes}
        return ToolAnswer("\n".join(lines), answer)
    if omitted or cut:
        lines.append("More was left out to keep within the limits: raise limit or maxTokens, or narrow the path.")
    return ToolAnswer("\n".join(lines), named={**structured, "results": results})


def _use(use: UseSite) -> Entry:
    inside = f" in {use.enclosing}" if use.enclosing else ""
    sure = "" if use.certainty == "certain" else " (possible)"
    text = safe(f"{use.path}:{use.line} {use.kind}{sure}{inside}: {cut_line(use.text)}")
    return text, {
        "path": safe(use.path),
        "line": use.line,
        "kind": use.kind,
        "certainty": use.certainty.value,
        "enclosing": safe(use.enclosing),
        "code": safe(cut_line(use.text)),
    }


def _called(one: Called) -> Entry:
    lines = [use.line for use in one.calls]
    sure = "" if one.certainty == "certain" else " (possible)"
    whom = _place(one.definition) if one.definition else f"{one.path} at top level"
    text = safe(f"{whom}{sure}, calls at {', '.join(map(str, dict.fromkeys(lines)))}")
    named = _definition(one.definition) if one.definition else {"path": safe(one.path)}
    return text, {**named, "certainty": one.certainty.value, "calls": lines}


def _reached(one: Reached) -> Entry:
    sure = "" if one.certainty == "certain" else " (possible)"
    test = "test " if one.definition.test else ""
    text = safe(f"{one.depth}. {test}{_place(one.definition)}{sure} through {one.through}")
    return text, {**_definition(one.definition), "certainty": one.certainty.value, "depth": one.depth}


def _place(one: Definition) -> str:
    name = f"{one.scope} > {one.name}" if one.scope else one.name
    return f"{one.path}:{one.line} {one.kind} {name}"


def _definition(one: Definition) -> dict[str, Any]:
    return {
        "path": safe(one.path),
        "line": one.line,
        "endLine": one.end_line,
        "kind": one.kind,
        "name": safe(one.name),
        "scope": safe(one.scope),
        "test": one.test,
    }
