"""Readers of files without a syntax tree: prose, notebooks, configuration, languages by patterns, and plain text."""
