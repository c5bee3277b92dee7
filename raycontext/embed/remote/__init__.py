"""Embedders that a server has: providers, the client, and what it may be asked per minute."""
