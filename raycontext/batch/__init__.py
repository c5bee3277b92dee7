"""Reindexing of many sources as one job that can be interrupted: the list, its records in the root, and the run."""
