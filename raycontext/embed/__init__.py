"""Vectors of chunks and of queries, behind one protocol."""
