"""Clients of the search actors: they ask all shards, also of several replicas, and join the answers."""
