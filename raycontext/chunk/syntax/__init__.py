"""Definitions read from syntax trees: parsing, outline, and the rules of each language."""
