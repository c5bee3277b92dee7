"""The `raycontext` command in processes that are forked from one which has imported what commands need.

Python and the imports are most of what a short command costs. A forked process has its own arguments, environment,
folder, streams, process group and exit code, like one that a shell starts. What it cannot show is how a process starts:
the tests of that, and all that tests start and stop themselves, use a program of its own.

    python -m tests.forked SOCKET    serves until the program that started it ends
"""

from __future__ import annotations

import gc
import json
import os
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .waiting import ENDING, WAIT_SECONDS, until

__all__ = ["COMMANDS", "is_forkable"]

OWN = ("RAYCONTEXT_", "XDG_", "TEST_")
"""Beginnings of the names of variables that are read when a command runs. Others may be read when a process starts."""


def is_forkable(variables: dict[str, str]) -> bool:
    """Return whether a forked process heeds all these variables, which a test has set."""
    return all(name.startswith(OWN) for name in variables)


class CommandServer:
    """Process from which commands are forked. It starts with the first command."""

    def __init__(self) -> None:
        self._address = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, arguments: Sequence[str], cwd: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, as `subprocess.run` does. `arguments` begin with the name of the program."""
        self._start()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(WAIT_SECONDS)
            connection.connect(str(self._address))
            ends = [os.pipe(), os.pipe()]
            request = json.dumps({"arguments": arguments, "cwd": os.fspath(cwd), "environment": environment}).encode()
            try:
                socket.send_fds(connection, [len(request).to_bytes(4, "big")], [inner for _, inner in ends])
            finally:
                for _, inner in ends:
                    os.close(inner)
            connection.sendall(request)
            with connection.makefile("rb") as told, os.fdopen(ends[0][0]) as out, os.fdopen(ends[1][0]) as errors:
                process = int(told.readline())
                try:
                    stdout, stderr = _read_to_the_end(out.fileno(), errors.fileno())
                    code = int(told.readline())
                except BaseException:
                    with suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
                    raise
        return subprocess.CompletedProcess(arguments, code, _text(stdout), _text(stderr))

    def end(self) -> None:
        """End the process. Commands start it again."""
        if self._process is not None:
            self._process.stdin.close()  # type: ignore[union-attr]
            self._process.wait(WAIT_SECONDS)
            self._process = None
            self._address.unlink(missing_ok=True)

    def _start(self) -> None:
        """Start the process, unless it runs."""
        if self._process is not None:
            return
        self._address = Path(tempfile.gettempdir()) / f"commands-{secrets.token_hex(4)}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self._address)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
        )
        until(lambda: self._address.exists() or self._process is None or self._process.poll() is not None)
        assert self._address.exists()


COMMANDS = CommandServer()
"""The one of this process of tests, which ends with it."""


def _read_to_the_end(*descriptors: int) -> list[bytes]:
    """Return all that comes out of pipes until every process that could write into them is gone."""
    read: dict[int, list[bytes]] = {descriptor: [] for descriptor in descriptors}
    with selectors.DefaultSelector() as selector:
        for descriptor in descriptors:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(WAIT_SECONDS)
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                if part := os.read(key.fd, 1 << 16):
                    read[key.fd].append(part)
                else:
                    selector.unregister(key.fd)
    return [b"".join(read[descriptor]) for descriptor in descriptors]


def _text(data: bytes) -> str:
    """Return output as text. Bytes that are not UTF-8 come out as surrogates."""
    return data.decode(errors="surrogateescape").replace("\r\n", "\n")


def serve(address: str) -> None:
    """Fork a process for each connection, until stdin ends."""
    from raycontext.actors import coordinator  # noqa: F401 - for those that are forked
    from raycontext.cli import application, main  # noqa: F401
    from raycontext.cli.command_line import usage, values  # noqa: F401
    from raycontext.cli.install import command  # noqa: F401
    from raycontext.cli.queries import grep, relations, search  # noqa: F401
    from raycontext.runtime import inline  # noqa: F401

    assert "ray" not in sys.modules  # commands do without it as long as they can
    gc.collect()
    gc.freeze()  # these objects are never looked at again, so that their pages stay shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the tests end it by closing stdin
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(f"{address}.new")
        listener.listen(64)
        Path(f"{address}.new").rename(address)
        selector.register(listener, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        while True:
            ready = [key.fd for key, _ in selector.select(1.0)]
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if 0 in ready:
                return
            if listener.fileno() in ready:
                connection, _ = listener.accept()
                if os.fork() == 0:
                    selector.close()
                    listener.close()
                    _attend(connection)
                connection.close()


def _attend(connection: socket.socket) -> None:
    """Fork the command that a connection asks for, and tell its process and how that ended. Does not return."""
    head, streams, _, _ = socket.recv_fds(connection, 4, 2)
    with connection.makefile("rb") as asked:
        request = json.loads(asked.read(int.from_bytes(head, "big")))
    process = os.fork()
    if process == 0:
        connection.detach()
        _become(request, streams)
    for stream in streams:
        os.close(stream)
    with suppress(OSError):  # whoever asked is gone
        connection.sendall(f"{process}\n".encode())
        connection.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])}\n".encode())
    os._exit(0)


def _become(request: dict[str, Any], streams: list[int]) -> None:
    """Make this process one that a shell has started, and run the command in it. Does not return."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, *streams)):
        os.dup2(descriptor, number)
    os.closerange(3, max(nothing, *streams) + 8)
    for number in ENDING:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    sys.argv[:] = request["arguments"]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.warnoptions.clear()
    from raycontext.cli.main import program

    program()


if __name__ == "__main__":
    serve(sys.argv[1])
