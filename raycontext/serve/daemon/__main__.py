"""The daemon: one process for each user and root that holds Ray and serves every interface on a Unix socket.

Imports little until it has claimed the root: of many that start at once all but one end here.
"""

from __future__ import annotations

import argparse
import logging
import logging.handlers
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from raycontext.daemon_client import lifecycle, paths
from raycontext.exit_codes import ExitCode
from raycontext.serve.daemon.claim import claim
from raycontext.serve.daemon.files import remove_left_folders, write_token

__all__ = ["main"]

_log = logging.getLogger("raycontext.daemon")

LOG_BYTES, LOG_FILES = 1 << 20, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m raycontext.serve.daemon`; returns the exit code."""
    parser = argparse.ArgumentParser(prog="raycontext daemon", description="Run the daemon in the foreground.")
    parser.add_argument("--root", required=True)
    parser.add_argument("--tcp", metavar="HOST:PORT", help="listen there as well, for those who have the token")
    given = parser.parse_args(arguments)
    _write_log(paths.log_path(given.root))
    os.environ[lifecycle.DAEMON_SWITCH] = "off"  # what runs in here must not look for a daemon
    os.environ["RAYCONTEXT_ROOT"] = given.root
    claimed = claim(given.root)
    if claimed is None:
        _log.info("another daemon serves %s", given.root)
        return ExitCode.DONE
    remove_left_folders(given.root)
    write_token(given.root)
    try:
        import asyncio

        from raycontext.serve.daemon.process import serve

        asyncio.run(serve(given.root, claimed, given.tcp))
    except Exception:
        _log.exception("the daemon ends with an error")
        return ExitCode.OTHER_ERROR
    return ExitCode.DONE


def _write_log(path: str) -> None:
    Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES)
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())
