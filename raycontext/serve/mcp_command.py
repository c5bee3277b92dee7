"""What `raycontext mcp` does: relays between stdin, stdout and the daemon. Imports as little as it can."""

from __future__ import annotations

from raycontext.serve import client
from raycontext.serve.mcp_relay import relay

__all__ = ["relay_to_daemon"]


def relay_to_daemon(root: str | None) -> None:
    """Serve the client at stdin and stdout until it closes stdin. `root`: as `client.root_folder` takes it."""
    place = client.root_folder(root)

    def find_daemon() -> str:
        if not client.is_wanted():
            problem = f"MCP needs the daemon, which {client.DAEMON_SWITCH} or this platform rules out."
            raise client.DaemonFailed(problem, client.log_path(place))
        return client.ensure_ready(place)

    relay(find_daemon)
