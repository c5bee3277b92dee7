"""Discovery of a tree: listing its files, finding those that have changed, and reading them safely."""
