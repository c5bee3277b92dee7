"""Trees of commits, read from the repository of git without a checkout."""
