"""The list of a batch: its sources, each with its options. It is read from YAML and validated as a whole."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import xxhash
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from raycontext.discover.commits.log import MOST_COMMITS
from raycontext.discover.rules.globs import check_globs, path_filter
from raycontext.embed.remote.providers import KINDS as REMOTE_KINDS
from raycontext.errors import InvalidInput
from raycontext.index.request import resolved
from raycontext.models.options import RunOptions
from raycontext.sources.git import check_repository, without_password
from raycontext.sources.workplace import Origin
from raycontext.store.collection import check_name

__all__ = ["BatchEntry", "BatchList", "EntryOptions", "read_batch_list"]

MAX_LIST_BYTES = 16 << 20
"""Largest size of a list, in bytes."""
MAX_PROBLEMS_SHOWN = 10
"""Largest number of problems, or of names, that an error message lists."""
_ARCHIVE_ENDINGS = re.compile(r"(\.tar)?\.(tar|tgz|tbz2?|txz|zip|gz|bz2|xz)$", re.IGNORECASE)


def _with_one_name(given: Any) -> Any:
    """Return the options of a source with `shards`, as older lists write, renamed to `num_shards`.

    Raises `ValueError` when both names are given.
    """
    if not isinstance(given, dict) or "shards" not in given:
        return given
    if "num_shards" in given:
        raise ValueError("give num_shards or shards, not both")
    return {"num_shards" if name == "shards" else name: value for name, value in given.items()}


class EntryOptions(RunOptions):
    """Options of one source, or of all sources (`defaults`): those of an index run, and how the source is fetched.

    The folder in the name of an embedder is relative to the list.
    """

    priority: int = 0
    """Sources with a higher priority begin first. Those with equal priority begin in the order of the list."""
    fetch_seconds: float = Field(default=600.0, gt=0, allow_inf_nan=False)
    """Longest time that git may take to fetch this source, in seconds."""
    history: int = Field(default=0, ge=0, le=MOST_COMMITS)
    """Number of commits that are fetched of a git repository and indexed for searches of commits. 0: none are fetched;
    those of a folder are read by the first search of commits."""

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, given: Any) -> Any:
        return _with_one_name(given)


class BatchEntry(EntryOptions):
    """One source, which is exactly one of `folder`, `git` and `archive`, and its collection."""

    collection: str = ""
    """Name of the collection. The default is made from the name of the source."""
    folder: str | None = None
    """Path of a folder that is indexed where it is."""
    git: str | None = None
    """URL of a git repository. It is fetched without history into the working folder."""
    archive: str | None = None
    """Path of a tar file, compressed or not, or of a zip file. It is extracted into the working folder."""
    ref: str = ""
    """Branch, tag or commit of a git repository. The default is the repository's default branch."""
    strip: int = Field(default=0, ge=0, le=100)
    """Number of leading parts that are cut off the names in an archive."""
    subfolder: str = ""
    """Path within the source of the only folder to index; empty for the whole source."""

    @model_validator(mode="after")
    def _is_one_source(self) -> Self:
        """Raise `ValueError` unless the entry has exactly one source and options that fit it."""
        given = [kind for kind in ("folder", "git", "archive") if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of folder, git and archive, not {' and '.join(given) or 'none'}")
        if not getattr(self, given[0]):
            raise ValueError(f"{given[0]} is empty")
        if self.ref and self.git is None:
            raise ValueError("ref is for git only")
        if self.strip and self.archive is None:
            raise ValueError("strip is for archives only")
        if os.path.isabs(self.subfolder) or ".." in Path(self.subfolder).parts:  # noqa: PTH117
            raise ValueError("subfolder must be a relative path within the source")
        try:
            if self.git is not None:
                check_repository(self.git, self.ref)
            if self.collection:
                check_name(self.collection)
            resolved(self)
        except InvalidInput as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def name(self) -> str:
        """Name of the collection, as given or made from the name of the source."""
        if self.collection:
            return self.collection
        source = (self.folder or self.git or self.archive or "").replace(os.sep, "/").rstrip("/")
        last = source.replace(":", "/").rpartition("/")[2]
        if self.git is not None:
            last = last.removesuffix(".git")
        elif self.archive is not None:
            last = _ARCHIVE_ENDINGS.sub("", last)
        return re.sub(r"[^a-z0-9._-]+", "-", last.lower()).strip("-._")[:80] or "root"

    @property
    def shown_source(self) -> str:
        """Source as messages and records show it, without passwords."""
        source = self.folder or (without_password(self.git) if self.git else self.archive) or ""
        return f"{source}@{self.ref}" if self.ref else source

    @property
    def origin(self) -> Origin | None:
        """Where the source is fetched from; None for a folder."""
        if self.git is not None:
            return Origin("git", self.git, ref=self.ref, seconds=self.fetch_seconds, history=self.history)
        if self.archive is not None:
            return Origin("archive", self.archive, strip=self.strip)
        return None


class BatchList(BaseModel):
    """List of sources to reindex as one job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: tuple[BatchEntry, ...] = Field(min_length=1)
    """Sources with their options, at least one."""
    concurrency: int = Field(default=4, ge=1, le=1000)
    """Number of sources that are fetched or indexed at the same time."""
    work: str | None = None
    """Folder into which repositories and archives are fetched. Every node must see it.

    The default is below the root.
    """

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, given: Any) -> Any:
        """Put the options in `defaults` into each source that does not set them itself."""
        if not isinstance(given, dict) or "defaults" not in given:
            return given
        rest = {name: value for name, value in given.items() if name != "defaults"}
        defaults = EntryOptions.model_validate(given["defaults"] or {})
        common = defaults.model_dump(exclude_unset=True)
        sources = rest.get("sources")
        if isinstance(sources, (list, tuple)):
            rest["sources"] = [
                {**common, **_with_one_name(source)} if isinstance(source, dict) else source for source in sources
            ]
        return rest

    @model_validator(mode="after")
    def _has_each_collection_once(self) -> Self:
        """Raise `ValueError` when two sources have one collection."""
        counts = Counter(entry.name for entry in self.sources)
        for name, count in counts.items():
            if count > 1:
                places = [f"sources[{number}]" for number, entry in enumerate(self.sources) if entry.name == name]
                raise ValueError(f"{' and '.join(places)} both are the collection '{name}'; give one a `collection`")
        return self

    @property
    def in_order(self) -> list[BatchEntry]:
        """Sources in the order in which they begin."""
        return sorted(self.sources, key=lambda entry: -entry.priority)

    def selected(self, only: Iterable[str]) -> BatchList:
        """Return the list with only the sources whose collection matches one of the patterns (`*`, `?`, `[…]`).

        Without patterns, the whole list is returned. Raises `InvalidInput` when a pattern is not a glob or matches no
        collection.
        """
        patterns = tuple(only)
        check_globs("only", patterns)
        for pattern in patterns:
            if not any(map(path_filter([pattern], ()), (entry.name for entry in self.sources))):
                names = ", ".join(entry.name for entry in self.sources[:MAX_PROBLEMS_SHOWN])
                raise InvalidInput(f"No source of the list is like '{pattern}'", f"There are: {names}.")
        if not patterns:
            return self
        wanted = path_filter(patterns, ())
        kept = tuple(entry for entry in self.sources if wanted(entry.name))
        return self.model_copy(update={"sources": kept})

    def encode(self) -> bytes:
        """Return the list as canonical JSON. Equal lists give equal bytes, and `read_batch_list` can read them."""
        body = self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()

    def identity(self, root: str) -> str:
        """Return 16 hexadecimal digits that identify the work of this list on a root. `concurrency` does not count."""
        work = {**json.loads(self.encode()), "concurrency": None, "root": root}
        return xxhash.xxh3_64_hexdigest(json.dumps(work, sort_keys=True).encode())


def read_batch_list(path: str | os.PathLike[str]) -> BatchList:
    """Read and validate a list in YAML or JSON. Relative paths in it are relative to its folder.

    Raises `InvalidInput`, which names the entries that are wrong.
    """
    place = Path(path)
    try:
        if place.stat().st_size > MAX_LIST_BYTES:
            raise InvalidInput(f"{place} is larger than {MAX_LIST_BYTES} bytes", "Split the list.")
        loaded = yaml.safe_load(place.read_bytes())
    except OSError as error:
        raise InvalidInput(f"{place} cannot be read ({error.strerror})", "Give a list of sources in YAML.") from error
    except yaml.YAMLError as error:
        told = " ".join(str(error).split())
        raise InvalidInput(f"{place} is not YAML: {told[:300]}", "Correct it.") from error
    except RecursionError as error:
        raise InvalidInput(f"{place} is nested too deeply", "Give a list of sources in YAML.") from error
    if not isinstance(loaded, dict):
        raise InvalidInput(f"{place} is no list of sources", "It begins with `sources:`, then `- git: URL`, ….")
    try:
        batch = BatchList.model_validate(loaded)
    except ValidationError as error:
        raise InvalidInput(f"{place}: {'; '.join(_problems(error, loaded))}", "Correct the list.") from error
    return _with_absolute_paths(batch, place.absolute().parent)


def _problems(error: ValidationError, loaded: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each problem, up to `MAX_PROBLEMS_SHOWN`, with the entry that it concerns."""
    problems = error.errors()
    for problem in problems[:MAX_PROBLEMS_SHOWN]:
        place = list(problem["loc"])
        label = ""
        if len(place) > 1 and place[0] == "sources" and isinstance(place[1], int):
            label = _entry_label(loaded["sources"], place[1])
            place = place[2:]
        message = problem["msg"].removeprefix("Value error, ")
        yield ": ".join(part for part in (label, ".".join(map(str, place)), message) if part)
    if len(problems) > MAX_PROBLEMS_SHOWN:
        yield f"and {len(problems) - MAX_PROBLEMS_SHOWN} more"


def _entry_label(sources: Any, number: int) -> str:
    """Return a label for an entry: its number, from 0, and its collection or source, without passwords."""
    entry = sources[number]
    if isinstance(entry, dict):
        for field in ("collection", "folder", "git", "archive"):
            if isinstance(entry.get(field), str):
                return f"sources[{number}] ({without_password(entry[field])[:100]})"
    return f"sources[{number}]"


def _with_absolute_paths(batch: BatchList, base: Path) -> BatchList:
    """Return the list with all paths made absolute. Relative ones are relative to `base`."""

    def absolute(path: str) -> str:
        return os.path.normpath(base / os.path.expanduser(path))  # noqa: PTH111 - any name is a name

    def entry_of(entry: BatchEntry) -> BatchEntry:
        changes: dict[str, str] = {
            kind: absolute(path) for kind in ("folder", "archive") if (path := getattr(entry, kind)) is not None
        }
        kind, separator, folder = (entry.embedder or "").partition(":")
        if separator and folder and kind not in REMOTE_KINDS:
            changes["embedder"] = f"{kind}:{absolute(folder)}"
        return entry.model_copy(update=changes)

    work = absolute(batch.work) if batch.work is not None else None
    return batch.model_copy(update={"sources": tuple(map(entry_of, batch.sources)), "work": work})
