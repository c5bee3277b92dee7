"""Storages for immutable objects: local folders, memory, object stores, and a cache in front of the latter."""
