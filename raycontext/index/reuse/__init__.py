"""Rows that exist already: where they are found, how they are compared with the tree, and how they are taken over."""
