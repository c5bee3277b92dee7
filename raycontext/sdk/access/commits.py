"""Searches of commits that a `Context` answers, over the history of the repository that a source lies in."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Sequence

from raycontext.actors.coordinator import Coordinator
from raycontext.errors import InvalidInput, NotIndexedYet, RaycontextError, UnknownCollection
from raycontext.models import IndexReport
from raycontext.models.hits import Hits, Searched
from raycontext.sdk.access.refs import RefAccess
from raycontext.sdk.clients.several import answers, in_time
from raycontext.sdk.filters import within_source
from raycontext.search.commits import CommitAnswer, CommitQuestion
from raycontext.search.query import SearchRequest
from raycontext.search.ranking.merge import merged

__all__ = ["CommitAccess", "about_code"]

DEADLINE_SHARE = 0.8
"""Share of the time for a query after which an actor looks at no further commit."""


def about_code() -> InvalidInput:
    """Return the error for a search of commits that is given what is about code."""
    return InvalidInput(
        "A search of commits is given what is about code",
        "Leave out languages, kinds, grep, changed, explain, context and diversity: paths filter the files that "
        "commits touch.",
    )


class CommitAccess(RefAccess):
    """Searches of commits: what `Context.search` needs for them."""

    async def _commits(
        self,
        names: Sequence[str],
        inside: str,
        request: SearchRequest,
        limit: int,
        min_score: float,
        refresh: bool | None,
    ) -> Hits:
        """Return the commits of some collections that answer a query. The arguments are those of `search`.

        inside: only commits count that touch something there. refresh: whether commits that are not indexed yet are
        taken in first. Raises `InvalidInput` for a filter that is about chunks.
        """
        chosen = request.filters
        if chosen.languages or chosen.kinds or chosen.grep or chosen.lines is not None or request.explain:
            raise about_code()
        is_fresh = self._settings.refresh if refresh is None else refresh

        def asked(name: str) -> Awaitable[Hits]:
            return self._commits_of(name, inside, request, limit, min_score, is_fresh)

        # Reading a history has a limit of its own, and goes on with the next search.
        found = answers(names, await in_time(names, asked, math.inf), self._shards_of)
        best = sorted((hit for each in found for hit in each.commits), key=lambda hit: (-hit.score, hit.collection))
        whole = merged(found, 0)
        return Hits(
            shards_answered=whole.shards_answered,
            shards_total=whole.shards_total,
            notes=[note for each in found for note in each.notes],
            searched=whole.searched,
            commits=best[:limit],
        )

    async def _commits_of(
        self, name: str, inside: str, request: SearchRequest, limit: int, min_score: float, refresh: bool
    ) -> Hits:
        """Return the commits of one collection that answer a query."""
        filters = request.filters
        if inside or filters.paths:
            source = (await self._identity(name, None)).source
            filters = await asyncio.to_thread(within_source, filters, source, inside)
        notes = await self._answer_of(name, self._read_history(name)) if refresh else []
        question = CommitQuestion(name, request.text, filters, limit, min_score)
        client = self._client(name)

        async def asked() -> tuple[int, dict[int, CommitAnswer]]:
            timed = question.until(time.time() + DEADLINE_SHARE * self._settings.search_seconds)
            return await client.relate(timed, shards=1)

        version, shards = await self._answer_of(name, client.repeatedly(asked))
        (answer,) = shards.values()
        if not answer.is_whole:
            notes.append(
                f"The time for a query (RAYCONTEXT_SEARCH_SECONDS) was over before all {answer.commits:,} commits of "
                f"'{name}' were looked at: there may be more that touch these paths."
            )
        if not answer.commits and not notes:
            notes = [f"'{name}' has no indexed commits."]
        return Hits(notes=notes, searched=[Searched(collection=name, version=version)], commits=answer.hits)

    async def _with_history(self, report: IndexReport, commits: int) -> IndexReport:
        """Return the report of a run once the history is read too, where its commits are wanted."""
        if commits:
            await self._read_history(report.collection)
        return report

    async def _read_history(self, name: str) -> list[str]:
        """Bring the history of a collection up to date, and return notes on what is missing of it."""
        try:
            history = await (await self._coordinator()).call(Coordinator.read_history, name)
        except (RaycontextError, FileNotFoundError) as error:
            if isinstance(error, NotIndexedYet | UnknownCollection):
                raise
            return [f"The newest commits of '{name}' could not be read. {error}"]
        if history.problem:
            state = "None" if not history.commits else "Only those that were read before"
            return [f"Commits of '{name}': {state.lower()}, since {history.problem}."]
        if not history.complete:
            return [f"{history.commits:,} commits of '{name}' are read so far; the next search of commits goes on."]
        return []
