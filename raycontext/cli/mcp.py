"""The command `mcp`."""

from __future__ import annotations

from raycontext.cli.terminal import Root

__all__ = ["mcp"]


def mcp(root: Root = None) -> None:
    """Serve MCP over stdin and stdout for editors and agents. `raycontext install` configures them."""
    from raycontext.daemon_client import lifecycle, paths
    from raycontext.errors import DaemonFailed
    from raycontext.serve.mcp.relay import relay

    place = paths.root_folder(root)

    def find_daemon() -> str:
        if not lifecycle.is_possible():
            raise DaemonFailed(
                f"MCP needs the daemon, and {lifecycle.DAEMON_SWITCH} or this platform does without.",
                paths.log_path(place),
            )
        return lifecycle.ensure_ready(place)

    relay(find_daemon)
