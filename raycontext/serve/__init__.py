"""Interfaces for people and programs: the daemon with its HTTP API, its web page and its MCP server."""
