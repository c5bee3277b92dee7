"""Embedders: they turn chunks and queries into vectors, behind one protocol."""
