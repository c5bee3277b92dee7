"""The commands that index: one folder, one that is watched, and many."""
