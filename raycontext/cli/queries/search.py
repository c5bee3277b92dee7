"""The commands `search` and `related`. The daemon answers when it is ready; else this process does.

Nothing but the standard library is imported as long as a daemon answers (see `main`).
"""

from __future__ import annotations

import os

from raycontext.cli.display import commit_lines, print_hits, print_json, say, surroundings_lines, with_context
from raycontext.daemon_client import lifecycle, wire
from raycontext.errors import DaemonFailed, DaemonStarting, InvalidInput, PathNotFound, RemoteError
from raycontext.errors.exit_codes import ExitCode
from raycontext.files.paths import real_path
from raycontext.text.safe import safe, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Given = dict[str, Any]

__all__ = ["answered", "current_folder", "given_globs", "run"]


def run(name: str, given: Given) -> int:
    """Answer a query, print the hits, and return the exit code. Raises what the SDK raises, and `RemoteError`."""
    body = _search_body(given) if name == "search" else _related_body(given)
    # Wrong values get equal messages with and without a daemon.
    for key in ("limit", "offset", "languages", "paths", "kinds", "min_score", "max_tokens"):
        body[key] = given[key]
    if not (given.get("collections") or given.get("collection") or given.get("everywhere")):
        body["paths"] = [from_here(glob) for glob in given["paths"] or ()]
    body = {key: value for key, value in body.items() if value is not None}
    answer = answered(name, body, given)
    if given.get("commits"):
        return _show_commits(answer, given)
    hits = answer["hits"]
    if given["around"]:
        hits = with_context(hits, given["around"])
    files = list(dict.fromkeys(hit["path"] for hit in hits)) if given["files"] else None
    if given["json_hits"]:
        print_json(hits if files is None else files)
    elif given["as_json"]:
        shown = {"hits": hits} if files is None else {"files": files}
        print_json({**shown, **{name: value for name, value in answer.items() if name != "hits"}})
    else:
        most = None if given.get("context") else given["lines"] or None
        print_hits(hits, files=given["files"], first=given["offset"] + 1, lines=most)
        for line in () if given["files"] else surroundings_lines(answer["surroundings"]):
            print(line)  # noqa: T201
    _tell(answer)
    return 0 if hits else ExitCode.NOTHING_FOUND


def _show_commits(answer: dict[str, Any], given: Given) -> int:
    """Print the commits of an answer, or the paths of the files that they touched, and return the exit code."""
    commits = answer["commits"]
    files = list(dict.fromkeys(path for commit in commits for path in commit["files"])) if given["files"] else None
    if given["json_hits"]:
        print_json(commits if files is None else files)
    elif given["as_json"]:
        shown = {"commits": commits} if files is None else {"files": files}
        print_json({**shown, **{name: value for name, value in answer.items() if name != "commits"}})
    else:
        for line in commit_lines(commits, given["offset"] + 1) if files is None else map(safe, files):
            print(line)  # noqa: T201
    _tell(answer)
    return 0 if commits else ExitCode.NOTHING_FOUND


def _search_body(given: Given) -> dict[str, Any]:
    """Return the request for a search. Raises `InvalidInput` when arguments contradict each other."""
    collections = ["*"] if given["everywhere"] else given["collections"]
    if given["everywhere"] and given["collections"]:
        raise InvalidInput("Both --all and --collection are given", "Give one of them.")
    path = real_path(given["path"]) if given["path"] is not None else None
    if path is not None and not collections and not os.path.lexists(path):  # before a daemon is started for it
        raise PathNotFound(path)
    if path is not None and len(collections) > 1:
        raise InvalidInput("Both a path and several collections are given", "Give one of them.")
    query = text_of(given["query"])
    if not query.strip():
        raise InvalidInput("The query is empty", "Ask a question, or give words or a symbol to look for.")
    one = len(collections) == 1 and not given["everywhere"]
    return {
        "query": query,
        "path": path,
        "folder": current_folder() if path is None and not collections else None,
        "collection": collections[0] if one else None,
        "collections": None if one else collections,
        "ref": given["ref"],
        "grep": text_of(given["grep"]) if given["grep"] else None,
        "changed": given["changed"],
        "commits": given["commits"] or None,
        "diversity": given["diversity"],
        "explain": given["explain"],
        "context": given["context"] or None,
    }


def given_globs(given: Given) -> list[str] | None:
    """Return the globs of a command: relative to the current folder, or as they are with the name of a collection."""
    globs: list[str] | None = given["paths"]
    if globs is None or given["collection"] is not None:
        return globs
    return [from_here(glob) for glob in globs]


def from_here(glob: str) -> str:
    """Return a glob that begins with `./` or `../` as an absolute one: on a command line it is about this folder."""
    sign, rest = ("!", glob[1:]) if glob.startswith("!") else ("", glob)
    if not (rest in (".", "..") or rest.startswith(("./", "../"))):
        return glob
    whole = os.path.normpath(os.path.join(os.path.realpath(current_folder()), rest))  # noqa: PTH118
    return sign + whole + ("/" if rest.endswith("/") else "")


