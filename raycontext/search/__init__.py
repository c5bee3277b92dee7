"""Search: candidates and features from the segments of a shard, ranking, and the merge over shards."""
