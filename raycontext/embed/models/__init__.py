"""Embedders that run in this process: the static table and models from local folders."""