def current_folder() -> str:
    """Return the current folder. Raises `InvalidInput` when it is gone."""
    try:
        return os.getcwd()  # noqa: PTH109 - pathlib takes longer to import
    except FileNotFoundError:
        raise InvalidInput("The current folder is gone", "Go to another one, or name a collection.") from None


def _related_body(given: Given) -> dict[str, Any]:
    """Return the request for related code. Raises `InvalidInput` when the place is not PATH:LINE."""
    place = given["place"]
    path, _, line = place.rpartition(":")
    if not path or not (line.isascii() and line.isdecimal()):
        raise InvalidInput(f"'{place}' is not PATH:LINE", "Give a file and a line, such as src/app.py:42.")
    if given["collection"] is None:
        path = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - a link is a file of its own
    return {"path": path, "line": int(line), "collection": given["collection"]}


def answered(name: str, body: dict[str, Any], given: Given) -> dict[str, Any]:
    """Return the answer to any query. A folder that was never indexed is indexed first, and a first run is waited for.

    Raises what the SDK raises, and `RemoteError`.
    """
    try:
        answer = _asked(name, body, given)
    except RemoteError as refused:
        if refused.exit_code != ExitCode.NO_COLLECTION or given.get("ref") or given.get("changed"):
            raise
        from raycontext.cli.queries.first_search import folder_to_index

        folder = folder_to_index(body, refused, current_folder(), given["root"], given["address"])
    else:
        is_first = answer.get("version") == 0 and answer.get("indexing") and not body.get("collection")
        if not is_first or body.get("collections"):
            return answer
        folder = answer["indexing"][0]["source"]
    from raycontext.cli.indexing.runs import index_folder

    say(f"{safe(folder)} is not indexed yet")
    index_folder(folder, root=given["root"], address=given["address"])
    return _asked(name, body, given)


def _asked(name: str, body: dict[str, Any], given: Given) -> dict[str, Any]:
    """Return the answer of the daemon, or of this process when no daemon can answer yet."""
    root = lifecycle.daemon_root(given["root"], given["address"])
    if root is None:
        return _direct(name, body, given)
    try:
        reply = wire.ask(root, "POST", f"/api/{name}?wait=0", body)
    except wire.DaemonDiffers as other:
        reply = None
        say(f"{other}: this command answers by itself")
        lifecycle.retire_older(root, other)
    except wire.DaemonGone:
        reply = None
    if reply is None and _is_empty(root):
        reply = _asked_of_a_new_daemon(name, root, body)
    if reply is not None and reply.status != lifecycle.UNAVAILABLE:
        answer: dict[str, Any] = wire.checked(reply)
        return answer
    if reply is not None and reply.body["error"] != DaemonStarting.__name__:
        say(safe(reply.body["message"]))
    try:
        return _direct(name, body, given)
    finally:
        if reply is None:  # started last, since it would compete with the answer for processors
            lifecycle.start_quietly(root)


def _is_empty(root: str) -> bool:
    """Return whether a root holds nothing: no answer is possible before a daemon has indexed the folder. An object
    store is not looked into."""
    if "://" in root:
        return False
    try:
        names = os.listdir(root)  # noqa: PTH208 - pathlib takes longer to import
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return not any(os.path.lexists(f"{root}/{name}/FORMAT") for name in names)


def _asked_of_a_new_daemon(name: str, root: str, body: dict[str, Any]) -> wire.Reply | None:
    """Start a daemon where none runs, and return its answer to a query; None where it has none."""
    from raycontext.daemon_client.probe import probe

    if probe(root).state not in ("absent", "stale"):
        return None
    say(lifecycle.announcement(safe(root)))
    try:
        lifecycle.ensure_ready(root, tell=say, replaces=False)
        return wire.ask(root, "POST", f"/api/{name}?wait=0", body)
    except (wire.DaemonGone, DaemonFailed):
        return None


def _direct(name: str, body: dict[str, Any], given: Given) -> dict[str, Any]:
    """Answer a query in this process."""
    import gc

    gc.disable()  # what modules make stays: to look through it again and again is a tenth of the time until the answer
    from raycontext.cli.queries.direct import answer

    gc.freeze()
    gc.enable()
    return answer(name, body, root=given["root"], address=given["address"])


def _tell(answer: dict[str, Any]) -> None:
    """Report on stderr what the reader should know about the answer."""
    for job in answer["indexing"]:
        say(f"'{job['collection']}' is being indexed ({job['percent']:.0f} %): there may be more")
    if answer["shards_answered"] < answer["shards_total"]:
        say(f"{answer['shards_answered']} of {answer['shards_total']} shards have answered: there may be more")
    for note in answer["notes"]:
        say(safe(note))
    if answer["cut"]:
        say("cut to the budget of tokens")
    if not (answer["hits"] or answer["commits"]):
        say("nothing found so far" if answer["indexing"] else "nothing found")
