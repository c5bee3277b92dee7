"""Embedders that run inside a process of ours: the static table, and models from local folders."""
