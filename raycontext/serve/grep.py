"""Request for a search by regular expression over every interface, and the answer within its budget."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from raycontext.grep.syntax import MAX_PATTERN_CHARACTERS
from raycontext.relations.grep_answer import GrepAnswer
from raycontext.sdk.access.grep import MAX_CONTEXT_LINES
from raycontext.sdk.arguments import MAX_LIMIT, MAX_OFFSET
from raycontext.serve.messages import CollectionQuery, Names
from raycontext.serve.relation_messages import RelationQuery
from raycontext.serve.relations import fitting, target_of
from raycontext.serve.service import Service

__all__ = ["GrepQuery", "grep"]


class GrepQuery(RelationQuery):
    """Question for the lines that match a regular expression."""

    pattern: str = Field(max_length=MAX_PATTERN_CHARACTERS)
    """Regular expression of one line, in the syntax of ripgrep."""
    ignore_case: bool = False
    """Whether case does not matter."""
    word: bool = False
    """Whether a match must begin and end where a word does."""
    fixed_string: bool = False
    """Whether the pattern is a text and not an expression."""
    output: Literal["lines", "files", "counts"] = "lines"
    """`lines`, `files` for the files that match, or `counts` for these files with their numbers of lines."""
    before: int = Field(default=0, ge=0, le=MAX_CONTEXT_LINES)
    """Number of lines to add before each line."""
    after: int = Field(default=0, ge=0, le=MAX_CONTEXT_LINES)
    """Number of lines to add after each line."""
    limit: int = Field(default=100, ge=1, le=MAX_LIMIT)
    """Largest number of lines or files."""
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET)
    """Number of them to leave out from the start."""
    totals: bool = True
    """Whether all matches are counted. False ends the search at the limit, which is quicker."""
    languages: Names = Field(default_factory=list)
    """Names of languages, such as `python`; empty for all."""
    paths: Names = Field(default_factory=list)
    """Globs in gitignore syntax, of which `!` excludes; empty for all."""
    hidden: bool = False
    """Whether files count whose path has a name that begins with a dot."""


async def grep(service: Service, asked: GrepQuery) -> GrepAnswer:
    """Return the lines that match. Raises what `Context.grep` raises, and `PathNotAllowed`."""
    where = CollectionQuery(collection=asked.collection, path=asked.path, folder=asked.folder)
    given = asked.model_dump(exclude={"collection", "folder", "max_tokens", "ref"}) | {"refresh": False}
    if asked.ref is None:
        name = await service.name_of(where)
    else:
        name, given["path"] = await target_of(service, asked.ref, where)
    service.note_use(name)
    found = await service.contexts.ask(name, asked.refresh, lambda context: context.grep(collection=name, **given))
    lines, is_cut = fitting(found.lines, asked.max_tokens)
    files, are_cut = fitting(found.files, asked.max_tokens)
    return found.model_copy(update={"lines": lines, "files": files, "cut": found.cut or is_cut or are_cut})
