"""Places for immutable objects: local folders, memory, object stores, and a cache before the latter."""
