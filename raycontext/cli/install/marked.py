"""Text of ours in a file of others, or in one of its own, between two marker lines that say how to take it out again.

The first marker line holds a digest of our text, so that what somebody has changed since is known and kept, and the
number of files and folders that were made for it, so that these go with it. Nothing here looks at a file.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Found", "NotMarked", "Passage", "find", "with_passage", "without_passage"]

BEGIN = re.compile(
    r"^(?:<!-- |# )raycontext:begin digest=([0-9a-f]{16}) made=([0-9]{1,3})(?: -->)?(\r?\n)", re.MULTILINE
)
END = re.compile(r"^(?:<!-- |# )raycontext:end(?: -->)?(?=\r?\n|\Z)", re.MULTILINE)


class NotMarked(ValueError):
    """The marker lines of a text do not stand as `with_passage` writes them. Its words are the end of a sentence."""


@dataclass(frozen=True)
class Passage:
    """Text of ours: lines without marker lines, each ending in a line feed."""

    body: str
    front: str = ""
    """Lines that have to stand before the first marker line, such as front matter. Only a file of its own has them."""
    is_whole_file: bool = False
    """Whether the file holds nothing else."""
    comment: Literal["<!-- ", "# "] = "<!-- "
    """Beginning of a comment in the file's language."""

    @property
    def digest(self) -> str:
        """Digest of the text, 16 hexadecimal digits."""
        return _digest(self.front, self.body)

    def written(self, made: int) -> str:
        """Return the text with its marker lines, each line ending in a line feed. `made`: see `with_passage`."""
        end = " -->" if self.comment == "<!-- " else ""
        begin = f"{self.comment}raycontext:begin digest={self.digest} made={made}{end}\n"
        return f"{self.front}{begin}{self.body}{self.comment}raycontext:end{end}\n"


@dataclass(frozen=True)
class Found:
    """Passage as it stands in a file."""

    start: int
    """Offset of the first marker line, in characters; that of the front where the file is a whole one."""
    end: int
    """Offset behind the last marker line, without what ends that line."""
    digest: str
    made: int
    newline: str
    """What ends the lines of the passage."""
    is_changed: bool
    """Whether somebody has changed the text since."""


def find(text: str, passage: Passage) -> Found | None:
    """Return where a text holds a passage, of whatever version of ours; None when it holds none.

    Raises `NotMarked` when there are marker lines, but not one pair of them.
    """
    begins, ends = list(BEGIN.finditer(text)), list(END.finditer(text))
    if not begins and not ends:
        return None
    if len(begins) != 1 or len(ends) != 1 or ends[0].start() < begins[0].end():
        raise NotMarked("its marker lines 'raycontext:begin' and 'raycontext:end' are not one pair")
    begin, end = begins[0], ends[0]
    front = text[: begin.start()] if passage.is_whole_file else ""
    inner = (part.replace("\r\n", "\n") for part in (front, text[begin.end() : end.start()]))
    rest = text[end.end() :]
    changed = _digest(*inner) != begin[1] or (passage.is_whole_file and rest not in ("\n", "\r\n"))
    return Found(0 if passage.is_whole_file else begin.start(), end.end(), begin[1], int(begin[2]), begin[3], changed)


def with_passage(text: str | None, passage: Passage, missing_folders: int = 0) -> str:
    """Return a text with a passage at its end, or with the one that is there brought up to date.

    text: None for a missing file. missing_folders: number of folders that have to be made for it. A passage that was
    changed since stays as it is. The edit is proven: without the passage the text is as before. Raises `NotMarked`,
    also for a file of others where the passage needs one of its own.
    """
    changed = _with_passage(text, passage, missing_folders)
    if text is not None and find(text, passage) is None:
        found = find(changed, passage)
        if found is None or without_passage(changed, found) != (text, 0):
            raise NotMarked("no edit was found that can be taken out again")
    return changed


def _with_passage(text: str | None, passage: Passage, missing_folders: int) -> str:
    """Return a text with a passage in it, in the place of its former form or at the end.

    What a user has changed by hand stays. `missing_folders` counts the folders that are made for the file: it is noted
    in the passage, so that undo removes them. Raises `NotMarked` where a whole file is not ours.
    """
    if text is None:
        return passage.written(made=1 + missing_folders)
    found = find(text, passage)
    if found is not None:
        if found.is_changed or found.digest == passage.digest:
            return text
        section = passage.written(found.made).removesuffix("\n").replace("\n", found.newline)
        return text[: found.start] + section + text[found.end :]
    if passage.is_whole_file:
        raise NotMarked("it is a file that raycontext did not put there")
    if text == "":
        return passage.written(made=0)
    if text.endswith("\n"):
        newline = "\r\n" if text.endswith("\r\n") else "\n"
        return text + (f"\n{passage.written(made=0)}").replace("\n", newline)
    newline = "\r\n" if "\r\n" in text else "\n"  # the last line stays without an end, which tells how to undo it
    return text + (f"\n\n{passage.written(made=0)}").removesuffix("\n").replace("\n", newline)


def without_passage(text: str, found: Found) -> tuple[str | None, int]:
    """Return a text without a passage, and how many of the folders above the file were made for it.

    The text is None where the file was made for the passage and holds nothing else.
    """
    before, after, newline = text[: found.start], text[found.end :], found.newline
    if after.startswith(newline):
        left = before.removesuffix(newline) + after.removeprefix(newline)
    else:
        left = before.removesuffix(newline + newline) + after
    if left == "" and found.made:
        return None, found.made - 1
    return left, 0


def _digest(front: str, body: str) -> str:
    whole = f"{front}\0{body}".encode(errors="surrogateescape")
    return hashlib.sha256(whole).hexdigest()[:16]
