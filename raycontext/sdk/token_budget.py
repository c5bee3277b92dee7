"""Budget of an answer in tokens of a language model. All interfaces use it, so that a hit is cut alike in each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from raycontext.models import CommitHit, Hit
from raycontext.models.hits import Surrounding
from raycontext.text.cuts import Cut, begin_of_part, cut_text

__all__ = [
    "BYTES_PER_TOKEN",
    "OVERHEAD_TOKENS",
    "Budget",
    "commits_within",
    "surroundings_within",
    "tokens_of",
    "within_budget",
]

BYTES_PER_TOKEN = 3.5
"""Number of bytes of source code that count as one token of a language model, about."""
OVERHEAD_TOKENS = 8
"""Number of tokens that an entry of an answer takes beside its texts."""
LARGEST_SHARE = 0.3
"""Largest share of the budget for the text of one hit among several, so that no long text leaves out all others."""
SMALLEST_TOKENS = 60
"""Number of tokens below which the text of a further hit is not begun."""


def tokens_of(text: str) -> int:
    """Return about how many tokens a text has, rounded up."""
    return -int(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)


def _utf8_bytes(text: str) -> int:
    return len(text.encode(errors="replace"))


class Budget:
    """What is left of a budget while the texts of an answer are taken one after the other, best first."""

    def __init__(self, max_tokens: int, hits: int, size: Callable[[str], int] = _utf8_bytes) -> None:
        """Begin with `max_tokens` tokens for the texts of `hits` hits.

        size: function that returns how many bytes a text takes in the answer.
        """
        self._size = size
        self._left = int(max_tokens * BYTES_PER_TOKEN)
        self._smallest = int(SMALLEST_TOKENS * BYTES_PER_TOKEN)
        self._most = max(int(self._left * max(LARGEST_SHARE, 1.0 / max(hits, 1))), self._smallest)
        self._is_first = True

    def spend(self, size: int) -> None:
        """Count bytes that are sent in any case."""
        self._left -= size

    def has_room(self, size: int) -> bool:
        """Return whether so many bytes are left, and count them if so."""
        if size > self._left:
            return False
        self.spend(size)
        return True

    def take(self, text: str, around: int = 0, match: int = 0) -> Cut | None:
        """Return as much of the text of a hit as fits; None once nothing more fits.

        around: number of bytes that are sent with it. match: place of a character that is to be shown. The first hit is
        always shown, and be it one character.
        """
        room = self._left - around
        if not self._is_first and room < min(self._smallest, self._size(text)):
            return None
        self._is_first = False
        shown = self._fitting(text, min(room, self._most), match)
        self.spend(around + self._size(shown.text))
        return shown

    def _fitting(self, text: str, room: int, match: int) -> Cut:
        """Return the part of a text that takes at most `room` bytes and has the character at `match`."""
        if self._size(text) <= room:
            return Cut(text, False, 0)
        head = self._beginning(text, room)
        begin = begin_of_part(text, len(head), len(head), match)
        return Cut(self._beginning(text[begin:], room), True, begin) if begin else Cut(head, True, 0)

    def _beginning(self, text: str, room: int) -> str:
        """Return the beginning of a text that takes at most `room` bytes, and at least one."""
        characters = bisect_right(range(1, len(text)), room, key=lambda count: self._size(text[:count]))
        return cut_text(text, max(len(text[:characters].encode(errors="surrogatepass")), 1)).text


def within_budget(hits: Sequence[Hit], max_tokens: int | None) -> tuple[list[Hit], bool]:
    """Return the hits whose texts fit into a budget of tokens, and whether anything was left out.

    A text that is too long is cut, and the hits after it still get their share. Without a budget nothing is left out.
    """
    if max_tokens is None:
        return list(hits), False
    budget = Budget(max_tokens, len(hits))
    kept: list[Hit] = []
    is_cut = False
    for hit in hits:
        taken = budget.take(hit.text, match=hit.match)
        if taken is None:
            return kept, True
        if taken.is_cut:
            is_cut = True
            first = hit.start_line + hit.text.count("\n", 0, taken.begin)
            lines = {"start_line": first, "end_line": first + taken.text.rstrip("\n").count("\n")}
            part = {"text": taken.text, "text_cut": True, "match": max(hit.match - taken.begin, 0)}
            kept.append(hit.model_copy(update={**lines, **part}))
        else:
            kept.append(hit)
    return kept, is_cut


def surroundings_within(
    surroundings: Sequence[Surrounding], hits: Sequence[Hit], max_tokens: int | None
) -> tuple[tuple[Surrounding, ...], bool]:
    """Return the definitions around hits that fit into what these leave of a budget, and whether some do not."""
    if max_tokens is None:
        return tuple(surroundings), False
    left = max_tokens - sum(tokens_of(hit.text) for hit in hits)
    for number, one in enumerate(surroundings):
        left -= OVERHEAD_TOKENS + tokens_of(one.path + (one.signature or one.name))
        if left < 0:
            return tuple(surroundings[:number]), True
    return tuple(surroundings), False


def commits_within(commits: Sequence[CommitHit], max_tokens: int | None) -> tuple[tuple[CommitHit, ...], bool]:
    """Return commits, best first, within a budget, and whether something was left out.

    Where a whole commit does not fit, its body and then its list of files are left out.
    """
    if max_tokens is None:
        return tuple(commits), False
    left = max_tokens
    kept: list[CommitHit] = []
    for commit in commits:
        short = commit.model_copy(update={"body": ""})
        shorter = short.model_copy(update={"files": ()})
        fitting = [each for each in (commit, short, shorter) if _tokens_of_commit(each) <= left]
        if not fitting and kept:
            break
        kept.append(fitting[0] if fitting else shorter)
        left -= _tokens_of_commit(kept[-1])
    return tuple(kept), tuple(kept) != tuple(commits)


def _tokens_of_commit(commit: CommitHit) -> int:
    texts = (commit.commit, commit.date, commit.subject, commit.body, *commit.files)
    return OVERHEAD_TOKENS + tokens_of("\n".join(text for text in texts if text))
