"""Requests about relations, over every interface. Their answers are those of the SDK."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from raycontext.sdk.access.map import DEFAULT_MAP_TOKENS
from raycontext.sdk.access.relations import MAX_DEPTH
from raycontext.sdk.arguments import MAX_LIMIT, MAX_OFFSET, MAX_QUERY_CHARACTERS
from raycontext.serve.messages import MAX_TOKENS, Name, Names, Path, PathInSource, Query, Ref

__all__ = [
    "CalleesQuery",
    "CallersQuery",
    "DiffQuery",
    "ImpactQuery",
    "MapQuery",
    "OutlineQuery",
    "PathQuery",
    "RelationQuery",
    "UsagesQuery",
]

UseKind = Literal["call", "construction", "inheritance", "import", "type", "mention"]
TargetText = Annotated[str, Field(min_length=1, max_length=4600, pattern=r"\S")]


class RelationQuery(Query):
    """Place where relations are looked for, which all questions about them have."""

    collection: Name | None = None
    """Name of the collection."""
    path: Path | None = None
    """Absolute path of a place in an indexed folder: it chooses the collection, and places outside are left out."""
    folder: Path | None = None
    """Current folder of the caller. The collection that indexes it is asked where nothing else says which."""
    ref: Ref | None = None
    """Branch, tag or commit of the repository to ask in place of the folder. It is indexed first if it never was."""
    max_tokens: int | None = Field(default=None, ge=1, le=MAX_TOKENS)
    """Budget of the answer, at 3.5 bytes a token. What does not fit is left out."""
    refresh: bool | None = None
    """Whether to look for changes of the source first. Null takes the daemon's setting."""


class _OneTarget(RelationQuery):
    """Question about one definition."""

    target: TargetText
    """A name, a name with its type or module (`Server.run`), or PATH:LINE of a definition."""
    limit: int = Field(default=50, ge=1, le=MAX_LIMIT)
    """Largest number of places or definitions."""
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET)
    """Number of them to leave out from the start."""


class CalleesQuery(_OneTarget):
    """Question for what a definition calls."""


class CallersQuery(_OneTarget):
    """Question for what calls a definition."""

    languages: Names = Field(default_factory=list)
    """Names of languages, such as `python`; empty for all."""
    paths: Names = Field(default_factory=list)
    """Globs in gitignore syntax, of which `!` excludes; empty for all."""


class UsagesQuery(CallersQuery):
    """Question for every place that uses a definition."""

    uses: list[UseKind] = Field(default_factory=list, max_length=6)
    """Kinds of use that count; empty for all."""
    mentions: bool = False
    """Whether places in comments, strings and prose are added."""


class ImpactQuery(CallersQuery):
    """Question for everything that reaches a definition through calls."""

    depth: int = Field(default=3, ge=1, le=MAX_DEPTH)
    """Largest number of calls between the two."""


class PathQuery(RelationQuery):
    """Question for a shortest chain of calls."""

    start: TargetText
    """Definition that the chain begins at: a name or PATH:LINE."""
    goal: TargetText
    """Definition that it ends at."""


class DiffQuery(Query):
    """Question for the definitions that differ between two commits."""

    before: Ref
    """Branch, tag or commit that is compared."""
    after: Ref
    """Branch, tag or commit that it is compared with."""
    query: str = Field(min_length=1, max_length=MAX_QUERY_CHARACTERS, pattern=r"\S")
    """What they are to be about: a question, words, or a symbol."""
    collection: Name | None = None
    """Name of the collection of the repository's folder."""
    path: Path | None = None
    """Absolute path of a place in the repository: it chooses that, and what lies outside is left out."""
    folder: Path | None = None
    """Current folder of the caller, whose repository is meant where nothing else says which."""
    limit: int = Field(default=20, ge=1, le=MAX_LIMIT)
    """Largest number of definitions."""
    languages: Names = Field(default_factory=list)
    """Names of languages, such as `python`; empty for all."""
    paths: Names = Field(default_factory=list)
    """Globs in gitignore syntax, of which `!` excludes; empty for all."""
    kinds: Names = Field(default_factory=list)
    """Kinds of definitions that count, such as `function`; empty for all."""
    max_tokens: int | None = Field(default=None, ge=1, le=MAX_TOKENS)
    """Budget of the answer, at 3.5 bytes a token. What does not fit is left out."""


class MapQuery(Query):
    """Question for the most important definitions of a file or folder."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {"path": {"pattern": "^/"}}, "required": ["path"]},
                {"properties": {"collection": {"type": "string"}}, "required": ["collection"]},
            ]
        }
    )

    path: PathInSource = "."
    """Path of the file or folder: absolute or, with `collection`, relative to the folder of that; "." is all of it."""
    collection: Name | None = None
    """Name of the collection that has it."""
    ref: Ref | None = None
    """Branch, tag or commit of the repository to ask in place of the folder. It is indexed first if it never was."""
    limit: int = Field(default=200, ge=1, le=MAX_LIMIT)
    """Largest number of definitions."""
    max_tokens: int = Field(default=DEFAULT_MAP_TOKENS, ge=1, le=MAX_TOKENS)
    """Budget of the definitions, at 3.5 bytes a token. What does not fit is left out."""
    languages: Names = Field(default_factory=list)
    """Names of languages, such as `python`; empty for all."""
    paths: Names = Field(default_factory=list)
    """Globs in gitignore syntax, of which `!` excludes; empty for all."""
    kinds: Names = Field(default_factory=list)
    """Kinds of definitions that count, such as `function`; empty for all but constants and test blocks."""
    refresh: bool | None = None
    """Whether to look for changes of the source first. Null takes the daemon's setting."""


class OutlineQuery(Query):
    """Question for the definitions of a file or folder."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {"path": {"pattern": "^/"}}},
                {"properties": {"collection": {"type": "string"}}, "required": ["collection"]},
            ]
        }
    )

    path: PathInSource
    """Path of the file or folder: absolute or, with `collection`, relative to the folder of that."""
    collection: Name | None = None
    """Name of the collection that has it."""
    ref: Ref | None = None
    """Branch, tag or commit of the repository to ask in place of the folder. It is indexed first if it never was."""
    limit: int = Field(default=200, ge=1, le=MAX_LIMIT)
    """Largest number of definitions."""
    offset: int = Field(default=0, ge=0, le=MAX_OFFSET)
    """Number of definitions to leave out from the start."""
    languages: Names = Field(default_factory=list)
    """Names of languages, such as `python`; empty for all."""
    paths: Names = Field(default_factory=list)
    """Globs in gitignore syntax, of which `!` excludes; empty for all."""
    kinds: Names = Field(default_factory=list)
    """Kinds of definitions that count, such as `function`; empty for all, without the constants of a folder's files."""
    max_tokens: int | None = Field(default=None, ge=1, le=MAX_TOKENS)
    """Budget of the answer, at 3.5 bytes a token. What does not fit is left out."""
    refresh: bool | None = None
    """Whether to look for changes of the source first. Null takes the daemon's setting."""
