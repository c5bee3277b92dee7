"""The folder that a query indexes because it never was, and whether it may be indexed in passing."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from raycontext.cli.display import say
from raycontext.cli.terminal import connected
from raycontext.discover.first_index import obstacle_to_first_index
from raycontext.errors import NotIndexedYet, RemoteError, UnknownCollection
from raycontext.text.safe import safe

__all__ = ["folder_to_index"]

MOST_NAMED = 5
"""Largest number of collections that a message names."""


def folder_to_index(
    body: dict[str, Any], refused: RemoteError, here: str, root: str | None, address: str | None
) -> str:
    """Return the folder to index for a query that no collection answers.

    It is the folder that the query names, else the current one, which may hold the file that the query names.
    A folder is indexed where it is small or the user at the terminal says so, be it the current one or one that the
    query names. Raises `refused` for a query that names a collection or a file elsewhere, and an error with its exit
    code for a folder that is private or too large, and for any on a cluster.

    body: the query. here: the current folder.
    """
    folder = _folder_of(body, os.path.realpath(here))
    if folder is None or body.get("collection") or body.get("collections"):
        raise refused
    command = f"`raycontext index {folder}`"
    several = " or --all" if "collections" in body else ""
    elsewhere = f"--collection NAME{several} searches what is indexed elsewhere."
    if address:  # its nodes may not see the folder, and others share its collections
        raise _refused(
            refused, f"{folder} is not indexed on this cluster: {command} with its --address does. {elsewhere}"
        )
    if refused.name == NotIndexedYet.__name__ and not _is_source(folder, root):
        raise refused  # the source of the collection is a folder above, which this query does not name
    obstacle = obstacle_to_first_index(folder)
    if obstacle is None:
        return folder
    if below := _collections_below(folder, root):
        elsewhere = f"Indexed below it: {', '.join(below)}. {elsewhere}"
    if obstacle.is_private:
        raise _refused(refused, f"{folder} {obstacle.reason}: a search does not index it, {command} does. {elsewhere}")
    if not _agrees(f"{folder} is not indexed yet and {obstacle.reason}. Index it now? [y/N] "):
        raise _refused(refused, f"{folder} is not indexed, and {obstacle.reason}: {command}. {elsewhere}")
    return folder


def _folder_of(body: dict[str, Any], here: str) -> str | None:
    """Return the folder that a query is about; None where it is about a file that is not in the current folder."""
    place, _, line = str(body.get("target") or body.get("start") or "").rpartition(":")
    named = body.get("path") or (place if os.path.isabs(place) and line.isdecimal() else "")  # noqa: PTH117
    found = os.path.realpath(named) if named else here
    if Path(found).is_dir():
        return found
    return here if Path(here) in Path(found).parents else None


def _is_source(folder: str, root: str | None) -> bool:
    """Return whether a collection indexes exactly this folder."""
    with connected(root, None, "inline") as context:
        try:
            return bool(context.of_source(folder))
        except UnknownCollection:
            return False


def _collections_below(folder: str, root: str | None) -> list[str]:
    """Return the names of the collections whose folders lie below this one, as many as a message may name."""
    with connected(root, None, "inline") as context:
        return [known.name for known in context.collections() if Path(folder) in Path(known.source).parents][
            :MOST_NAMED
        ]


def _refused(refused: RemoteError, message: str) -> RemoteError:
    return RemoteError(refused.name, message, refused.exit_code)


def _agrees(question: str) -> bool:
    """Ask the user. Return False where there is no terminal."""
    if sys.stdin is None or not sys.stdin.isatty() or not sys.stderr.isatty():
        return False
    sys.stderr.write(safe(question))
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        say("")
    return answer.strip().lower() in ("y", "yes")
