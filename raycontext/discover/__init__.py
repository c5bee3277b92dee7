"""Find the files of a tree, tell which have changed, read them safely."""
