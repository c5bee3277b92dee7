"""Search by a regular expression in the files of a shard."""
