"""The calls of a `Context`, one class for each theme."""
