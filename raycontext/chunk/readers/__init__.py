"""Readers of files without a syntax tree: prose, notebooks, configuration, patterns, plain text."""
