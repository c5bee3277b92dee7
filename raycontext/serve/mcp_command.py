"""`raycontext mcp`."""

from __future__ import annotations

from raycontext.serve.terminal import Root

__all__ = ["mcp"]


def mcp(root: Root = None) -> None:
    """MCP over stdin and stdout, for editors and agents: `raycontext install` configures them."""
    from raycontext.serve import client
    from raycontext.serve.mcp_relay import relay

    place = client.root_folder(root)

    def find_daemon() -> str:
        if not client.is_possible():
            raise client.DaemonFailed(
                f"MCP needs the daemon, and {client.DAEMON_SWITCH} or this platform does without.",
                client.log_path(place),
            )
        return client.ensure_ready(place)

    relay(find_daemon)
