"""Candidates, features and ranking over the segments of a shard, and the merge over shards."""
