"""What speaks for a chunk: its words, its vector, and the features of its file."""
