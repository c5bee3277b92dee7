"""Rows and digests that exist already, as the driver of an index run has them found and brought over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from raycontext.actors.metrics import add
from raycontext.actors.pulled_rows import PulledRows, Run
from raycontext.actors.vector_store import VectorStoreActor
from raycontext.discover.commits.names import is_source_of_commit
from raycontext.index.planning import instructions
from raycontext.index.reuse import reuse
from raycontext.index.reuse.known_digests import known_digests
from raycontext.index.reuse.publications import PulledOptions
from raycontext.index.work import stages
from raycontext.models import FileDigest, FileStat
from raycontext.models.options import RunOptions
from raycontext.runtime.base import ActorHandle
from raycontext.store.collection import CollectionIdentity, Location
from raycontext.store.known_files import KnownFiles
from raycontext.store.vector_store import CollectionState

__all__ = ["Reuse"]


class Reuse:
    """Finder and carrier of rows that exist, for one index run."""

    def __init__(
        self,
        store: ActorHandle[VectorStoreActor],
        run: Run,
        location: Location,
        identity: CollectionIdentity,
        options: RunOptions,
    ) -> None:
        self._store = store
        self._run = run
        self._location = location
        self._identity = identity
        self._options = options
        self.pulled = PulledRows(location, options) if isinstance(options, PulledOptions) else None
        """What the run takes over from a publication; None where it is not asked to."""
        self._digests: asyncio.Task[dict[str, FileDigest]] | None = None

    async def hashed(self, files: Sequence[FileStat], max_file_bytes: int) -> list[FileDigest]:
        """Return the digests of files, in this order. Those of a commit that are known are not read."""
        source = self._identity.source
        if not is_source_of_commit(source):
            digests: list[FileDigest] = await self._run(stages.hash_files, source, files, max_file_bytes)
            return digests
        if self._digests is None:
            work = self._run(known_digests, source, self._location, max_file_bytes)
            self._digests = asyncio.create_task(work)
        known = await asyncio.shield(self._digests)
        rest = [file for file in files if file.path not in known]
        read = await self._run(stages.hash_files, source, rest, max_file_bytes) if rest else []
        by_path = known | {digest.path: digest for digest in read}
        return [by_path[file.path] for file in files]

    async def carry_out(
        self, instruction: instructions.FindKnown | instructions.ReuseFiles, state: CollectionState
    ) -> instructions.Event:
        """Find rows or bring them over, and return the event. Raises what the stages in `index.reuse` raise."""
        if isinstance(instruction, instructions.FindKnown):
            return instructions.Found(instruction, await self._known(instruction.files, state))
        source, files, known = self._identity.source, instruction.files, instruction.known
        foreign = self.pulled.foreign if self.pulled else ""
        batch = await self._run(reuse.reuse_files, source, self._location, files, known, state.options, foreign)
        if self.pulled:
            self.pulled.note_taken(batch)
        add("raycontext_reused_files_total", len(batch.entries), collection=self._identity.name)
        return instructions.Reused(instruction, batch)

    async def _known(self, files: Sequence[tuple[FileStat, bytes]], state: CollectionState) -> list[KnownFiles]:
        """Return where rows of files lie: in this collection, else in its earlier versions and in other collections.

        A few files are parsed sooner than other collections are searched.
        """
        wanted = [(file.path, digest) for file, digest in files]
        known = await self._store.call(VectorStoreActor.known, state.options, wanted)
        found = {place for entry in known for place in entry.places}
        places = [place for place in range(len(files)) if place not in found]
        is_searched = reuse.is_searched_for(len(places), state.version, self._options.fork_from)
        if not places or not (is_searched or self.pulled):
            return known
        more: list[KnownFiles] = await self._run(
            reuse.find_known_files,
            self._identity.source,
            self._location,
            state.options,
            [wanted[place] for place in places],
            self._options.fork_from,
            self._options.fork is not False,
        )
        known = [*known, *_placed(more, places)]
        if self.pulled is None:
            return known
        found = {place for entry in known for place in entry.places}
        places = [place for place in range(len(files)) if place not in found]
        return [*known, *_placed(await self.pulled.fetch(self._run, [wanted[place] for place in places]), places)]


def _placed(known: Sequence[KnownFiles], places: Sequence[int]) -> list[KnownFiles]:
    """Return known files whose places lead to a part of a sequence, so that they lead to all of it: `places` says where
    the part stands there."""
    return [entry._replace(places=tuple(places[place] for place in entry.places)) for entry in known]
