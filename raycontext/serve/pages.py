"""Pages of hits, as callers ask for them: from which hit on, how many, and within how many tokens."""

from __future__ import annotations

import time

from raycontext.models.hits import Hits
from raycontext.sdk.token_budget import commits_within, surroundings_within, within_budget
from raycontext.serve.messages import Answer, JobState, RelatedQuery, SearchQuery

__all__ = ["page_of"]


def page_of(hits: Hits, asked: SearchQuery | RelatedQuery, indexing: list[JobState], begun: float) -> Answer:
    """Return the page of hits, or of commits, that was asked for.

    hits: those before the page too, and one more than the page can hold where there are more.
    indexing: states of the jobs that run on what was searched.
    begun: time at which the answer was begun, of the clock `time.perf_counter`.
    """
    commits, left_out = commits_within(hits.commits[asked.offset : asked.offset + asked.limit], asked.max_tokens)
    kept, cut = within_budget(hits[asked.offset : asked.offset + asked.limit], asked.max_tokens)
    around, is_cut = surroundings_within(hits.surroundings, kept, asked.max_tokens)
    shown = len(commits or kept)
    following = asked.offset + shown
    return Answer(
        hits=kept,
        commits=commits,
        partial=bool(indexing) or not hits.complete,
        indexing=indexing,
        shards_answered=hits.shards_answered,
        shards_total=hits.shards_total,
        next_offset=following if len(hits.commits or hits) > following and shown else None,
        cut=cut or is_cut or left_out,
        surroundings=around,
        notes=hits.notes,
        version=hits.version,
        age_seconds=hits.age_seconds,
        may_miss_files=hits.may_miss_files,
        searched=hits.searched,
        look_seconds=hits.look_seconds,
        seconds=time.perf_counter() - begun,
    )
