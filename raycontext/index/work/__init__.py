"""What the tasks of an index run do, within which limits."""
