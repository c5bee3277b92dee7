"""The most important definitions of a tree, ranked by use."""
