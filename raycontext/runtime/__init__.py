"""The seam between plain classes and the processes that they run in."""
