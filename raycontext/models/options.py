"""Options of an index run: one value that every interface builds and hands on whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

from raycontext.models import IndexOptions

__all__ = ["Globs", "RunOptions"]

MAX_NAME_CHARACTERS = 4096
"""Largest number of characters in the name of an embedder, which may hold a path."""


def _listed(value: Any) -> Any:
    """Return a lone string as a list of one, and any other collection of values as a tuple."""
    if value is None:
        return None
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Iterable) or isinstance(value, bytes | Mapping):
        raise PydanticCustomError("globs", "Input should be a list of globs")
    return tuple(value)


Globs = Annotated[tuple[Annotated[StrictStr, Field(min_length=1)], ...], BeforeValidator(_listed)]


class RunOptions(BaseModel):
    """Options of one index run, as every interface offers them. None keeps what the collection was built with, or takes
    the default for a new collection. Make one with `raycontext.index.request.run_options`, which checks all of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    include: Globs | None = None
    """Globs in gitignore syntax, relative to the source: only files that match one of them are indexed. An empty list
    lifts the restriction."""
    exclude: Globs | None = None
    """Globs in gitignore syntax, relative to the source: files that match one of them are left out, beyond what ignore
    files leave out. An empty list lifts the restriction."""
    secrets: StrictBool | None = None
    """Whether files with keys and tokens are indexed; a change rebuilds the collection."""
    language_of: Globs | None = None
    """Entries GLOB=LANGUAGE, such as `*.inc=php`: files that match the glob have the language, whatever their names and
    contents say. The last entry that matches counts; a change rebuilds the collection. An empty list removes them."""
    max_file_bytes: StrictInt | None = Field(default=None, ge=1)
    """Size in bytes beyond which a file is left out."""
    num_shards: StrictInt | None = Field(default=None, ge=1, le=4096)
    """Number of shards of the collection; another number rebuilds it."""
    embedder: StrictStr | None = Field(default=None, min_length=1, max_length=MAX_NAME_CHARACTERS)
    """Name of the embedder, see `raycontext.embed.registry.embedder_for`; another one rebuilds the collection."""
    fork: StrictBool | None = None
    """False: no rows are taken from other collections. Else files that another collection of the root holds with the
    same path and content are not parsed again; the index is the same in either case."""
    fork_from: StrictStr | None = Field(default=None, min_length=1, max_length=MAX_NAME_CHARACTERS)
    """Name of the only collection from which rows are taken. A new collection also begins with its options. It is an
    error where rows cannot be taken from it."""
    max_embedding_tokens: StrictInt | None = Field(default=None, ge=0)
    """Number of tokens of an embedding server that the run may use; it stops before it would use more."""
    retry_quarantined: StrictBool | None = None
    """Whether this run tries the files in quarantine again, although their contents have not changed."""

    def given(self) -> dict[str, Any]:
        """Return the options that are set, by name."""
        return {name: value for name in RunOptions.model_fields if (value := getattr(self, name)) is not None}

    def of_later_runs(self) -> RunOptions:
        """Return the options that a further run has to be told again: the collection keeps all others."""
        return RunOptions(max_embedding_tokens=self.max_embedding_tokens, fork=self.fork)

    def applied_to(self, options: IndexOptions) -> IndexOptions:
        """Return the options of a collection that had `options` before this run."""
        changes = {name: value for name, value in self.given().items() if name in IndexOptions.model_fields}
        return options.model_copy(update=changes)
