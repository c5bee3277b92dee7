"""Chunking: division of files into chunks at the level of definitions, by their syntax trees."""
