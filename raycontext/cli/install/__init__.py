"""`raycontext install`: adds the MCP server to the configurations of editors and agents, and removes it again."""
