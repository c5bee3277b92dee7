"""The MCP server: tools for coding agents, in the daemon and as a relay over standard input and output."""
