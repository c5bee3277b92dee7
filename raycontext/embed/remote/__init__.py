"""Embedders that a server runs: the providers, the client, and the limits on its requests."""
