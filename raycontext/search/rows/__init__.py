"""The live rows of a shard: its view of segments, and which of the rows a query may answer with."""
