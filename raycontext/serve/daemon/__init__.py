"""The daemon: one process per root that holds the runtime and serves HTTP and MCP on a Unix socket."""
