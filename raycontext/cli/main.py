"""The entry point of `raycontext`. It imports very little, so that a search takes 100 ms in all and help 200 ms.

Queries, `mcp` and the overview are served from here, the other commands from `application`.

Results go to stdout, progress and messages to stderr. `exit_codes` has the table of exit codes.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from contextlib import suppress

from raycontext.cli.display import interrupted, output_closed, say, unexpected
from raycontext.errors import RaycontextError
from raycontext.errors.exit_codes import ExitCode, told_in_one_line
from raycontext.text.safe import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["COMMANDS", "main", "program"]

RELATION_COMMANDS = ("usages", "callers", "callees", "impact", "path", "outline", "map", "diff")
"""Commands of `queries.relations`."""

COMMANDS = {
    "index": "Index a folder, or bring its index up to date. Exit code 8 if files are pending.",
    "search": "Search a folder, which is indexed first if it never was. Exit code 1 if nothing is found.",
    "related": "Find code similar to the chunk at a line. Exit code 1 if nothing is found.",
    "usages": "List the places that use a definition. Exit code 1 if nothing is found.",
    "callers": "List the definitions that call another one. Exit code 1 if nothing is found.",
    "callees": "List the definitions that another one calls. Exit code 1 if nothing is found.",
    "impact": "List everything that reaches a definition through calls, tests apart. Exit code 1 if nothing is found.",
    "path": "Find a shortest chain of calls from one definition to another. Exit code 1 if nothing is found.",
    "outline": "List the definitions of a file or folder with their documentation. Exit code 1 if nothing is found.",
    "map": "List the most important definitions of a file or folder, ranked by use. Exit code 1 if nothing is found.",
    "diff": "List the definitions that differ between two commits, by a question. Exit code 1 if nothing is found.",
    "grep": "List the lines of indexed files that match a regular expression. Exit code 1 if nothing is found.",
    "status": "Show what a collection holds, what was skipped, and its actors. Without a place, show the daemon too.",
    "list": "List all collections, or show the one with the given name.",
    "clear": "Remove a collection from the index. The source is not touched.",
    "savings": "Tell what answers cost in tokens, beside reading the files that they name. Only sums are kept, on this "
    "machine.",
    "up": "Start the daemon, or wait until it serves. Its Ray starts in the background.",
    "down": "End the daemon and its Ray.",
    "logs": "Print the end of the daemon's log.",
    "mcp": "Serve MCP over stdin and stdout for editors and agents. `raycontext install` configures them.",
    "install": "Configure editors and agents to use the MCP server (`raycontext mcp`), and tell them when to use it.",
    "batch": "Reindex many sources: folders, git repositories, archives.",
    "eval": "Score the search on judged queries, or on questions mined from the repository: NDCG, recall and MRR.",
    "tune": "Fit the weights of the ranker for one collection, and keep them if they are significantly better.",
    "untune": "Go back to the weights of the package for one collection. Exit code 1 if it had none of its own.",
    "verify": "Check that nothing of an index is missing or damaged. Exit code 5 if something is.",
    "repair": "Rebuild the damaged parts of an index from the source, and nothing else.",
    "publish": "Put what is missing of a collection into a place from which others `pull` it.",
    "pull": "Index a folder with what others have published of its files. Only what differs is parsed.",
    "doctor": "Find common faults of this machine, the root, its collections and, with --address, a cluster. "
    "Exit code 10 if there are any.",
    "watch": "Keep the index of a folder up to date as its files change.",
    "cancel": "Stop the running index job of a collection. What it has committed stays. Exit code 11 if none runs.",
}
"""Every command, with the text that the overview and docs/cli.md show for it."""


def program() -> NoReturn:
    """Run the command that the process was given, and end the process: what `raycontext` in a shell does."""
    code = _exit_code()
    if "ray" in sys.modules:  # a process that has joined a cluster says so when it leaves
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # whoever read it is gone, or it never was open
            stream.flush()
    os._exit(code)  # Python would first take its modules apart, for a third of the time of its start


def main() -> NoReturn:
    """Run the command that the process was given, and exit."""
    sys.exit(_exit_code())


def _exit_code() -> int:
    """Run the command, print its error when it fails, and return its exit code."""
    _open_streams()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # warnings are for developers, who turn them on with -W
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 must not end the command
    try:
        return _run(sys.argv[1:])
    except SystemExit:
        raise
    except RaycontextError as error:
        say(f"error: {safe(str(error))}")
        return error.exit_code
    except BrokenPipeError:
        return output_closed()
    except KeyboardInterrupt:
        return interrupted()
    except BaseException as error:  # Python itself would end with code 1, which means "nothing found"
        return unexpected(error)


def _open_streams() -> None:
    """Open those of stdin, stdout and stderr that the caller has closed, so that no other file gets their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            found = os.open(os.devnull, os.O_RDWR)
            if found != number:
                os.dup2(found, number)
                os.close(found)
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115


def _run(given: list[str]) -> int:
    """Run a command and return its exit code."""
    first = given[0] if given else ""
    if "_RAYCONTEXT_COMPLETE" in os.environ:
        from raycontext.cli.command_line.completion import complete

        code = complete()
        sys.stdout.flush()
        if code is not None:
            return code
        first = "completion"
    if first == "help" and len(given) > 1:
        first, given = given[1], [*given[1:], "--help"]
        sys.argv[1:] = given
    if first in ("", "-h", "--help", "help"):
        print(_overview(), flush=True)  # noqa: T201
        return ExitCode.DONE if first else ExitCode.WRONG_USE
    if first in ("-V", "--version"):
        from raycontext import __version__

        print(f"raycontext {__version__}", flush=True)  # noqa: T201
        return ExitCode.DONE
    if first in ("search", "related", "grep", *RELATION_COMMANDS):
        from raycontext.cli.command_line.options import QUERY_COMMANDS
        from raycontext.cli.command_line.values import parse

        if first in RELATION_COMMANDS:
            from raycontext.cli.queries.relations import run
        elif first == "grep":
            from raycontext.cli.queries.grep import run
        else:
            from raycontext.cli.queries.search import run
        code = run(first, parse(QUERY_COMMANDS[first], given[1:]))
        sys.stdout.flush()  # here, where a closed pipe is caught
        return code
    if given == ["mcp"]:
        from raycontext.cli.mcp import mcp

        mcp()
        return ExitCode.DONE
    from raycontext.cli.application import application

    application()
    return ExitCode.DONE


def _overview() -> str:
    """Return the text of `raycontext --help`."""
    import textwrap

    width = max(map(len, COMMANDS))
    return "\n".join(
        (
            "usage: raycontext COMMAND …",
            "",
            "Semantic code search: index a folder, then ask where something is done.",
            "",
            *(f"  {name:<{width}}  {help_.split('. ')[0].rstrip('.')}." for name, help_ in COMMANDS.items()),
            "",
            "  --version, --help, --install-completion, --show-completion; COMMAND --help tells what it takes.",
            "",
            *textwrap.wrap(told_in_one_line().replace("`", ""), 110),
            "",
            "From nothing to an answer:  raycontext search 'where is … done?' PATH",
        )
    )
