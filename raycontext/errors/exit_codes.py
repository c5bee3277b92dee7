"""Exit codes of the command line with their meanings. README, `raycontext --help` and docs/cli.md show this table."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["MEANINGS", "ExitCode", "told_in_one_line"]


class ExitCode(IntEnum):
    """Exit code of a command. The meaning of a code never changes."""

    DONE = 0
    NOTHING_FOUND = 1
    WRONG_USE = 2
    NO_SOURCE = 3
    NO_COLLECTION = 4
    STORAGE = 5
    RUN_STOPPED = 6
    UNREACHABLE = 7
    SOME_SOURCES = 8
    NO_SOURCES = 9
    PROBLEMS_FOUND = 10
    NOTHING_TO_CANCEL = 11
    OTHER_ERROR = 12
    INTERRUPTED = 130
    OUTPUT_CLOSED = 141


MEANINGS: dict[ExitCode, str] = {
    ExitCode.DONE: "done",
    ExitCode.NOTHING_FOUND: "nothing found",
    ExitCode.WRONG_USE: "wrong use",
    ExitCode.NO_SOURCE: "no such folder or source",
    ExitCode.NO_COLLECTION: "no such collection",
    ExitCode.STORAGE: "storage fails or is damaged",
    ExitCode.RUN_STOPPED: "the index run stopped",
    ExitCode.UNREACHABLE: "Ray, the daemon or an embedding server cannot be reached",
    ExitCode.SOME_SOURCES: "only some sources of a batch succeeded, or files are pending",
    ExitCode.NO_SOURCES: "no source of a batch succeeded",
    ExitCode.PROBLEMS_FOUND: "problems found (`doctor`)",
    ExitCode.NOTHING_TO_CANCEL: "nothing to cancel",
    ExitCode.OTHER_ERROR: "any other error",
    ExitCode.INTERRUPTED: "interrupted or cancelled",
    ExitCode.OUTPUT_CLOSED: "the reader of the output closed it",
}


def told_in_one_line() -> str:
    """Return the whole table as one sentence, such as "Exit codes: 0 done, 1 nothing found."."""
    return f"Exit codes: {', '.join(f'{code:d} {meaning}' for code, meaning in MEANINGS.items())}."
