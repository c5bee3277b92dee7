"""`raycontext install`: puts the MCP server into the configurations of editors and agents, and takes it out again."""
