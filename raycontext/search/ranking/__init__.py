"""The order of the answers: best candidates, features to scores, and the merge of all shards."""
