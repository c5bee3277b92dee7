"""Entry point of the daemon: one process for each user and root that serves every interface, with its Ray.

It imports little until it has claimed the root: of many that start at once all but one end here.
"""

from __future__ import annotations

import argparse
import logging
import logging.handlers
import os
import socket
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, cast

from raycontext.daemon_client import lifecycle, paths
from raycontext.daemon_client.addresses import check_names, tcp_address
from raycontext.errors import InvalidInput
from raycontext.errors.exit_codes import ExitCode
from raycontext.files.private import make_private_folder, open_private
from raycontext.serve.daemon.claim import claim
from raycontext.serve.daemon.files import remove_left_folders, write_token

if TYPE_CHECKING:
    from raycontext.serve.http.access import Access

__all__ = ["main"]

_log = logging.getLogger("raycontext.daemon")

LOG_BYTES, LOG_FILES = 1 << 20, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `python -m raycontext.serve.daemon` and return the exit code.

    What keeps it from starting is written on stderr, as one line, before anything heavy is loaded: whoever started it
    tells its user.
    """
    parser = argparse.ArgumentParser(prog="raycontext daemon", description="Run the daemon in the foreground.")
    parser.add_argument("--root", required=True)
    parser.add_argument("--tcp", metavar="[HOST:]PORT", help="listen there as well, for those who have the token")
    given = parser.parse_args(arguments)
    os.environ[lifecycle.DAEMON_SWITCH] = "off"  # what runs in here must not look for a daemon
    os.environ["RAYCONTEXT_ROOT"] = given.root
    try:
        write_log(paths.log_path(given.root))
        outside = None if given.tcp is None else _listen(given.tcp)
        accesses = () if given.tcp is None else _accesses()
        claimed = claim(given.root)
        if claimed is None:
            _log.info("another daemon serves %s", given.root)
            return ExitCode.DONE
        remove_left_folders(given.root)
        write_token(given.root)
    except InvalidInput as error:
        return _not_started(str(error), ExitCode.WRONG_USE)
    except OSError as error:
        return _not_started(str(error), ExitCode.UNREACHABLE)
    try:
        import asyncio

        from raycontext.serve.daemon.process import serve

        asyncio.run(serve(given.root, claimed, given.tcp, outside, accesses))
    except Exception:
        _log.exception("the daemon ends with an error")
        return ExitCode.OTHER_ERROR
    return ExitCode.DONE


def _listen(text: str) -> socket.socket:
    """Return a socket that listens at an address. Raises `InvalidInput`, and `OSError` with the address in its text."""
    host, port = tcp_address(text)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "this is no host name"
        raise OSError(f"the daemon cannot listen at {host} port {port}: {reason}") from error
    try:
        check_names(listening.getsockname()[0])  # the system knows `0` and other names for all addresses
    except InvalidInput:
        listening.close()
        raise
    return listening


def _accesses() -> Sequence[Access]:
    """Return the tokens of others. Raises `InvalidInput`."""
    from raycontext.sdk.connection import settings_of
    from raycontext.serve.http.access import read_accesses

    return read_accesses(settings_of().tokens)


def _not_started(problem: str, code: ExitCode) -> int:
    print(f"{lifecycle.NOT_STARTED}{problem}", file=sys.stderr)  # noqa: T201
    return code


class _PrivateLog(logging.handlers.RotatingFileHandler):
    """Log that its owner alone can read, each file that a rotation begins as well."""

    def _open(self) -> TextIOWrapper:
        return cast(TextIOWrapper, open_private(Path(self.baseFilename), "a"))


def write_log(path: str) -> None:
    """Send the log of this process to the file at `path`, which only this user can read, begun anew when it is long."""
    make_private_folder(Path(path).parent)
    handler = _PrivateLog(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES)
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())
