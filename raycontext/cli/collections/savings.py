"""The command `savings`: what answers cost in tokens beside reading the files that they name."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from raycontext.cli.collections.state import known_collections
from raycontext.cli.display import print_json, say
from raycontext.cli.indexing.runs import daemon_root
from raycontext.cli.terminal import Collection, Json, Root
from raycontext.daemon_client import paths, wire
from raycontext.daemon_client.paths import cluster_address
from raycontext.errors import UnknownCollection

__all__ = ["savings"]


def savings(collection: Collection = None, root: Root = None, as_json: Json = False) -> None:
    """Tell what answers cost in tokens, beside reading the files that they name. Only sums are kept, on this
    machine.
    """
    told = _told(collection, root)
    if as_json:
        print_json(told)
        return
    for one in told["savings"]:
        times = one["file_tokens"] / max(one["answer_tokens"], 1)
        many = "1 answer" if one["answers"] == 1 else f"{one['answers']:,} answers"
        typer.echo(
            f"{one['collection']}  {many} since {one['since']}: {one['answer_tokens']:,} tokens; "
            f"the files that they name, read whole: {one['file_tokens']:,} ({times:.1f} times)"
        )
    if not told["counted"]:
        say("answers are not counted: RAYCONTEXT_SAVINGS is off, or no daemon is used")
    elif not told["savings"]:
        say("no answer was counted yet: the daemon counts those of search, related, usages, outline and of agents")


def _told(collection: str | None, root: str | None) -> dict[str, Any]:
    """Return the answer of the daemon; without one, what the last daemon has written."""
    place = daemon_root(root, cluster_address() or None)
    health = wire.health(place) if place is not None else None
    if place is not None and health is not None and health["state"] == "ready":
        asked = {} if collection is None else {"collection": collection}
        with suppress(wire.DaemonGone):
            answer: dict[str, Any] = wire.checked(wire.ask(place, "POST", "/api/savings", asked))
            return answer
    from raycontext.serve.http.calls import savings_of
    from raycontext.serve.savings import read_sums
    from raycontext.settings import Settings

    known = known_collections(root, None)
    if collection is not None and collection not in [one.name for one in known]:
        raise UnknownCollection(collection, tuple(one.name for one in known))
    sums = read_sums(Path(paths.savings_path(paths.root_folder(root))))
    found = [(one, sums[one.source]) for one in known if one.source in sums and collection in (None, one.name)]
    told = [savings_of(one.name, one.source, saved).model_dump(mode="json") for one, saved in found]
    settings = Settings()
    return {"savings": told, "counted": settings.savings and settings.daemon}
